"""The head that reads summaries of a whole crop from its class token."""

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.heads.embedding_head import PlacedSummaries
from sk_brainrvq.nn.linear import Linear
from sk_brainrvq.nn.parallel import n_in_all, total

# Deviations from the mean of fewer crops say little, and one second has no spectra to average.
_FEWEST_CROPS, _FEWEST_SECONDS = 3, 2
# Crops of this many seconds count half as much as long ones: their summaries are mostly noise.
_NOISY_SECONDS = 3
# The running variance forgets batches older than about 50.
_FASTEST_FORGETTING = 0.02
# Deviations that are larger, in standard deviations, count as this large: artefacts.
_LARGEST = 6.0
# Added to the variance of each summary, in squared units of logarithms.
_SMALLEST_VARIANCE = 1e-3


class SummaryHead(PlacedSummaries):
    """Linear map from the class token to the summaries of its crop, and the error of that.

    Summaries are those that ``BrainRVQEmbedder`` computes beside tokens by default: spectra by
    region and log-covariances of 19 positions in five bands. What counts is how a crop deviates
    from the mean of its batch, whose crops share their channels: otherwise the class token would
    learn which channels there are. Each summary is divided by its standard deviation.

    Parameters
    ----------
    embed_dim : int

    Attributes
    ----------
    log_regions, log_positions : Tensor
        As of :class:`~sk_brainrvq.nn.heads.embedding_head.PlacedSummaries`.
    variance : Tensor, shape (1456,)
        Running mean, over training batches, of the variance within a batch.
    n_batches : Tensor, shape (), int64
        Number of batches in ``variance``.
    """

    variance: Tensor
    n_batches: Tensor

    def __init__(self, embed_dim: int):
        super().__init__(bands=True)
        n_summaries = self.n_of_spectra + self.n_of_covariances
        self.linear = Linear(embed_dim, n_summaries)
        nn.init.trunc_normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("variance", torch.zeros(n_summaries))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    def forward(self, class_tokens: Tensor, x: Tensor, electrodes: Tensor) -> Tensor:
        """Compute the error of the summaries that class tokens predict.

        Parameters
        ----------
        class_tokens : Tensor, shape (2 * B, D)
            Of the pass that hid the masked patches, then of the one that hid all others.
        x : Tensor, shape (B, C, P, 200)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        Tensor, shape ()
            Mean squared error, spectra and covariances counting alike, times P / (P + 3). Zero if
            the batch has fewer than three crops, or crops of one second.
        """
        predicted = self.linear(class_tokens).float().unflatten(0, (2, len(x)))
        n_crops, n_seconds = n_in_all(len(x)), x.shape[2]
        if n_crops < _FEWEST_CROPS or n_seconds < _FEWEST_SECONDS:
            # With gradients of zero: several processes expect one for every parameter.
            return 0.0 * predicted.sum()
        squares = (self._deviations(x, electrodes, n_crops) - _centred(predicted, n_crops)).square()
        sizes = [self.n_of_spectra, self.n_of_covariances]
        of_spectra, of_covariances = (part.mean() for part in squares.split(sizes, -1))
        return n_seconds / (n_seconds + _NOISY_SECONDS) * (of_spectra + of_covariances) / 2

    @torch.no_grad()
    def _deviations(self, x: Tensor, electrodes: Tensor, n_crops: int) -> Tensor:
        """Standardised deviations of each crop's summaries from the mean of the batch."""
        spectra = self.spectra_of_regions(x, electrodes)
        summaries = torch.cat([spectra, self.log_covariances(x, electrodes)], 1)
        deviations = _centred(summaries, n_crops)
        if self.training:
            variance = total(deviations.square().sum(0)) / (n_crops - 1)
            self.n_batches += 1
            share = (1 / self.n_batches).clamp(min=_FASTEST_FORGETTING)
            self.variance.lerp_(variance, share.to(variance.dtype))
        return (deviations / (self.variance + _SMALLEST_VARIANCE).sqrt()).clamp(-_LARGEST, _LARGEST)


def _centred(values: Tensor, n_crops: int) -> Tensor:
    """Values (..., B, n) minus their mean over the batch of all processes.

    The mean counts as constant: in the gradient of a squared error its part is zero.
    """
    return values - total(values.detach().sum(-2, keepdim=True)) / n_crops

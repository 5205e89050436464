"""The head that sees all features of the embedder, not only tokens."""

import math

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.heads.placed_summaries import PlacedSummaries


class EmbeddingHead(PlacedSummaries):
    """Linear map of the standardised mean token, spectra by region and log-covariances.

    Parameters
    ----------
    embed_dim, n_outputs : int
    bands : bool, default=False
        Use one covariance for each of five frequency bands, as ``BrainRVQEmbedder`` does by
        default, instead of one over all frequencies.
    aligned : bool, default=False
        Use spectra twice, as ``BrainRVQEmbedder(center_by="subject")`` does: of the whitened
        signals that the encoder reads, and of the original ones. Computed from ``x`` both are
        the same; the shift added to the features turns the second, and the covariances, into
        centred ones of the original signals.

    Attributes
    ----------
    log_regions, log_positions : Tensor
        As of :class:`~sk_brainrvq.nn.heads.placed_summaries.PlacedSummaries`.
    centre, scale : Tensor, shape (n_features,)
        Centre and scale of the features over training data.
    linear : nn.Linear
        Map of the standardised features divided by the square root of their number, so that a
        step of the optimizer moves outputs as far as with a few features.

    Notes
    -----
    The head starts from the solution of a linear regression on frozen features and is then
    trained with the encoder: linear probing, then fine-tuning (Kumar et al. 2022, "Fine-tuning
    can distort pretrained features and underperform out-of-distribution", ICLR). Spectra and
    covariances are functions of the signal; gradients reach the encoder only through the tokens.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, embed_dim: int, n_outputs: int, bands: bool = False, aligned: bool = False):
        super().__init__(bands)
        self.aligned = aligned
        self.n_spectra = self.n_of_spectra * (2 if aligned else 1)
        self.n_features = embed_dim + self.n_spectra + self.n_of_covariances
        self.register_buffer("centre", torch.zeros(self.n_features))
        self.register_buffer("scale", torch.ones(self.n_features))
        self.linear = nn.Linear(self.n_features, n_outputs)
        nn.init.trunc_normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def summaries(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Spectra by region and log-covariances of patches, without gradients.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        Tensor, shape (B, 1456) with bands, (B, 696) without, 506 more if aligned, float32
        """
        of_regions = [self.spectra_of_regions(x, electrodes)] * (2 if self.aligned else 1)
        return torch.cat([*of_regions, self.log_covariances(x, electrodes)], 1)

    def standardised(self, features: Tensor) -> Tensor:
        """Standardise features (B, n_features) for the linear map."""
        return (features - self.centre) / (self.scale * math.sqrt(self.n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (B, n_outputs) of features (B, n_features)."""
        return self.linear(self.standardised(features))

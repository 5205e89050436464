"""Pretraining network: predict the codes of hidden patches, coarse to fine."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import N_LOG_SPECTRUM, EEGEncoder, check_patches, log_spectrum
from sk_brainrvq.nn.heads.code_head import HierarchicalHead, linear_cross_entropy
from sk_brainrvq.nn.heads.summary_head import SummaryHead
from sk_brainrvq.nn.linear import Linear
from sk_brainrvq.nn.parallel import current_share, held_twice, sharing, total


@dataclass
class MaskedCodeOutput:
    """What the pretraining network returns.

    Attributes
    ----------
    loss : Tensor, shape (), or None
        None if no codes were given.
    accuracy : Tensor, shape (2, Q), or None
        Share of positions whose code was predicted correctly, per domain and level.
    spectrum_error : Tensor, shape (), or None
        Mean squared error of the log spectra of hidden patches, if the network predicts them.
    summary_loss : Tensor, shape (), or None
        Loss on the summaries of crops before it is weighted, if the network predicts them.
    masked_logits, visible_logits : list of list of Tensor, or None
        ``[domain][level]``, each (n_positions, K), positions in mask order: for masked
        positions from the pass that hid them, for visible ones from the complementary pass.
    """

    loss: Tensor | None
    accuracy: Tensor | None
    masked_logits: list[list[Tensor]] | None
    visible_logits: list[list[Tensor]] | None
    spectrum_error: Tensor | None = None
    summary_loss: Tensor | None = None


class MaskedCodeModel(nn.Module):
    """Encoder with hierarchical heads, pretrained on the codes of hidden patches.

    Each batch is encoded twice: once with the masked patches hidden, once with all others
    hidden, so that every position is predicted from a pass that did not see it.

    Parameters
    ----------
    encoder : EEGEncoder
    codebook_size : int
    n_quantizers : int
    level_weights : sequence of float, optional
        Weight of each level's loss; 1, 1/2, 1/4, ... by default, as published.
    domain_weights : sequence of float, default=(1, 1)
        Weights of the losses on the waveform's and the spectrum's codes.
    hierarchical : bool, default=True
        Predict each level given the previous ones; if False, predict all only from the token.
    spectrum_weight : float, default=0
        Weight of a loss that is not in the paper: the squared error of each patch's log spectrum,
        as the spectral embedding computes it, read by a linear map from the token of the pass that
        hid the patch, and from that of the pass that saw it. With 0 the network has no such map.
    summary_weight : float, default=0
        Weight of another loss that is not in the paper: the error of the spectra by region and
        log-covariances of the whole crop, read by a linear map from the class token of each pass;
        see ``sk_brainrvq.nn.heads.summary_head``. With 0 the network has no such map.

    Notes
    -----
    Source: the BrainRVQ paper (2026), hierarchical autoregressive pretraining. The last
    level's code embeddings and the encoder's own head, never trained in the published
    network, are left out.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import EEGEncoder, MaskedCodeModel
    >>> model = MaskedCodeModel(EEGEncoder(100, 1), codebook_size=16, n_quantizers=2)
    >>> x, electrodes = torch.randn(2, 3, 4, 200), torch.tensor([1, 2, 3])
    >>> mask = torch.rand(2, 3, 4) < 0.5
    >>> codes = torch.randint(16, (2, 3, 4, 2, 2))
    >>> model(x, electrodes, mask, codes, return_logits=False).accuracy.shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        encoder: EEGEncoder,
        codebook_size: int,
        n_quantizers: int,
        level_weights: Sequence[float] | None = None,
        *,
        domain_weights: Sequence[float] = (1.0, 1.0),
        hierarchical: bool = True,
        spectrum_weight: float = 0.0,
        summary_weight: float = 0.0,
    ):
        super().__init__()
        if len(domain_weights) != 2:
            raise ValueError(
                f"{len(domain_weights)} domain_weights were given; expected two, for the "
                "waveform's and the spectrum's codes."
            )
        if level_weights is None:
            level_weights = [0.5**level for level in range(n_quantizers)]
        if len(level_weights) != n_quantizers:
            raise ValueError(
                f"{len(level_weights)} level_weights were given for {n_quantizers} levels."
            )
        self.encoder = encoder
        self.level_weights = tuple(float(w) for w in level_weights)
        self.domain_weights = tuple(float(w) for w in domain_weights)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, 1, encoder.embed_dim))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.domains = nn.ModuleList(
            HierarchicalHead(encoder.embed_dim, codebook_size, n_quantizers, hierarchical)
            for _ in range(2)
        )
        self.set_spectrum_weight(spectrum_weight)
        self.set_summary_weight(summary_weight)

    def set_spectrum_weight(self, weight: float) -> None:
        """Set the weight of the loss on log spectra; its head exists only if it is not zero."""
        self.spectrum_weight = float(weight)
        self.spectrum = None
        if self.spectrum_weight:
            self.spectrum = Linear(self.encoder.embed_dim, N_LOG_SPECTRUM)
            nn.init.trunc_normal_(self.spectrum.weight, std=0.02)
            nn.init.zeros_(self.spectrum.bias)

    def set_summary_weight(self, weight: float) -> None:
        """Set the weight of the loss on summaries; its head exists only if it is not zero."""
        self.summary_weight = float(weight)
        self.summary = SummaryHead(self.encoder.embed_dim) if self.summary_weight else None

    def hidden_tokens(self, x: Tensor, electrodes: Tensor, mask: Tensor) -> Tensor:
        """Tokens of every position, each from the pass in which it was hidden.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
        mask : Tensor, shape (B, C, P), bool

        Returns
        -------
        Tensor, shape (B, C * P, D)
        """
        return _of_each_position(self._both_passes(x, electrodes, mask), mask)[0]

    def _both_passes(self, x: Tensor, electrodes: Tensor, mask: Tensor) -> Tensor:
        """All tokens (2 * B, 1 + C * P, D), first of the pass that hides masked patches."""
        patches = self.encoder.patch_embed(x)
        masks = torch.cat([mask, ~mask])[..., None]
        both = torch.where(masks, self.mask_token.to(patches.dtype), patches.repeat(2, 1, 1, 1))
        with sharing(held_twice()):
            return self.encoder.transform_tokens(both, electrodes)

    def forward(
        self,
        x: Tensor,
        electrodes: Tensor,
        mask: Tensor,
        codes: Tensor | None = None,
        return_logits: bool = True,
    ) -> MaskedCodeOutput:
        """Predict the codes of every patch from a pass in which it was hidden.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz, P at most 30.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
        mask : Tensor, shape (B, C, P), bool
            True for patches to hide in the first pass.
        codes : Tensor, shape (B, C, P, 2, Q), int64, optional
            The tokenizer's codes, for teacher forcing and the loss. Without them prediction is
            greedy and the loss is None.
        return_logits : bool, default=True
            Return all logits. Pass False in training to save memory.

        Returns
        -------
        MaskedCodeOutput
        """
        check_patches(x)
        if mask.shape != x.shape[:3]:
            raise ValueError(
                f"mask has shape {tuple(mask.shape)}; expected {tuple(x.shape[:3])}, one entry "
                "per patch of x."
            )
        both = self._both_passes(x, electrodes, mask)
        hidden, seen = _of_each_position(both, mask)
        tokens = hidden.flatten(0, 1)
        loss = accuracy = masked_logits = visible_logits = error = of_summaries = None
        flat_codes = None if codes is None else codes.flatten(0, 2)
        if flat_codes is not None:
            weights = _position_weights(mask.flatten())
            loss, accuracy = self._loss(tokens, flat_codes, weights)
            if self.spectrum is not None:
                errors = self._spectrum_errors(tokens, x)
                of_seen = self._spectrum_errors(seen.flatten(0, 1), x)
                loss = loss + self.spectrum_weight * (weights * (errors + of_seen)).sum()
                error = errors.detach().mean()
            if self.summary is not None:
                of_summaries = self.summary(both[:, 0], x, electrodes)
                loss = loss + self.summary_weight * of_summaries
                of_summaries = of_summaries.detach()
        if return_logits:
            masked_logits = self._logits(tokens, flat_codes, mask.flatten())
            visible_logits = self._logits(tokens, flat_codes, ~mask.flatten())
        return MaskedCodeOutput(loss, accuracy, masked_logits, visible_logits, error, of_summaries)

    def _spectrum_errors(self, tokens: Tensor, x: Tensor) -> Tensor:
        """Mean squared error over the log spectrum of each position (n,)."""
        assert self.spectrum is not None
        targets = log_spectrum(x).flatten(0, 2)
        return (self.spectrum(tokens).float() - targets).square().mean(-1)

    def _loss(self, tokens: Tensor, codes: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        summed, correct = tokens.new_zeros((), dtype=torch.float32), []
        for domain, heads in enumerate(self.domains):
            inputs = heads.level_inputs(tokens, codes[:, domain])
            for level, level_weight in enumerate(self.level_weights):
                loss, n_correct = linear_cross_entropy(
                    inputs[level], heads.heads[level], codes[:, domain, level], weights
                )
                summed = summed + self.domain_weights[domain] * level_weight * loss
                correct.append(n_correct)
        accuracy = torch.stack(correct).reshape(2, -1) / len(tokens)
        return summed, accuracy

    def _logits(
        self, tokens: Tensor, codes: Tensor | None, positions: Tensor
    ) -> list[list[Tensor]]:
        return [
            heads.logits(tokens[positions], None if codes is None else codes[positions, domain])
            for domain, heads in enumerate(self.domains)
        ]


def _of_each_position(both: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (B, C * P, D) of every position from the pass that hid it, and that saw it."""
    masked_pass, complement_pass = both[:, 1:].chunk(2)
    hidden = mask.flatten(1)[..., None]
    return (
        torch.where(hidden, masked_pass, complement_pass),
        torch.where(hidden, complement_pass, masked_pass),
    )


def _position_weights(mask: Tensor) -> Tensor:
    """Weights that turn a sum into the mean over masked plus the mean over visible positions."""
    numbers = torch.stack([mask.sum(), (~mask).sum()]).float()
    share = current_share()
    if share is not None:
        # In proportion to this process's part of the batch, like every other mean.
        numbers = total(numbers) * share.fraction
    n_masked, n_visible = numbers.clamp(min=1)
    return torch.where(mask, 1 / n_masked, 1 / n_visible)

"""Pretraining network: predict the codes of hidden patches, coarse to fine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import N_LOG_SPECTRUM, EEGEncoder, check_patches, log_spectrum
from sk_brainrvq.nn.linear import Linear, linear
from sk_brainrvq.nn.parallel import current_share, held_twice, sharing, total
from sk_brainrvq.nn.search import first_largest

# Logits held at once in training: bounds memory for any batch and codebook.
_LOGIT_ELEMENTS = 2**22


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
    masked_logits, visible_logits : list of list of Tensor, or None
        ``[domain][level]``, each (n_positions, K), positions in mask order: for masked
        positions from the pass that hid them, for visible ones from the complementary pass.
    """

    loss: Tensor | None
    accuracy: Tensor | None
    masked_logits: list[list[Tensor]] | None
    visible_logits: list[list[Tensor]] | None
    spectrum_error: Tensor | None = None


class HierarchicalHead(nn.Module):
    """Predict the codes of one domain level by level, each given the previous levels.

    Parameters
    ----------
    embed_dim : int
    codebook_size : int
    n_quantizers : int
    hierarchical : bool, default=True
        If False, predict every level only from the token, without the previous levels.
    """

    def __init__(
        self, embed_dim: int, codebook_size: int, n_quantizers: int, hierarchical: bool = True
    ):
        super().__init__()
        n_contexts = n_quantizers - 1 if hierarchical else 0
        self.code_embed = nn.ModuleList(
            nn.Embedding(codebook_size, embed_dim) for _ in range(n_contexts)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dim, eps=1e-6) for _ in range(n_contexts))
        self.heads = nn.ModuleList(Linear(embed_dim, codebook_size) for _ in range(n_quantizers))
        for module in (*self.code_embed, *self.heads):
            nn.init.trunc_normal_(module.weight, std=0.02)
        for head in self.heads:
            nn.init.zeros_(head.bias)

    def level_inputs(self, tokens: Tensor, codes: Tensor) -> list[Tensor]:
        """Inputs to each level's head, given the true codes (teacher forcing).

        Parameters
        ----------
        tokens : Tensor, shape (n, D)
        codes : Tensor, shape (n, Q), int64

        Returns
        -------
        list of Tensor, shape (n, D)
        """
        if not len(self.code_embed):
            return [tokens] * len(self.heads)
        inputs, context = [tokens], tokens
        for level, (embed, norm) in enumerate(zip(self.code_embed, self.norms, strict=True)):
            context = context + embed(codes[:, level])
            inputs.append(norm(context))
        return inputs

    def greedy_logits(self, tokens: Tensor) -> list[Tensor]:
        """Logits of each level, given the codes predicted so far: list of (n, K)."""
        if not len(self.code_embed):
            return [head(tokens) for head in self.heads]
        logits, context = [self.heads[0](tokens)], tokens
        for embed, norm, head in zip(self.code_embed, self.norms, self.heads[1:], strict=True):
            context = context + embed(logits[-1].argmax(-1))
            logits.append(head(norm(context)))
        return logits

    def logits(self, tokens: Tensor, codes: Tensor | None) -> list[Tensor]:
        """Logits of each level, list of (n, K): teacher-forced, or greedy if codes is None."""
        if codes is None:
            return self.greedy_logits(tokens)
        inputs = self.level_inputs(tokens, codes)
        return [head(h) for head, h in zip(self.heads, inputs, strict=True)]


def linear_cross_entropy(
    inputs: Tensor, head: nn.Linear, codes: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of a linear head, without keeping its logits.

    Logits are computed in chunks, only one of which exists at a time.

    Parameters
    ----------
    inputs : Tensor, shape (n, D)
    head : nn.Linear
        Linear map to K logits.
    codes : Tensor, shape (n,), int64
    weights : Tensor, shape (n,)
        Weight of each position.

    Returns
    -------
    loss : Tensor, shape ()
        Weighted sum.
    n_correct : Tensor, shape ()
        Number of positions whose code has the largest logit.
    """
    weight: Tensor = head.weight
    bias: Tensor = head.bias
    if torch.is_autocast_enabled(inputs.device.type):
        dtype = torch.get_autocast_dtype(inputs.device.type)
        inputs, weight, bias = inputs.to(dtype), weight.to(dtype), bias.to(dtype)
    with torch.autocast(inputs.device.type, enabled=False):
        return _LinearCrossEntropy.apply(inputs, weight, bias, codes, weights)


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss and gradients chunk by chunk: logits are computed once and kept for one chunk.

    The gradient of a cross-entropy is known as soon as its logits are, so it is computed in the
    forward pass, in place, and scaled in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, codes: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        wanted = any(ctx.needs_input_grad)
        rows = max(1, _LOGIT_ELEMENTS // len(weight))
        loss = inputs.new_zeros((), dtype=torch.float32)
        n_correct = torch.zeros((), dtype=torch.int64, device=inputs.device)
        of_inputs = torch.empty_like(inputs) if wanted else None
        of_weight = torch.zeros_like(weight, dtype=torch.float32) if wanted else None
        of_bias = torch.zeros_like(bias, dtype=torch.float32) if wanted else None
        for start in range(0, len(inputs), rows):
            part = slice(start, start + rows)
            x, code, row_weight = inputs[part], codes[part, None], weights[part, None]
            logits = linear(x, weight, bias).float()
            best = first_largest(logits)[:, None]
            n_correct += (best == code).sum()
            largest = logits.gather(1, best)
            chosen = logits.gather(1, code)
            likelihood = logits.sub_(largest).exp_()
            total_likelihood = likelihood.sum(1, keepdim=True)
            loss += ((largest + total_likelihood.log() - chosen) * row_weight).sum()
            if wanted:
                # Softmax minus one at the true code, weighted.
                gradient = likelihood.mul_(row_weight / total_likelihood)
                gradient.scatter_add_(1, code, -row_weight)
                gradient = gradient.to(x.dtype)
                of_inputs[part] = linear(gradient, weight.t())
                of_weight += linear(gradient.t(), x.t())
                of_bias += gradient.sum(0)
        if wanted:
            ctx.save_for_backward(of_inputs, of_weight.to(weight.dtype), of_bias.to(bias.dtype))
        ctx.mark_non_differentiable(n_correct)
        return loss, n_correct

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gradients = (gradient * scale.to(gradient.dtype) for gradient in ctx.saved_tensors)
        return (*gradients, None, None)


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

    def set_spectrum_weight(self, weight: float) -> None:
        """Set the weight of the loss on log spectra; its head exists only if it is not zero."""
        self.spectrum_weight = float(weight)
        self.spectrum = None
        if self.spectrum_weight:
            self.spectrum = Linear(self.encoder.embed_dim, N_LOG_SPECTRUM)
            nn.init.trunc_normal_(self.spectrum.weight, std=0.02)
            nn.init.zeros_(self.spectrum.bias)

    def hidden_tokens(self, x: Tensor, electrodes: Tensor, mask: Tensor) -> Tensor:
        """Tokens of every position, each from the pass in which it was hidden.

        Same parameters as :meth:`tokens_of_both`.

        Returns
        -------
        Tensor, shape (B, C * P, D)
        """
        return self.tokens_of_both(x, electrodes, mask)[0]

    def tokens_of_both(self, x: Tensor, electrodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of every position from the pass that hid it, and from the pass that saw it.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
        mask : Tensor, shape (B, C, P), bool

        Returns
        -------
        hidden, seen : Tensor, shape (B, C * P, D)
        """
        patches = self.encoder.patch_embed(x)
        masks = torch.cat([mask, ~mask])[..., None]
        both = torch.where(masks, self.mask_token.to(patches.dtype), patches.repeat(2, 1, 1, 1))
        with sharing(held_twice()):
            tokens = self.encoder.transform_tokens(both, electrodes)[:, 1:]
        masked_pass, complement_pass = tokens.chunk(2)
        hidden = mask.flatten(1)[..., None]
        return (
            torch.where(hidden, masked_pass, complement_pass),
            torch.where(hidden, complement_pass, masked_pass),
        )

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
        hidden, seen = self.tokens_of_both(x, electrodes, mask)
        tokens = hidden.flatten(0, 1)
        loss = accuracy = masked_logits = visible_logits = error = None
        flat_codes = None if codes is None else codes.flatten(0, 2)
        if flat_codes is not None:
            weights = _position_weights(mask.flatten())
            loss, accuracy = self._loss(tokens, flat_codes, weights)
            if self.spectrum is not None:
                errors = self._spectrum_errors(tokens, x)
                of_seen = self._spectrum_errors(seen.flatten(0, 1), x)
                loss = loss + self.spectrum_weight * (weights * (errors + of_seen)).sum()
                error = errors.detach().mean()
        if return_logits:
            masked_logits = self._logits(tokens, flat_codes, mask.flatten())
            visible_logits = self._logits(tokens, flat_codes, ~mask.flatten())
        return MaskedCodeOutput(loss, accuracy, masked_logits, visible_logits, error)

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


def _position_weights(mask: Tensor) -> Tensor:
    """Weights that turn a sum into the mean over masked plus the mean over visible positions."""
    numbers = torch.stack([mask.sum(), (~mask).sum()]).float()
    share = current_share()
    if share is not None:
        # In proportion to this process's part of the batch, like every other mean.
        numbers = total(numbers) * share.fraction
    n_masked, n_visible = numbers.clamp(min=1)
    return torch.where(mask, 1 / n_masked, 1 / n_visible)

"""Heads that predict codes level by level, and their loss."""

from typing import Any

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.linear import Linear, linear
from sk_brainrvq.nn.search import first_largest

# Logits held at once in training: bounds memory for any batch and codebook.
_LOGIT_ELEMENTS = 2**22


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

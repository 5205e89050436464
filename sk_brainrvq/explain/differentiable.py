"""Fine-tuned networks as differentiable functions of their input."""

from typing import Any

import torch
from torch import Tensor

from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead, channel_weights
from sk_brainrvq.nn.summaries import (
    RIDGE,
    SMALLEST_VARIANCE,
    band_covariances,
    covariances,
    spectra,
)

# Eigenvalues that differ by less than this fraction of the larger one count as equal.
_SAME = 1e-9


def outputs_of(module: EncoderClassifier, x: Tensor, electrodes: Tensor) -> Tensor:
    """Compute the outputs of a network, with gradients through spectra and covariances as well.

    Training does not need these: they are functions of the signal that do not depend on weights.

    Parameters
    ----------
    module : EncoderClassifier
        Network whose encoder is not frozen.
    x : Tensor, shape (B, C, P, 200)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float

    Returns
    -------
    Tensor, shape (B, n_outputs)
    """
    head = module.head
    if not isinstance(head, EmbeddingHead):
        return module(x, electrodes)
    parts = [module.mean_token(x, electrodes), _spectra(head, x, electrodes)]
    parts.append(_log_covariances(head, x, electrodes))
    return head(torch.cat(parts, 1))


def _spectra(head: EmbeddingHead, x: Tensor, electrodes: Tensor) -> Tensor:
    regions = channel_weights(head.log_regions, electrodes)
    return torch.einsum("bcn,cr->brn", spectra(x).mean(2), regions).flatten(1)


def _log_covariances(head: EmbeddingHead, x: Tensor, electrodes: Tensor) -> Tensor:
    precise = x if x.device.type == "mps" else x.double()
    positions = channel_weights(head.log_positions.to(precise), electrodes)
    summary = band_covariances if head.bands else covariances
    matrices = summary(precise, positions).flatten(0, -3)
    n_places = matrices.shape[-1]
    mean = matrices.diagonal(dim1=1, dim2=2).mean(1)
    ridge = RIDGE * mean.clamp(min=0) + SMALLEST_VARIANCE
    eye = torch.eye(n_places).to(matrices)
    logarithms = MatrixLog.apply(matrices + ridge[:, None, None] * eye)
    rows, columns = torch.triu_indices(n_places, n_places).to(x.device)
    triangles = logarithms[:, rows, columns] * torch.where(rows == columns, 1.0, 2**0.5)
    return triangles.reshape(len(x), -1).to(x)


class MatrixLog(torch.autograd.Function):
    """Logarithm of positive definite matrices (B, n, n).

    PyTorch differentiates through eigenvectors, whose gradients do not exist if eigenvalues
    coincide; the gradient of the logarithm does (Daleckii and Krein 1965).
    """

    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:
        """Compute logarithms (B, n, n)."""
        values, vectors = torch.linalg.eigh(matrices)
        values = values.clamp(min=SMALLEST_VARIANCE / 2)
        ctx.save_for_backward(values, vectors)
        return (vectors * values.log()[:, None]) @ vectors.mT

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Compute the gradient (B, n, n) of the matrices from that of their logarithms."""
        values, vectors = ctx.saved_tensors
        first, second = values[:, :, None], values[:, None]
        difference = first - second
        same = difference.abs() <= _SAME * torch.maximum(first, second)
        safe = torch.where(same, torch.ones_like(difference), difference)
        slopes = torch.where(same, 1 / second, (first.log() - second.log()) / safe)
        symmetric = (gradients[0] + gradients[0].mT) / 2
        return vectors @ (slopes * (vectors.mT @ symmetric @ vectors)) @ vectors.mT

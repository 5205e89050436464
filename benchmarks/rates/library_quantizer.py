"""``vector-quantize-pytorch``'s ResidualVQ in place of our quantizer, in the same network."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.quantizer import QuantizerOutput

PACKAGES = "vector-quantize-pytorch einops einx loguru"
# Ours revives codes below a tenth of the mean count; the library's threshold is a count.
_REVIVED_BELOW = 0.1
# Patches per batch with the settings of the table, which determine the mean count.
_PATCHES_OF_BATCH = 12 * 20 * 5


class LibraryQuantizer(nn.Module):
    """The library's ResidualVQ with the interface that the tokenizer expects.

    Decay, commitment weight, k-means on many vectors and the revival of rare codes match ours.
    In training it sums all levels, since its own dropout drops levels for a whole batch.
    """

    mode = "residual"

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        n_quantizers: int,
        *,
        decay: float = 0.99,
        commitment_weight: float = 1.0,
        **others: Any,
    ):
        super().__init__()
        try:
            from vector_quantize_pytorch import ResidualVQ
        except ImportError as error:
            raise ImportError(
                f"The design 'library quantizer' needs another package: pip install {PACKAGES}"
            ) from error
        self.n_quantizers, self.codebook_sizes = n_quantizers, [codebook_size] * n_quantizers
        self.commitment_weight = commitment_weight
        self.inner = ResidualVQ(
            dim=dim,
            num_quantizers=n_quantizers,
            codebook_size=codebook_size,
            decay=decay,
            kmeans_init=True,
            kmeans_iters=20,
            threshold_ema_dead_code=_REVIVED_BELOW * _PATCHES_OF_BATCH / codebook_size,
        )

    @property
    def levels(self) -> list[SimpleNamespace]:
        """Whether codewords have been set, and the codewords, by level."""
        return [
            SimpleNamespace(is_initialized=bool(layer._codebook.initted), weight=layer.codebook)
            for layer in self.inner.layers
        ]

    @torch.no_grad()
    def start(self, vectors: Tensor, n_per_batch: int) -> list[Tensor]:
        """Set all codebooks by k-means on many vectors; return these as quantized, by level."""
        _, codes, _ = self.inner(vectors[None])
        for layer in self.inner.layers:
            for average in (layer._codebook.cluster_size, layer._codebook.embed_avg):
                average.mul_(n_per_batch / len(vectors))
        return [self.from_codes(codes[0], n) for n in range(1, self.n_quantizers + 1)]

    def forward(self, z: Tensor) -> QuantizerOutput:
        """Quantize vectors (..., d)."""
        quantized, codes, losses = self.inner(z.flatten(0, -2)[None])
        return QuantizerOutput(
            quantized[0].reshape(z.shape),
            codes[0].reshape(*z.shape[:-1], self.n_quantizers),
            self.commitment_weight * losses.sum(),
            torch.full((1,), self.n_quantizers, device=z.device),
        )

    def from_codes(self, codes: Tensor, n_levels: int | None = None) -> Tensor:
        """Vectors (..., d) that codes (..., Q) represent."""
        used = list(self.inner.layers)[: n_levels or self.n_quantizers]
        return torch.stack([layer.codebook[codes[..., i]] for i, layer in enumerate(used)]).sum(0)


@contextmanager
def library_quantizers() -> Iterator[None]:
    """Give tokenizers built in this context the library's quantizers."""
    with patch("sk_brainrvq.nn.tokenizer.ResidualVectorQuantizer", LibraryQuantizer):
        yield

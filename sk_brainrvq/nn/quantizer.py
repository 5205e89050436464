"""Residual vector quantization: a vector becomes one code per level, coarse to fine."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_brainrvq.nn.parallel import (
    n_in_all,
    random_integers,
    rows_of_all,
    shared_by_vectors,
    sharing,
    uniform,
)
from sk_brainrvq.nn.search import code_statistics, kmeans, nearest_codes


@dataclass
class QuantizerOutput:
    """What a quantizer returns.

    Attributes
    ----------
    quantized : Tensor, shape (..., d)
        Sum of the chosen codewords, with the gradient passed straight through.
    codes : Tensor, shape (..., Q), int64
        Chosen code at each level, coarse to fine.
    commitment_loss : Tensor, shape ()
        Mean squared error of each level, summed over levels, times the commitment weight.
    n_levels : Tensor, shape (B,) or (1,), int64
        Levels summed in ``quantized``: for each EEG epoch under quantizer dropout, or for all.
    """

    quantized: Tensor
    codes: Tensor
    commitment_loss: Tensor
    n_levels: Tensor


class Codebook(nn.Module):
    """Codewords of one level, learnt by exponential moving averages.

    Parameters
    ----------
    codebook_size : int
        Number of codes K.
    dim : int
        Width of a codeword.
    decay : float
        Decay of the moving averages.
    revival_threshold : float
        A code whose averaged count falls below this share of the mean count is moved to a
        vector of the current batch. 0 switches revival off.
    """

    def __init__(self, codebook_size: int, dim: int, decay: float, revival_threshold: float):
        super().__init__()
        self.decay = decay
        self.revival_threshold = revival_threshold
        self.weight: Tensor
        self.counts: Tensor
        self.sums: Tensor
        self.initialized: Tensor
        weight = F.normalize(torch.randn(codebook_size, dim), dim=-1)
        self.register_buffer("weight", weight)
        self.register_buffer("counts", torch.ones(codebook_size))
        self.register_buffer("sums", weight.clone())
        self.register_buffer("initialized", torch.zeros((), dtype=torch.bool))
        self._known_initialized = False

    @property
    def is_initialized(self) -> bool:
        """Whether codewords have been set; once they have, the GPU is not queried again."""
        if not self._known_initialized:
            self._known_initialized = bool(self.initialized)
        return self._known_initialized

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._known_initialized = False

    @torch.no_grad()
    def initialise(self, vectors: Tensor, thoroughly: bool = False) -> None:
        """Set the codewords by k-means on vectors (n, d)."""
        self.weight.copy_(kmeans(vectors, len(self.weight), thoroughly))
        counts, _ = code_statistics(vectors, nearest_codes(vectors, self.weight), len(self.weight))
        # A count of at least 1 keeps codes without vectors alive for the first batches.
        self._reset_averages(counts.clamp(min=1))
        self.initialized.fill_(True)

    def _reset_averages(self, counts: Tensor) -> None:
        self.counts.copy_(counts)
        self.sums.copy_(self.weight * counts[:, None])

    def scale_averages(self, factor: float) -> None:
        """Rescale the averages to fewer vectors, without changing the codewords."""
        self.counts.mul_(factor)
        self.sums.mul_(factor)

    @torch.no_grad()
    def update(self, vectors: Tensor, codes: Tensor) -> None:
        """Move the codewords towards the vectors assigned to them and revive dead codes."""
        counts, sums = code_statistics(vectors, codes, len(self.weight))
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        # Laplace smoothing: a code with hardly any vectors must not cause a division by zero.
        n_total, epsilon = self.counts.sum(), 1e-5
        smoothed = (self.counts + epsilon) / (n_total + len(self.weight) * epsilon) * n_total
        self.weight.copy_(self.sums / smoothed[:, None])
        if self.revival_threshold > 0:
            self._revive(vectors)

    def _revive(self, vectors: Tensor) -> None:
        # Every code draws a candidate, so that no shape depends on how many are dead.
        drawn = torch.randint(n_in_all(len(vectors)), (len(self.weight),), device=vectors.device)
        dead = (self.counts < self.revival_threshold * self.counts.mean())[:, None]
        self.weight.copy_(torch.where(dead, rows_of_all(vectors, drawn), self.weight))
        # A revived code starts with the mean count, so its chances are as good as any other's.
        counts = torch.where(dead[:, 0], self.counts.mean(), self.counts)
        self.counts.copy_(counts)
        self.sums.copy_(torch.where(dead, self.weight * counts[:, None], self.sums))

    @torch.no_grad()
    def update_on_sphere(self, directions: Tensor, codes: Tensor) -> None:
        """Update as published: blend unit-norm codewords with the mean direction."""
        counts, sums = code_statistics(directions, codes, len(self.weight))
        means = F.normalize(sums / counts.clamp(min=1)[:, None], dim=-1)
        target = torch.where(counts[:, None] > 0, means, self.weight)
        self.counts.lerp_(counts, 1 - self.decay)
        self.weight.copy_(F.normalize(torch.lerp(target, self.weight, self.decay), dim=-1))


def step_over_initialisation() -> None:
    """Make torch.compile skip k-means, which runs only once and loops over the codes.

    Called before compiling rather than used as a decorator, which would slow the import by a
    second.
    """
    if not hasattr(Codebook.initialise, "_torchdynamo_disable"):
        Codebook.initialise = torch.compiler.disable(Codebook.initialise)  # type: ignore[method-assign]


class ResidualVectorQuantizer(nn.Module):
    """Quantize vectors level by level, each level coding what the previous ones left over.

    Parameters
    ----------
    dim : int
        Width d of a vector.
    codebook_size : int or sequence of int, default=512
        Codes per level.
    n_quantizers : int, default=3
        Number of levels Q.
    mode : {"residual", "official"}, default="residual"
        ``"residual"`` normalises the vector once and quantizes true residuals with
        free-norm codewords: moving averages of sums and counts, k-means++ initialisation
        on the first training batch, revival of dead codes. ``"official"`` computes what the
        published code does: every level normalises again and codewords have unit norm, so
        the error need not fall with depth.
    decay : float, default=0.99
        Decay of the moving averages.
    commitment_weight : float, default=1.0
        Weight of the commitment loss.
    quantizer_dropout : float, default=0.0
        Share of EEG epochs (first axis) that are decoded from a random number of levels in
        training, so that decoding from fewer levels is trained too.
    revival_threshold : float, default=0.1
        Share of the mean count below which a code is revived (mode "residual"); 0 switches
        revival off.
    normalise : bool, default=True
        Scale vectors to unit length before the first level (mode "residual").

    Notes
    -----
    Source: van den Oord et al. 2017 (vector quantization, moving averages), Zeghidour et
    al. 2021 (residual quantization, quantizer dropout), and the BrainRVQ paper (2026).
    Buffers change only in training mode.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import ResidualVectorQuantizer
    >>> quantizer = ResidualVectorQuantizer(dim=8, codebook_size=16, n_quantizers=3)
    >>> output = quantizer(torch.randn(2, 10, 8))
    >>> output.codes.shape, output.quantized.shape
    (torch.Size([2, 10, 3]), torch.Size([2, 10, 8]))
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int | Sequence[int] = 512,
        n_quantizers: int = 3,
        *,
        mode: str = "residual",
        decay: float = 0.99,
        commitment_weight: float = 1.0,
        quantizer_dropout: float = 0.0,
        revival_threshold: float = 0.1,
        normalise: bool = True,
    ):
        super().__init__()
        if mode not in ("residual", "official"):
            raise ValueError(f"mode={mode!r} was given; expected 'residual' or 'official'.")
        if n_quantizers < 1:
            raise ValueError(f"n_quantizers={n_quantizers} was given; at least 1 is needed.")
        one_size = isinstance(codebook_size, Integral)
        sizes = [int(codebook_size)] * n_quantizers if one_size else codebook_size
        if len(sizes) != n_quantizers or min(sizes) < 2:
            raise ValueError(
                f"codebook_size={codebook_size} was given for {n_quantizers} levels; expected "
                "an integer of at least 2, or one such integer per level."
            )
        self.dim = dim
        self.mode = mode
        self.commitment_weight = commitment_weight
        self.quantizer_dropout = quantizer_dropout
        self.normalise = normalise
        self.levels = nn.ModuleList(Codebook(k, dim, decay, revival_threshold) for k in sizes)

    @property
    def n_quantizers(self) -> int:
        """Number of levels Q."""
        return len(self.levels)

    @property
    def codebook_sizes(self) -> list[int]:
        """Number of codes at each level."""
        return [len(level.weight) for level in self.levels]

    def forward(self, z: Tensor, n_levels: int | None = None) -> QuantizerOutput:
        """Quantize vectors; in training mode also update the codebooks.

        Parameters
        ----------
        z : Tensor, shape (..., d)
        n_levels : int, optional
            Levels summed in ``quantized``; all by default. Codes are returned for every level.

        Returns
        -------
        QuantizerOutput
        """
        if z.shape[-1] != self.dim:
            raise ValueError(f"z has width {z.shape[-1]}; this quantizer has width {self.dim}.")
        with torch.autocast(z.device.type, enabled=False):
            flat = z.float().reshape(-1, self.dim)
            levels = self._depths(z, self._check_levels(n_levels))
            per_epoch = flat.shape[0] // len(levels) if z.numel() else 1
            depth = levels.repeat_interleave(per_epoch)[:, None] if len(levels) != 1 else levels
            quantize = self._residual if self.mode == "residual" else self._official
            with sharing(shared_by_vectors(z.shape) if self.training else None):
                quantized, codes, commitment = quantize(flat, depth)
        return QuantizerOutput(
            quantized.reshape(z.shape),
            torch.stack(codes, -1).reshape(*z.shape[:-1], self.n_quantizers),
            self.commitment_weight * commitment,
            levels,
        )

    @torch.no_grad()
    def start(self, vectors: Tensor, n_per_batch: int) -> list[Tensor]:
        """Set all codebooks by k-means on many vectors (mode "residual").

        Parameters
        ----------
        vectors : Tensor, shape (n, d)
        n_per_batch : int
            Vectors per training batch, to which the counts of the moving averages are scaled.

        Returns
        -------
        list of Tensor, shape (n, d)
            The vectors as quantized with one level, two levels, and so on.
        """
        unit = F.normalize(vectors, dim=-1) if self.normalise else vectors
        residual, quantized = unit, []
        for level in self.levels:
            level.initialise(residual, thoroughly=True)
            level.scale_averages(n_per_batch / len(vectors))
            residual = residual - level.weight[nearest_codes(residual, level.weight)]
            quantized.append(unit - residual)
        return quantized

    def _residual(self, flat: Tensor, depth: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        unit = F.normalize(flat, dim=-1) if self.normalise else flat
        residual, total = unit, torch.zeros_like(unit)
        codes, commitment = [], flat.new_zeros(())
        for number, level in enumerate(self.levels):
            if self.training and not level.is_initialized:
                level.initialise(residual.detach())
            code = nearest_codes(residual.detach(), level.weight)
            codeword = level.weight[code]
            total = total + codeword * (depth > number)
            commitment = commitment + F.mse_loss(residual, codeword)
            if self.training:
                level.update(residual.detach(), code)
            residual = residual - codeword
            codes.append(code)
        return unit + (total - unit).detach(), codes, commitment

    def _official(self, flat: Tensor, depth: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        residual, total = flat, torch.zeros_like(flat)
        codes, commitment = [], flat.new_zeros(())
        for number, level in enumerate(self.levels):
            unit = F.normalize(residual, dim=-1)
            if self.training and not level.is_initialized:
                level.initialise(unit.detach())
                level.weight.copy_(F.normalize(level.weight, dim=-1))
            code = nearest_codes(unit.detach(), level.weight)
            codeword = level.weight[code]
            total = total + (unit + (codeword - unit).detach()) * (depth > number)
            commitment = commitment + F.mse_loss(unit, codeword)
            if self.training:
                level.update_on_sphere(unit.detach(), code)
            residual = residual - codeword
            codes.append(code)
        return total, codes, commitment

    def _check_levels(self, n_levels: int | None) -> int:
        if n_levels is None:
            return self.n_quantizers
        if not (isinstance(n_levels, Integral) and 1 <= n_levels <= self.n_quantizers):
            raise ValueError(
                f"n_levels={n_levels} was given; this quantizer has levels 1 to "
                f"{self.n_quantizers}."
            )
        return int(n_levels)

    def _depths(self, z: Tensor, n_levels: int) -> Tensor:
        """Levels to sum: shape (1,), or (B,) under quantizer dropout."""
        depth = torch.full((1,), n_levels, device=z.device)
        if not (self.training and self.quantizer_dropout > 0 and z.ndim > 1):
            return depth
        drawn = random_integers(1, n_levels + 1, z.shape[0], z.device)
        dropped = uniform(z.shape[0], device=z.device) < self.quantizer_dropout
        return torch.where(dropped, drawn, depth)

    def from_codes(self, codes: Tensor, n_levels: int | None = None) -> Tensor:
        """Vectors that codes represent.

        Parameters
        ----------
        codes : Tensor, shape (..., Q), int64
        n_levels : int, optional
            Levels to sum; all by default.

        Returns
        -------
        Tensor, shape (..., d)
        """
        if codes.shape[-1] != self.n_quantizers:
            raise ValueError(
                f"codes have {codes.shape[-1]} levels; this quantizer has {self.n_quantizers}."
            )
        levels = list(self.levels)[: self._check_levels(n_levels)]
        return sum(level.weight[codes[..., i]] for i, level in enumerate(levels))

"""DD-RVQ: the tokenizer that codes each patch once in time and once in frequency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import (
    PATCH_SAMPLES,
    EEGEncoder,
    TokenTransformer,
    check_patches,
    log_spectrum,
)
from sk_brainrvq.nn.latents import LatentNorm, LinearCode, SpatialFilter
from sk_brainrvq.nn.linear import Linear
from sk_brainrvq.nn.quantizer import ResidualVectorQuantizer
from sk_brainrvq.nn.targets import (
    HALF_BINS,
    TARGETS,
    BalancedTargets,
    Reconstruction,
    check_design,
    phase_vectors,
)

TIME, FREQUENCY = 0, 1
# Weight of the commitment loss of separate latents, whose variances sum to 1, relative to losses
# in units of the target's variance.
_COMMITMENT = 0.25


@dataclass
class TokenizerOutput:
    """What a tokenizer's forward pass returns.

    Attributes
    ----------
    loss : Tensor, shape ()
        Sum of ``losses``.
    losses : dict of str to Tensor
        "waveform", "amplitude", "phase", ("log_std",) "commitment_time",
        "commitment_frequency".
    codes : Tensor, shape (B, C, P, 2, Q), int64
        ``[..., 0, :]`` time domain, ``[..., 1, :]`` frequency domain, coarse to fine.
    reconstruction : Reconstruction
    """

    loss: Tensor
    losses: dict[str, Tensor]
    codes: Tensor
    reconstruction: Reconstruction


class CodeDecoder(TokenTransformer):
    """Transformer from quantized vectors back to tokens."""

    def __init__(self, codebook_dim: int, embed_dim: int, depth: int, class_position: str):
        super().__init__(embed_dim, depth, class_position=class_position)
        self.proj = Linear(codebook_dim, embed_dim)
        self.initialise()
        # Codewords have norm 1: with the usual 0.02 the position tables would drown them out.
        nn.init.trunc_normal_(self.proj.weight, std=0.2)

    def forward(self, quantized: Tensor, electrodes: Tensor) -> Tensor:
        """Decode quantized vectors (B, C, P, d) to tokens (B, C, P, D)."""
        tokens = self.transform_tokens(self.proj(quantized), electrodes)
        return tokens[:, 1:].unflatten(1, quantized.shape[1:3])


def _head(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(Linear(width_in, width_in), nn.Tanh(), Linear(width_in, width_out))


def _start_at_zero(*heads: Any) -> None:
    for head in heads:
        nn.init.zeros_(head[-1].weight)
        nn.init.zeros_(head[-1].bias)


class DualDomainTokenizer(nn.Module):
    """Tokenizer with one residual quantizer for the waveform and one for the spectrum.

    Parameters
    ----------
    embed_dim : int, default=200
        Width D; a multiple of 100.
    depth : int, default=12
        Number of blocks of the encoder.
    decoder_depth : int, default=3
        Number of blocks of each decoder.
    codebook_size : int or sequence of int, default=8192
        Codes per level.
    codebook_dim : int, default=64
        Width of a codeword.
    n_quantizers : int, default=3
        Number of levels of each quantizer.
    quantizer_mode : {"residual", "official"}, default="residual"
    quantizer_dropout : float, default=0.5
    decay : float, default=0.99
        See ``ResidualVectorQuantizer``.
    targets : {"extended", "published"}, default="extended"
        What is reconstructed; see ``sk_brainrvq.nn.targets``.
    spectral_embedding : bool, default=True
        See ``PatchEmbedding``.
    class_position : {"zero", "first_channel"}, default="zero"
        See ``TokenTransformer``.
    latents : {"shared", "separate"}, default="shared"
        "shared": both quantizers code the same vector, as published. "separate": each codes its
        own vector, the principal components of its domain's target plus what the encoder adds;
        its codes then learn only from that target, and the phase is read from the time codes.
        Requires ``quantizer_mode="residual"`` and ``targets="extended"``.
    spatial_filter : bool, default=False
        Whether the linear maps back to the targets read vectors that have passed a
        ``SpatialFilter``. Requires ``latents="separate"``.

    Notes
    -----
    Source: the BrainRVQ paper (2026), section on DD-RVQ. Published settings:
    ``quantizer_mode="official", quantizer_dropout=0, targets="published",
    spectral_embedding=False``.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import DualDomainTokenizer
    >>> tokenizer = DualDomainTokenizer(100, 1, 1, codebook_size=16, codebook_dim=8).eval()
    >>> x, electrodes = torch.randn(2, 3, 4, 200), torch.tensor([1, 2, 3])
    >>> codes = tokenizer.encode(x, electrodes)
    >>> codes.shape
    torch.Size([2, 3, 4, 2, 3])
    >>> tokenizer.decode(codes, electrodes).waveform.shape
    torch.Size([2, 3, 4, 200])
    """

    def __init__(
        self,
        embed_dim: int = 200,
        depth: int = 12,
        decoder_depth: int = 3,
        *,
        codebook_size: int | Sequence[int] = 8192,
        codebook_dim: int = 64,
        n_quantizers: int = 3,
        quantizer_mode: str = "residual",
        quantizer_dropout: float = 0.5,
        decay: float = 0.99,
        targets: str = "extended",
        spectral_embedding: bool = True,
        class_position: str = "zero",
        latents: str = "shared",
        spatial_filter: bool = False,
    ):
        super().__init__()
        check_design(quantizer_mode, targets, latents, spatial_filter)
        self.is_separate = latents == "separate"
        self.targets: Any = BalancedTargets() if self.is_separate else TARGETS[targets]()
        self.encoder = EEGEncoder(
            embed_dim,
            depth,
            class_position=class_position,
            spectral_embedding=spectral_embedding,
        )
        self._build_latents(embed_dim, codebook_dim, quantizer_mode)
        self.quantizers = nn.ModuleList(
            ResidualVectorQuantizer(
                codebook_dim,
                codebook_size,
                n_quantizers,
                mode=quantizer_mode,
                decay=decay,
                quantizer_dropout=quantizer_dropout,
                # The quantizer's loss is a mean over dimensions: their number makes it a sum.
                commitment_weight=_COMMITMENT * codebook_dim if self.is_separate else 1.0,
                normalise=not self.is_separate,
            )
            for _ in (TIME, FREQUENCY)
        )
        self.is_filtered = spatial_filter
        if spatial_filter:
            self.spatial_filters = nn.ModuleList(
                SpatialFilter(codebook_dim, n_quantizers) for _ in (TIME, FREQUENCY)
            )
        self.decoders = nn.ModuleList(
            CodeDecoder(codebook_dim, embed_dim, decoder_depth, class_position)
            for _ in (TIME, FREQUENCY)
        )
        self.waveform_head = _head(embed_dim, PATCH_SAMPLES)
        self.amplitude_head = _head(embed_dim, self.targets.amplitude_width)
        if not spatial_filter:  # with one, the phase is that of the decoded waveform
            self.phase_head = _head(embed_dim, self.targets.phase_width)
        if self.is_separate:  # decoding starts out linear, too
            _start_at_zero(self.waveform_head, self.amplitude_head)

    def _build_latents(self, embed_dim: int, codebook_dim: int, quantizer_mode: str) -> None:
        if self.is_separate:
            self.to_latent: Any = nn.ModuleList(
                _head(embed_dim, codebook_dim) for _ in (TIME, FREQUENCY)
            )
            # Codes start out linear; the encoder adds to them as it learns.
            _start_at_zero(*self.to_latent)
            self.linear_codes = nn.ModuleList(
                LinearCode(width, codebook_dim) for width in (PATCH_SAMPLES, HALF_BINS + 1)
            )
            self.latent_norm: nn.Module = nn.Identity()
            return
        self.to_latent = _head(embed_dim, codebook_dim)
        standardise = quantizer_mode == "residual"
        self.latent_norm = LatentNorm(codebook_dim) if standardise else nn.Identity()

    @property
    def n_quantizers(self) -> int:
        """Number of levels of each quantizer."""
        return self.quantizers[TIME].n_quantizers

    def latents(self, x: Tensor, electrodes: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, C, P, d) that the two quantizers code: the same twice, or separate ones."""
        tokens = self.encoder(x, electrodes)[:, 1:]
        if not self.is_separate:
            shared = self.latent_norm(self.to_latent(tokens)).unflatten(1, x.shape[1:3])
            return shared, shared
        tokens = tokens.unflatten(1, x.shape[1:3])
        targets = self.targets.coded(x)
        # In float32 at any precision: rounded latents would be assigned to other codes.
        time, frequency = (
            code.analysis(targets[i]).float() + self.to_latent[i](tokens).float()
            for i, code in enumerate(self.linear_codes)
        )
        return time, frequency

    @property
    def needs_start(self) -> bool:
        """Whether separate latents and their codebooks have yet to be set from data."""
        return self.is_separate and not self.quantizers[TIME].levels[0].is_initialized

    @torch.no_grad()
    def start(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Set linear codes by principal components, codebooks by k-means, filters by regression.

        Parameters
        ----------
        batches : sequence of (x, electrodes)
            Arguments of :meth:`forward`; the more patches the better, up to 40,000.
        """
        self.targets.start(torch.cat([log_spectrum(x).flatten(0, 2) for x, _ in batches]))
        targets = [self.targets.coded(x) for x, _ in batches]
        for i, code in enumerate(self.linear_codes):
            code.start(torch.cat([both[i].flatten(0, 2) for both in targets]))
        latents = [self.latents(*batch) for batch in batches]
        for i, quantizer in enumerate(self.quantizers):
            vectors = torch.cat([both[i].flatten(0, 2) for both in latents])
            quantized = quantizer.start(vectors, len(vectors) // len(batches))
            if self.is_filtered:
                of_domain = [
                    (both[i], batch[1]) for both, batch in zip(latents, batches, strict=True)
                ]
                self.start_filter(i, quantized, of_domain)

    def start_filter(
        self, domain: int, quantized: list[Tensor], latents: list[tuple[Tensor, Tensor]]
    ) -> None:
        """Start a domain's spatial filter.

        Parameters
        ----------
        domain : int
        quantized : list of Tensor, each (n, d)
            All vectors, quantized with each number of levels.
        latents : list of (Tensor of shape (B, C, P, d), electrodes)
            What was quantized, batch by batch.
        """
        sizes = [vectors[..., 0].numel() for vectors, _ in latents]
        by_level = [
            [part.view_as(own) for part, (own, _) in zip(all_.split(sizes), latents, strict=True)]
            for all_ in quantized
        ]
        self.spatial_filters[domain].start(by_level, latents)

    @torch.no_grad()
    def encode(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Encode patches; changes no buffers, even in training mode.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        Tensor, shape (B, C, P, 2, Q), int64
        """
        modes = {module: module.training for module in self.modules()}
        self.eval()
        try:
            latents = self.latents(x, electrodes)
            return torch.stack(
                [q(z).codes for q, z in zip(self.quantizers, latents, strict=True)], -2
            )
        finally:
            for module, training in modes.items():
                module.training = training

    def decode(
        self, codes: Tensor, electrodes: Tensor, n_levels: int | None = None
    ) -> Reconstruction:
        """Reconstruct patches from codes.

        Parameters
        ----------
        codes : Tensor, shape (B, C, P, 2, Q), int64
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
        n_levels : int, optional
            Number of levels to use; all by default.

        Returns
        -------
        Reconstruction
        """
        n_levels = self.n_quantizers if n_levels is None else n_levels
        quantized = [
            quantizer.from_codes(codes[..., domain, :], n_levels)
            for domain, quantizer in enumerate(self.quantizers)
        ]
        same = 2 * [torch.full((1,), n_levels, device=codes.device)]
        return self.targets.reconstruction(*self._heads(quantized, same, electrodes))

    def forward(self, x: Tensor, electrodes: Tensor) -> TokenizerOutput:
        """Encode, decode and score patches; in training mode also update the codebooks.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz, P at most 30.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        TokenizerOutput
        """
        check_patches(x)
        if self.training and self.needs_start:
            self.start([(x, electrodes)])
        latents = self.latents(x, electrodes)
        coded = [q(z) for q, z in zip(self.quantizers, latents, strict=True)]
        quantized, n_levels = [q.quantized for q in coded], [q.n_levels for q in coded]
        raw = self._heads(quantized, n_levels, electrodes)
        losses = self.targets.losses(x.float(), *(head.float() for head in raw))
        losses["commitment_time"] = coded[TIME].commitment_loss
        losses["commitment_frequency"] = coded[FREQUENCY].commitment_loss
        return TokenizerOutput(
            torch.stack(list(losses.values())).sum(),
            losses,
            torch.stack([output.codes for output in coded], -2),
            self.targets.reconstruction(*raw),
        )

    def _heads(
        self, quantized: list[Tensor], n_levels: list[Tensor], electrodes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        time = self.decoders[TIME](quantized[TIME], electrodes)
        frequency = self.decoders[FREQUENCY](quantized[FREQUENCY], electrodes)
        if not self.is_separate:
            return (
                self.waveform_head(time),
                self.amplitude_head(frequency),
                self.phase_head(frequency),
            )
        if self.is_filtered:
            # The decoders above see the vectors as they are, which a filter blurs.
            all_three = zip(self.spatial_filters, quantized, n_levels, strict=True)
            quantized = [
                spatial(vectors, electrodes, number) for spatial, vectors, number in all_three
            ]
        wave, spectrum = (
            code.synthesis(vectors)
            for code, vectors in zip(self.linear_codes, quantized, strict=True)
        )
        waveform = self.waveform_head(time) + wave
        # The gradient of the phase does not reach the time codes.
        phase = phase_vectors(waveform) if self.is_filtered else self.phase_head(time.detach())
        return waveform, self.targets.spectrum(self.amplitude_head(frequency) + spectrum), phase

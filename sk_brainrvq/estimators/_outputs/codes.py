"""Codes of EEG as arrays, their decoding, and their usage."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.targets import standardise_patches
from sk_brainrvq.signals import EpochBlock
from sk_brainrvq.signals.electrodes import ElectrodeMatch, electrode_rows, placed_channels
from sk_brainrvq.signals.preparation import PATCH_SAMPLES, segment_bounds
from sk_brainrvq.training import Batch
from sk_brainrvq.training.inference import by_channel

# Samples on each side of a join over which a jump is spread: 100 ms.
_RAMP = 20

# Why no channel can be left out as bad.
FIXED_BY = "codes and reconstructed signals need every channel of fit."


def decode_codes(
    module: DualDomainTokenizer,
    codes: NDArray,
    matches: Sequence[ElectrodeMatch],
    n_levels: int | None,
    batch_size: int,
) -> NDArray:
    """Decode codes to standardised waveforms, in batches of segments.

    Parameters
    ----------
    module : DualDomainTokenizer
    codes : ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), int64
    matches : sequence of ElectrodeMatch
        Electrodes that the channels were matched to.
    n_levels : int or None
    batch_size : int

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_patches, 200), float32
    """
    device = next(module.parameters()).device
    electrodes = torch.from_numpy(electrode_rows(matches)).to(device)
    known = placed_channels(matches)
    placed = None if known is None else torch.from_numpy(known).to(device)
    decoded = np.empty((*codes.shape[:3], PATCH_SAMPLES), np.float32)
    with torch.inference_mode():
        for first, last in segment_bounds(codes.shape[2]):
            for start in range(0, len(codes), batch_size):
                rows = slice(start, start + batch_size)
                batch = torch.from_numpy(codes[rows, :, first:last]).to(device)
                waveform = decoded_patches(module, n_levels, batch, electrodes, placed)
                decoded[rows, :, first:last] = waveform.cpu().numpy()
    return decoded


def encoded(module: DualDomainTokenizer, batch: Batch) -> torch.Tensor:
    """Codes (B, C, P, 2, n_quantizers), int32."""
    return by_channel(module.encode, batch.x, batch.electrodes, batch.placed).int()


def check_domain(domain: str, module: DualDomainTokenizer) -> None:
    """Raise ValueError for domains that are unknown or hold no amplitude."""
    if domain not in ("time", "both"):
        raise ValueError(f"domain={domain!r} was given; expected 'time' or 'both'.")
    if domain == "both" and not module.targets.keeps_scale:
        raise ValueError(
            "domain='both' was given, but this tokenizer was trained with targets='published', so "
            "its codes hold no amplitude in microvolts. Use domain='time'."
        )


def rebuilt(
    module: DualDomainTokenizer, n_levels: int | None, domain: str, batch: Batch
) -> torch.Tensor:
    """Patches (B, C, P, 200), encoded and decoded, with their original mean.

    Their standard deviation is the original one, or that of the frequency codes.
    """
    x = batch.x
    waveform = _coded_and_decoded(module, n_levels, batch, domain)
    if domain == "time":
        waveform = waveform * (x.std(-1, keepdim=True) + 1e-6)
    return waveform + x.mean(-1, keepdim=True)


def without_steps(patches: NDArray) -> NDArray:
    """Remove jumps at the joins of patches, by a short ramp on both sides of each join.

    Patches are decoded one by one, so the signal can jump where two patches meet.

    Parameters
    ----------
    patches : ndarray, shape (n_epochs, n_channels, n_patches, 200)

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_patches, 200)
    """
    before, after = patches[..., :-1, :], patches[..., 1:, :]
    slope = (before[..., -1] - before[..., -2] + after[..., 1] - after[..., 0]) / 2
    excess = (after[..., 0] - before[..., -1] - slope)[..., None] / 2
    ramp = np.linspace(1, 0, _RAMP + 1, dtype=patches.dtype)[:-1]
    smooth = patches.copy()
    smooth[..., :-1, -_RAMP:] += excess * ramp[::-1]
    smooth[..., 1:, :_RAMP] -= excess * ramp
    return smooth


def squared_errors(module: DualDomainTokenizer, n_levels: int | None, batch: Batch) -> torch.Tensor:
    """Squared error and squares of the standardised waveform: (B, 2)."""
    target = standardise_patches(batch.x)
    error = target - _coded_and_decoded(module, n_levels, batch, "time")
    return torch.stack([error.square(), target.square()], 1).sum((2, 3, 4))


def _coded_and_decoded(
    module: DualDomainTokenizer, n_levels: int | None, batch: Batch, domain: str
) -> torch.Tensor:
    codes = by_channel(module.encode, batch.x, batch.electrodes, batch.placed)
    return decoded_patches(module, n_levels, codes, batch.electrodes, batch.placed, domain)


def decoded_patches(
    module: DualDomainTokenizer,
    n_levels: int | None,
    codes: torch.Tensor,
    electrodes: torch.Tensor,
    placed: torch.Tensor | None,
    domain: str = "time",
) -> torch.Tensor:
    """Decode codes (B, C, P, 2, n_quantizers) to patches (B, C, P, 200).

    ``domain="time"`` gives standardised waveforms; "both" scales them to units of 100 microvolts by
    the standard deviation that the frequency codes hold.
    """

    def decode(codes: torch.Tensor, electrodes: torch.Tensor) -> torch.Tensor:
        decoded = module.decode(codes, electrodes, n_levels)
        if domain == "time":
            return decoded.waveform
        assert decoded.log_std is not None
        std = torch.expm1(decoded.log_std).clamp(min=0)
        return decoded.waveform * std[..., None] / 100

    return by_channel(decode, codes, electrodes, placed)


def code_use(
    encoded: Iterable[tuple[Batch, torch.Tensor]], quantizers: Sequence[Any]
) -> tuple[NDArray, NDArray]:
    """Usage and perplexity of each codebook, over codes from any mixture of montages.

    Parameters
    ----------
    encoded : iterable of (Batch, Tensor)
        Codes (B, C, P, 2, n_quantizers).
    quantizers : sequence of ResidualVectorQuantizer
        One per domain.

    Returns
    -------
    usage : ndarray, shape (2, n_quantizers)
        Share of the codes that are used.
    perplexity : ndarray, shape (2, n_quantizers)
        Exponential of the entropy of their use.
    """
    sizes = [quantizer.codebook_sizes for quantizer in quantizers]
    counts = np.zeros((2, len(sizes[0]), int(np.max(sizes))))
    for _, codes in encoded:
        for domain, level in np.ndindex(counts.shape[:2]):
            used = codes[..., domain, level].flatten().numpy()
            counts[domain, level] += np.bincount(used, minlength=counts.shape[-1])
    share = counts / counts.sum(-1, keepdims=True)
    usage = np.count_nonzero(counts, axis=-1) / np.array(sizes)
    return usage, np.exp(-xlogy(share, share).sum(-1))


def check_alike(blocks: Sequence[EpochBlock]) -> None:
    """Raise InvalidEEGError unless the blocks have the same channels, rate and length."""
    if any(block.segment is not None for block in blocks):
        raise InvalidEEGError(
            "X holds whole recordings, whose windows may overlap or leave parts out, so they "
            "cannot be joined to one signal. Pass recordings.windows(window=...)."
        )
    kinds = {(tuple(b.ch_names or ()), b.sfreq, b.data.shape[1:]) for b in blocks}
    if len(kinds) > 1:
        sizes = sorted((*shape, sfreq) for _, sfreq, shape in kinds)
        listed = ", ".join(f"({n}, {n_times}, {sfreq:g} Hz)" for n, n_times, sfreq in sizes)
        raise InvalidEEGError(
            f"X holds epochs of {len(kinds)} montages, rates or lengths, which do not fit into one "
            f"array: (channels, samples, rate) are {listed}. Reconstruct each kind separately."
        )

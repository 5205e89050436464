"""Encode patches, and decode them again from their codes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.targets import HALF_BINS
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes import ElectrodeMatch, placed_channels
from sk_brainrvq.training.inference import by_channel

_TIME = 0
_MICROVOLTS_PER_UNIT = 100.0


@dataclass
class CodesAndPatches:
    """All patches with a certain code, in one list.

    Attributes
    ----------
    patches : ndarray, shape (n, 200)
        Signals in microvolts.
    waveform : ndarray, shape (n, 200)
        Decoded waveforms in standard deviations of the patch.
    amplitude : ndarray, shape (n, 101)
        Decoded amplitudes in microvolts, in bins of 1 Hz.
    """

    patches: NDArray
    waveform: NDArray
    amplitude: NDArray


@dataclass
class CodedPatches:
    """Patches of one montage and length with their codes in one domain and level.

    Attributes
    ----------
    all_patches : ndarray, shape (n * n_channels * n_patches, 200)
        Signals in microvolts.
    codes : ndarray, shape (n, n_channels, n_patches)
    waveform, amplitude : ndarray, shape (n * n_channels * n_patches, 200 or 101)
    matches : list of ElectrodeMatch
        Electrodes of the channels.
    """

    all_patches: NDArray
    codes: NDArray
    waveform: NDArray
    amplitude: NDArray
    matches: list[ElectrodeMatch]

    def with_code(self, code: int) -> CodesAndPatches:
        """Select the patches with a code."""
        rows = self.codes.ravel() == code
        return CodesAndPatches(self.all_patches[rows], self.waveform[rows], self.amplitude[rows])


def code_patches(
    module: DualDomainTokenizer, group: PatchGroup, domain: int, n_levels: int, batch_size: int
) -> CodedPatches:
    """Encode patches, and decode them again from the first levels of one domain.

    Parameters
    ----------
    module : DualDomainTokenizer
    group : PatchGroup
    domain : int
        0 for time, 1 for frequency.
    n_levels : int
        Number of levels to decode from; the codes are those of the last of these.
    batch_size : int

    Returns
    -------
    CodedPatches
    """
    device = next(module.parameters()).device
    electrodes = torch.from_numpy(group.electrodes).to(device)
    known = placed_channels(group.matches)
    placed = None if known is None else torch.from_numpy(known).to(device)
    codes, waveforms, amplitudes = [], [], []
    with torch.inference_mode():
        for start in range(0, len(group.patches), batch_size):
            x = torch.from_numpy(group.patches[start : start + batch_size]).to(device)
            found = by_channel(module.encode, x, electrodes, placed)
            waveform, amplitude = _decoded(module, x, found, electrodes, domain, n_levels)
            if placed is not None:  # as if there were no channels of unknown position
                apart = x[:, placed], found[:, placed], electrodes[placed]
                waveform[:, placed], amplitude[:, placed] = _decoded(
                    module, *apart, domain, n_levels
                )
            codes.append(found[..., domain, n_levels - 1].cpu().numpy())
            waveforms.append(waveform.flatten(0, 2).cpu().numpy())
            amplitudes.append(amplitude.flatten(0, 2).cpu().numpy())
    return CodedPatches(
        _MICROVOLTS_PER_UNIT * group.patches[:].reshape(-1, group.patches.shape[-1]),
        np.concatenate(codes),
        np.concatenate(waveforms),
        np.concatenate(amplitudes),
        group.matches,
    )


def _decoded(
    module: DualDomainTokenizer,
    x: Tensor,
    codes: Tensor,
    electrodes: Tensor,
    domain: int,
    n_levels: int,
) -> tuple[Tensor, Tensor]:
    """Decode waveforms (B, C, P, 200) and amplitudes in microvolts (B, C, P, 101)."""
    decoded: Any = module.decode(codes, electrodes, n_levels)
    half = x.shape[-1] / 2
    if domain == _TIME:
        # As in `reconstruct`: codes do not contain the mean and standard deviation of a patch.
        scaled = decoded.waveform * x.std(-1, keepdim=True)
        return decoded.waveform, _MICROVOLTS_PER_UNIT * torch.fft.rfft(scaled).abs() / half
    if decoded.log_std is not None:
        amplitude, phase = torch.expm1(decoded.amplitude) / 10, decoded.phase
    else:
        # The published targets are standardised over the epoch, which is undone here.
        spectrum = torch.fft.fft(x)
        amplitude = _restore(decoded.amplitude, spectrum.abs())[..., :HALF_BINS]
        amplitude = _MICROVOLTS_PER_UNIT * amplitude / half
        phase = _restore(decoded.phase, spectrum.angle())[..., :HALF_BINS]
    amplitude = amplitude.clamp(min=0)
    amplitude[..., 0] = 0  # patches do not keep their mean
    microvolts = torch.fft.irfft(torch.polar(amplitude * half, phase))
    scale = _MICROVOLTS_PER_UNIT * x.std(-1, keepdim=True) + 1e-6
    return microvolts / scale, amplitude


def _restore(standardised: Tensor, values: Tensor) -> Tensor:
    mean, std = values.mean((1, 2, 3), keepdim=True), values.std((1, 2, 3), keepdim=True)
    return standardised * std + mean

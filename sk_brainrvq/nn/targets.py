"""What the tokenizer reconstructs: targets, the losses against them, and reading them back.

Two sets. ``"published"``: standardised waveform, amplitude and angle of the full FFT.
``"extended"``: the redundant half of the spectrum left out, log amplitude, phase as a unit
vector whose error is weighted by amplitude, and the patch's log standard deviation, because
no published target keeps absolute amplitude.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sk_brainrvq.nn.encoder import PATCH_SAMPLES

_EPSILON = 1e-6
HALF_BINS = PATCH_SAMPLES // 2 + 1


@dataclass
class Reconstruction:
    """Decoded patches.

    Attributes
    ----------
    waveform : Tensor, shape (B, C, P, 200)
        Standardised waveform of each patch (mean 0, standard deviation 1).
    amplitude : Tensor, shape (B, C, P, n_bins)
        Published targets: amplitude of the 200 FFT bins, standardised over the epoch.
        Extended targets: log1p of the amplitude of 101 bins, in 0.1 microvolts.
    phase : Tensor, shape (B, C, P, n_bins)
        Published targets: angle of the 200 FFT bins, standardised over the epoch.
        Extended targets: angle of 101 bins in radians.
    log_std : Tensor, shape (B, C, P), or None
        Extended targets alone: log1p of the patch's standard deviation in microvolts.
    """

    waveform: Tensor
    amplitude: Tensor
    phase: Tensor
    log_std: Tensor | None = None


def standardise_patches(x: Tensor) -> Tensor:
    """Each patch minus its mean, over its unbiased standard deviation + 1e-6."""
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + _EPSILON)


def standardise_epochs(values: Tensor) -> Tensor:
    """Values (B, C, P, n) standardised over each epoch; constant epochs give zeros."""
    mean = values.mean((1, 2, 3), keepdim=True)
    std = values.std((1, 2, 3), keepdim=True)
    return (values - mean) / std.clamp(min=_EPSILON)


class PublishedTargets:
    """Waveform, FFT amplitude and FFT angle, each scored by mean squared error."""

    amplitude_width = PATCH_SAMPLES
    phase_width = PATCH_SAMPLES

    def losses(
        self, x: Tensor, waveform: Tensor, amplitude: Tensor, phase: Tensor
    ) -> dict[str, Tensor]:
        """Losses of raw head outputs (B, C, P, 200) against patches x (B, C, P, 200)."""
        spectrum = torch.fft.fft(x)
        return {
            "waveform": F.mse_loss(waveform, standardise_patches(x)),
            "amplitude": F.mse_loss(amplitude, standardise_epochs(spectrum.abs())),
            "phase": F.mse_loss(phase, standardise_epochs(spectrum.angle())),
        }

    def reconstruction(self, waveform: Tensor, amplitude: Tensor, phase: Tensor) -> Reconstruction:
        """Head outputs in the form users see."""
        return Reconstruction(waveform, amplitude, phase)


class ExtendedTargets:
    """Waveform, log amplitude of half the spectrum, phase vectors, log standard deviation."""

    amplitude_width = HALF_BINS + 1  # the last feature is the log standard deviation
    phase_width = 2 * HALF_BINS

    def losses(
        self, x: Tensor, waveform: Tensor, amplitude: Tensor, phase: Tensor
    ) -> dict[str, Tensor]:
        """Losses of raw head outputs against patches x (B, C, P, 200)."""
        std = x.std(-1, unbiased=False)
        spectrum = torch.fft.rfft(x - x.mean(-1, keepdim=True)) / (PATCH_SAMPLES / 2)
        magnitude = spectrum.abs()
        # Silent bins have no phase worth learning: weights are amplitudes, mean 1 a patch.
        weight = magnitude / (magnitude.mean(-1, keepdim=True) + _EPSILON)
        unit = torch.view_as_real(spectrum / (magnitude + _EPSILON))
        error = (phase.unflatten(-1, (HALF_BINS, 2)) - unit).square().sum(-1)
        return {
            "waveform": F.mse_loss(waveform, standardise_patches(x)),
            "amplitude": F.mse_loss(amplitude[..., :-1], torch.log1p(1000 * magnitude)),
            "phase": (weight * error).mean() / 2,
            "log_std": F.mse_loss(amplitude[..., -1], torch.log1p(100 * std)),
        }

    def reconstruction(self, waveform: Tensor, amplitude: Tensor, phase: Tensor) -> Reconstruction:
        """Head outputs in the form users see."""
        real, imaginary = phase.unflatten(-1, (HALF_BINS, 2)).unbind(-1)
        angle = torch.atan2(imaginary, real)
        return Reconstruction(waveform, amplitude[..., :-1], angle, amplitude[..., -1])


TARGETS: dict[str, type[PublishedTargets] | type[ExtendedTargets]] = {
    "published": PublishedTargets,
    "extended": ExtendedTargets,
}

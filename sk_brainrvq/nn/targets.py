"""What the tokenizer reconstructs: targets, their losses, and how to read reconstructions.

There are two sets. ``"published"``: standardised waveform, amplitude and angle of the full FFT.
``"extended"`` omits the redundant half of the spectrum and uses the log amplitude, the phase as a
unit vector whose error is weighted by amplitude, and the patch's log standard deviation as well,
because no published target keeps the absolute amplitude.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import LOG_OFFSETS, PATCH_SAMPLES, log_spectrum

LATENTS = ("shared", "separate")
_EPSILON = 1e-6
HALF_BINS = PATCH_SAMPLES // 2 + 1
# More than its share as one of 102 numbers, because amplitudes in microvolts depend on it.
_LOG_STD_WEIGHT = 0.1


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
        Only for extended targets: log1p of the patch's standard deviation in microvolts.
    """

    waveform: Tensor
    amplitude: Tensor
    phase: Tensor
    log_std: Tensor | None = None


def standardise_patches(x: Tensor) -> Tensor:
    """Subtract each patch's mean and divide by its unbiased standard deviation + 1e-6."""
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + _EPSILON)


def standardise_epochs(values: Tensor) -> Tensor:
    """Standardise values (B, C, P, n) over each epoch; constant epochs become zero."""
    mean = values.mean((1, 2, 3), keepdim=True)
    std = values.std((1, 2, 3), keepdim=True)
    return (values - mean) / std.clamp(min=_EPSILON)


class PublishedTargets:
    """Waveform, FFT amplitude and FFT angle, each scored by mean squared error."""

    keeps_scale = False

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
        """Convert head outputs to the form that users see."""
        return Reconstruction(waveform, amplitude, phase)


class ExtendedTargets:
    """Waveform, log amplitude of half the spectrum, phase vectors, log standard deviation."""

    keeps_scale = True

    amplitude_width = HALF_BINS + 1  # the last feature is the log standard deviation
    phase_width = 2 * HALF_BINS

    def losses(
        self, x: Tensor, waveform: Tensor, amplitude: Tensor, phase: Tensor
    ) -> dict[str, Tensor]:
        """Losses of raw head outputs against patches x (B, C, P, 200)."""
        std = x.std(-1, unbiased=False)
        spectrum = torch.fft.rfft(x - x.mean(-1, keepdim=True)) / (PATCH_SAMPLES / 2)
        magnitude = spectrum.abs()
        # Silent bins have no phase worth learning: weight by amplitude, with mean 1 per patch.
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
        """Convert head outputs to the form that users see."""
        real, imaginary = phase.unflatten(-1, (HALF_BINS, 2)).unbind(-1)
        angle = torch.atan2(imaginary, real)
        return Reconstruction(waveform, amplitude[..., :-1], angle, amplitude[..., -1])


class BalancedTargets(nn.Module):
    """The extended targets, with the losses of the spectrum in units of its variance.

    The waveform is standardised patch by patch. The spectrum (log amplitudes and log standard
    deviation) is centred and divided by a single scale measured before training, so that a decibel
    counts equally in every bin.
    """

    keeps_scale = True

    amplitude_width = ExtendedTargets.amplitude_width
    phase_width = ExtendedTargets.phase_width

    def __init__(self) -> None:
        super().__init__()
        self.extended = ExtendedTargets()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(HALF_BINS + 1))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def start(self, spectra: Tensor) -> None:
        """Measure the mean and scale of log spectra (n, 102)."""
        self.mean.copy_(spectra.mean(0))
        self.scale.copy_((spectra - self.mean).square().mean().sqrt().clamp(min=_EPSILON))

    def coded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Targets of the time and frequency codes: (B, C, P, 200) and (B, C, P, 102)."""
        x = x.float()
        return standardise_patches(x), (log_spectrum(x) - self.mean) / self.scale

    def spectrum(self, coded: Tensor) -> Tensor:
        """Convert centred, scaled log spectra to amplitude outputs of the extended targets."""
        spectra = coded * self.scale + self.mean + log_offsets(coded)
        return torch.cat([spectra[..., 1:], spectra[..., :1]], -1)

    def losses(
        self, x: Tensor, waveform: Tensor, amplitude: Tensor, phase: Tensor
    ) -> dict[str, Tensor]:
        """Losses of head outputs against patches x (B, C, P, 200)."""
        losses = self.extended.losses(x, waveform, amplitude, phase)
        variance = self.scale.square()
        losses["amplitude"] = losses["amplitude"] / variance
        losses["log_std"] = _LOG_STD_WEIGHT * losses["log_std"] / variance
        return losses

    def reconstruction(self, waveform: Tensor, amplitude: Tensor, phase: Tensor) -> Reconstruction:
        """Convert head outputs to the form that users see."""
        return self.extended.reconstruction(waveform, amplitude, phase)


def log_offsets(like: Tensor) -> Tensor:
    """Offsets (102,) subtracted by ``log_spectrum``: standard deviation, then 101 amplitudes."""
    of_std, of_amplitude = LOG_OFFSETS
    return torch.tensor([of_std] + [of_amplitude] * HALF_BINS, device=like.device)


TARGETS: dict[str, type[PublishedTargets] | type[ExtendedTargets]] = {
    "published": PublishedTargets,
    "extended": ExtendedTargets,
}


def phase_vectors(waveform: Tensor) -> Tensor:
    """Phase of decoded waveforms (..., 200) as a head would give it: (..., 202), no gradient."""
    spectrum = torch.fft.rfft(waveform.detach().float())
    return torch.view_as_real(spectrum / (spectrum.abs() + _EPSILON)).flatten(-2)


def check_design(
    quantizer_mode: str, targets: str, latents: str, spatial_filter: bool = False
) -> None:
    """Raise ValueError for tokenizer settings that are unknown or incompatible."""
    if targets not in TARGETS:
        raise ValueError(f"targets={targets!r} was given; expected one of {sorted(TARGETS)}.")
    if latents not in LATENTS:
        raise ValueError(f"latents={latents!r} was given; expected one of {sorted(LATENTS)}.")
    if latents == "separate" and (quantizer_mode, targets) != ("residual", "extended"):
        raise ValueError(
            f"latents='separate' was given with quantizer_mode={quantizer_mode!r} and "
            f"targets={targets!r}; it needs 'residual' and 'extended'. Use latents='shared'."
        )
    if spatial_filter and latents != "separate":
        raise ValueError(
            f"spatial_filter=True was given with latents={latents!r}; it needs "
            "latents='separate'. Use spatial_filter=False."
        )

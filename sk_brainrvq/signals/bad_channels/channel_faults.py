"""Rules that find bad channels by comparison with the others."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.units import LARGEST_AMPLITUDE, MAD_TO_STD, SMALLEST_AMPLITUDE

# Factor by which a bad channel is larger or smaller than the others. In windows of 4 and 10 s of
# EEGMAT a channel has 0.17 to 4.8 times the amplitude of the middle one.
SCALE_FACTOR = 100.0
# Offset over amplitude: from here on the features of the bundled encoder move by three of their
# standard deviations. In EEGMAT it stays below 0.6 in windows of 4 s.
OFFSET_FACTOR = 10.0
# Share of the samples below which most of the signal is as recorded.
STUCK_SHARE = 0.5
# Shorter signals are not judged: slow waves look like offsets, and coarse steps like flat lines.
SHORTEST_SECONDS = 0.5
_FEWEST_SAMPLES = 20
# A constant value for this long counts as no change. Coarse steps of a quiet channel are shorter.
STRETCH_SECONDS = 0.25
# Number of stretches to check, spread over the signal, and number of samples in each.
_N_STRETCHES, _SAMPLES_PER_STRETCH = 64, 8
# Relative rounding error of a constant in float32.
_ROUNDING = 1e-7
_GOLDEN_RATIO = 0.6180339887498949


class Fault(IntEnum):
    """Why a channel is bad; zero if it is not."""

    NONE = 0
    FLAT = 1
    RAILED = 2
    LARGE = 3
    SMALL = 4
    OFFSET = 5

    @property
    def words(self) -> str:
        """Description of such a channel."""
        return _WORDS[self]


_WORDS = {
    Fault.NONE: "good",
    Fault.FLAT: "flat (no change for half of the time or more)",
    Fault.RAILED: "stuck at an extreme for more than half of the time",
    Fault.LARGE: f"more than {SCALE_FACTOR:.0f} times larger than the others",
    Fault.SMALL: f"more than {SCALE_FACTOR:.0f} times smaller than the others",
    Fault.OFFSET: f"offset of more than {OFFSET_FACTOR:.0f} times the amplitude",
}


@dataclass(frozen=True)
class Judgement:
    """Faults and amplitudes of channels.

    Attributes
    ----------
    faults : ndarray of int8, shape (..., n_channels)
        Values of :class:`Fault`.
    amplitudes : ndarray, shape (..., n_channels)
        Robust standard deviations in microvolts; 0 for flat channels.
    """

    faults: NDArray
    amplitudes: NDArray

    def typical_amplitude(self, is_good: NDArray | None = None) -> float:
        """Amplitude of the middle good channel, or of all if none is good; 0 if all are flat.

        Parameters
        ----------
        is_good : ndarray of bool, shape (n_channels,), optional
            Channels without other faults.
        """
        alive = self.amplitudes > 0
        good = alive & (self.faults == Fault.NONE)
        if is_good is not None:
            good &= is_good
        chosen = self.amplitudes[good if good.any() else alive]
        return float(np.median(chosen)) if chosen.size else 0.0


def judge(microvolts: NDArray, sfreq: float, keeps_offset: bool = True) -> Judgement:
    """Find bad channels.

    Parameters
    ----------
    microvolts : ndarray, shape (..., n_channels, n_times)
        Unfiltered signals: filters hide offsets and extremes.
    sfreq : float
        Sampling rate in Hz. Signals shorter than half a second are not judged.
    keeps_offset : bool, default=True
        False if a high-pass filter will remove offsets, so that they do no harm.

    Returns
    -------
    Judgement

    Notes
    -----
    The first rule that holds, in this order:

    - flat: in half of all stretches of a quarter of a second, or more, no change;
    - railed: more than half of the samples are the largest or the smallest value;
    - large, small: a robust standard deviation 100 times that of the middle channel, or a
      hundredth of it. Of two channels, the one with the amplitude of EEG is assumed to be right;
    - offset: the median is more than 10 times the amplitude, the channel's own and that of the
      middle channel.

    64 stretches spread over the signal are checked, with 8 samples of each.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals.bad_channels import Fault, judge
    >>> eeg = np.random.default_rng(0).normal(scale=20, size=(5, 2000))
    >>> eeg[1], eeg[2], eeg[3] = 7, eeg[2].clip(-1, 1), eeg[3] * 1000
    >>> [Fault(fault).name for fault in judge(eeg, 200).faults]
    ['NONE', 'FLAT', 'RAILED', 'LARGE', 'NONE']
    """
    is_short = microvolts.shape[-1] < max(_FEWEST_SAMPLES, SHORTEST_SECONDS * sfreq)
    stretches = microvolts[..., None, :] if is_short else _stretches(microvolts, sfreq)
    seen = stretches.reshape(*microvolts.shape[:-1], -1)
    with np.errstate(invalid="ignore"):  # NaN raises an error elsewhere
        centres = np.median(seen, axis=-1)
        smallest = _ROUNDING * np.abs(centres)
        amplitudes = _amplitudes(seen, centres, smallest)
    faults = np.zeros(amplitudes.shape, dtype=np.int8)
    if is_short:
        return Judgement(faults, amplitudes)
    lowest, highest = stretches.min(axis=-1), stretches.max(axis=-1)
    is_still = highest - lowest <= smallest[..., None]
    _mark(faults, (is_still.mean(axis=-1) >= STUCK_SHARE) | (amplitudes == 0), Fault.FLAT)
    extremes = lowest.min(axis=-1)[..., None], highest.max(axis=-1)[..., None]
    at_extreme = ((seen == extremes[0]) | (seen == extremes[1])).mean(axis=-1)
    _mark(faults, at_extreme > STUCK_SHARE, Fault.RAILED)
    typical = _amplitude_of_others(amplitudes, faults == Fault.NONE)
    _mark(faults, amplitudes > SCALE_FACTOR * typical, Fault.LARGE)
    _mark(faults, amplitudes * SCALE_FACTOR < typical, Fault.SMALL)
    if keeps_offset:
        limit = OFFSET_FACTOR * np.maximum(amplitudes, np.nan_to_num(typical))
        _mark(faults, np.abs(centres) > limit, Fault.OFFSET)
    return Judgement(faults, amplitudes)


def _mark(faults: NDArray, holds: NDArray, fault: Fault) -> None:
    faults[holds & (faults == Fault.NONE)] = fault


def _stretches(signals: NDArray, sfreq: float) -> NDArray:
    """Samples of stretches all over the signals, (..., n_channels, n_stretches, n_samples).

    Their distances vary, so that no rhythm coincides with them.
    """
    n_times = signals.shape[-1]
    length = max(_SAMPLES_PER_STRETCH, round(STRETCH_SECONDS * sfreq))
    starts = _varied(_N_STRETCHES, n_times - length + 1)
    return signals[..., starts[:, None] + _varied(_SAMPLES_PER_STRETCH, length)]


def _varied(n_places: int, length: int) -> NDArray:
    """Positions among ``length`` samples, one in each of so many equal parts."""
    numbers = np.arange(n_places)
    return ((numbers + numbers * _GOLDEN_RATIO % 1) * length / n_places).astype(np.int64)


def _amplitudes(seen: NDArray, centres: NDArray, smallest: NDArray) -> NDArray:
    """Robust standard deviations, or plain ones if the steps are too coarse for those."""
    amplitudes = MAD_TO_STD * np.median(np.abs(seen - centres[..., None]), axis=-1)
    coarse = amplitudes <= smallest
    amplitudes[coarse] = seen[coarse].std(axis=-1)
    return np.where(amplitudes > smallest, amplitudes, 0.0)


def _amplitude_of_others(amplitudes: NDArray, counts: NDArray) -> NDArray:
    """Amplitude of the middle channel among those that count, shape (..., 1); NaN without any.

    Only channels with the amplitude of EEG count if they are half or more, so that the odd one
    of two channels can be identified.
    """
    is_usual = counts & (amplitudes >= SMALLEST_AMPLITUDE) & (amplitudes <= LARGEST_AMPLITUDE)
    enough = 2 * is_usual.sum(axis=-1, keepdims=True) >= counts.sum(axis=-1, keepdims=True)
    chosen = np.where(enough, is_usual, counts)
    ordered = np.sort(np.where(chosen, amplitudes, np.inf), axis=-1)
    middle = np.maximum(chosen.sum(axis=-1, keepdims=True) - 1, 0) // 2
    typical = np.take_along_axis(ordered, middle, axis=-1)
    return np.where(np.isfinite(typical), typical, np.nan)

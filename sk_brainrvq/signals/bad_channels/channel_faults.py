"""Rules by which a channel counts as bad, one channel beside the others."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.units import LARGEST_AMPLITUDE, MAD_TO_STD, SMALLEST_AMPLITUDE

# How many times larger or smaller than the others. Over windows of 4 and 10 s of EEGMAT a channel
# has 0.17 to 4.8 times the amplitude of the middle one.
SCALE_FACTOR = 100.0
# Offset over amplitude: from here on the features of the bundled encoder move by three of their
# standard deviations. In EEGMAT it stays below 0.6 in windows of 4 s.
OFFSET_FACTOR = 10.0
# Share of the samples: below it most of the signal is as recorded.
STUCK_SHARE = 0.5
# Shorter signals are not judged: slow waves look like offsets, and coarse steps like flat lines.
SHORTEST_SECONDS = 0.5
_FEWEST_SAMPLES = 20
# Samples of a signal that are looked at: they tell amplitudes and shares well enough.
_MOST_SAMPLES = 1024
# What float32 leaves of a constant, relative to it.
_ROUNDING = 1e-7
_GOLDEN_RATIO = 0.6180339887498949


class Fault(IntEnum):
    """Why a channel is bad; zero for those that are not."""

    NONE = 0
    FLAT = 1
    RAILED = 2
    LARGE = 3
    SMALL = 4
    OFFSET = 5

    @property
    def words(self) -> str:
        """What is seen of such a channel."""
        return _WORDS[self]


_WORDS = {
    Fault.NONE: "good",
    Fault.FLAT: "flat (no change, or one value for half of the time or more)",
    Fault.RAILED: "stuck at an extreme for more than half of the time",
    Fault.LARGE: f"more than {SCALE_FACTOR:.0f} times larger than the others",
    Fault.SMALL: f"more than {SCALE_FACTOR:.0f} times smaller than the others",
    Fault.OFFSET: f"offset of more than {OFFSET_FACTOR:.0f} times the amplitude",
}


@dataclass(frozen=True)
class Judgement:
    """What is seen of channels.

    Attributes
    ----------
    faults : ndarray of int8, shape (..., n_channels)
        Values of :class:`Fault`.
    amplitudes : ndarray, shape (..., n_channels)
        Robust standard deviations in microvolts; 0 of flat channels.
    """

    faults: NDArray
    amplitudes: NDArray

    def typical_amplitude(self, is_good: NDArray | None = None) -> float:
        """Amplitude of the middle good channel, or of all where none is good; 0 if all are flat.

        Parameters
        ----------
        is_good : ndarray of bool, shape (n_channels,), optional
            Channels that nothing else speaks against.
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
        As recorded: filters hide offsets and extremes.
    sfreq : float
        In Hz. Signals below half a second are not judged.
    keeps_offset : bool, default=True
        False where a high-pass filter will take offsets off, so that they do no harm.

    Returns
    -------
    Judgement

    Notes
    -----
    The first rule that holds, in this order:

    - flat: no change, or one value in half of the samples or more (as the median absolute
      deviation of PREP, which is then zero);
    - railed: more than half of the samples are the largest or the smallest value;
    - large, small: a robust standard deviation 100 times that of the middle channel, or a
      hundredth of it. Of two channels the one with an amplitude of EEG is taken as right;
    - offset: the median is more than 10 times the amplitude, the channel's own and that of the
      middle channel.

    At most 1024 samples of a signal are looked at, spread over it at irregular distances.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals.bad_channels import Fault, judge
    >>> eeg = np.random.default_rng(0).normal(scale=20, size=(5, 2000))
    >>> eeg[1], eeg[2], eeg[3] = 7, eeg[2].clip(-1, 1), eeg[3] * 1000
    >>> [Fault(fault).name for fault in judge(eeg, 200).faults]
    ['NONE', 'FLAT', 'RAILED', 'LARGE', 'NONE']
    """
    n_times = microvolts.shape[-1]
    seen = _spread_samples(microvolts)
    with np.errstate(invalid="ignore"):  # NaN is refused elsewhere
        centres = np.median(seen, axis=-1)
        deviations = np.median(np.abs(seen - centres[..., None]), axis=-1)
    amplitudes = np.where(deviations > _ROUNDING * np.abs(centres), MAD_TO_STD * deviations, 0.0)
    faults = np.zeros(amplitudes.shape, dtype=np.int8)
    if n_times < max(_FEWEST_SAMPLES, SHORTEST_SECONDS * sfreq):
        return Judgement(faults, amplitudes)
    _mark(faults, amplitudes == 0, Fault.FLAT)
    highest, lowest = (f(seen, axis=-1, keepdims=True) for f in (np.max, np.min))
    at_extreme = ((seen == highest) | (seen == lowest)).mean(axis=-1)
    is_constant = (highest == lowest)[..., 0]
    faults[(at_extreme > STUCK_SHARE) & ~is_constant] = Fault.RAILED
    typical = _amplitude_of_others(amplitudes, faults == Fault.NONE)
    _mark(faults, amplitudes > SCALE_FACTOR * typical, Fault.LARGE)
    _mark(faults, amplitudes * SCALE_FACTOR < typical, Fault.SMALL)
    if keeps_offset:
        limit = OFFSET_FACTOR * np.maximum(amplitudes, np.nan_to_num(typical))
        _mark(faults, np.abs(centres) > limit, Fault.OFFSET)
    return Judgement(faults, amplitudes)


def _mark(faults: NDArray, holds: NDArray, fault: Fault) -> None:
    faults[holds & (faults == Fault.NONE)] = fault


def _spread_samples(signals: NDArray) -> NDArray:
    """Samples all over the signals, at distances that vary, so that no rhythm meets them."""
    n_times = signals.shape[-1]
    if n_times <= _MOST_SAMPLES:
        return signals
    numbers = np.arange(_MOST_SAMPLES)
    places = (numbers + numbers * _GOLDEN_RATIO % 1) * n_times / _MOST_SAMPLES
    return signals[..., places.astype(np.int64)]


def _amplitude_of_others(amplitudes: NDArray, counts: NDArray) -> NDArray:
    """Amplitude of the middle channel among those that count, shape (..., 1); NaN without any.

    Channels with an amplitude of EEG go first where they are half or more: so of two channels
    the odd one is known.
    """
    is_usual = counts & (amplitudes >= SMALLEST_AMPLITUDE) & (amplitudes <= LARGEST_AMPLITUDE)
    enough = 2 * is_usual.sum(axis=-1, keepdims=True) >= counts.sum(axis=-1, keepdims=True)
    chosen = np.where(enough, is_usual, counts)
    ordered = np.sort(np.where(chosen, amplitudes, np.inf), axis=-1)
    middle = np.maximum(chosen.sum(axis=-1, keepdims=True) - 1, 0) // 2
    typical = np.take_along_axis(ordered, middle, axis=-1)
    return np.where(np.isfinite(typical), typical, np.nan)

"""Causal band-pass and mains filters, which keep their state between chunks."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, group_delay, iirnotch, sosfilt, sosfilt_zi, tf2sos

from sk_brainrvq.signals.filters.filtering import half_amplitude_edges, mains_harmonics
from sk_brainrvq.signals.filters.settings import FilterSettings

# A steep high-pass rings for seconds; a steep low-pass costs milliseconds.
_HIGH_PASS_ORDER, _LOW_PASS_ORDER = 2, 8
# Width in Hz of a notch at -3 dB.
_NOTCH_WIDTH = 2.0
# Remaining share of a transient at which it counts as over.
_SETTLED = 0.01


def causal_sections(settings: FilterSettings, sfreq: float) -> NDArray:
    """Second-order sections of the causal filters for some settings.

    Parameters
    ----------
    settings : FilterSettings
        Filters to apply; the reference is ignored.
    sfreq : float
        Rate of the signals in Hz.

    Returns
    -------
    ndarray, shape (n_sections, 6)
        Sections as in SciPy; (0, 6) without any filter.

    Notes
    -----
    Butterworth filters of order 2 for the high-pass and 8 for the low-pass, which pass half of the
    amplitude at the same frequencies as the zero-phase filters of `filter_continuous`; notches are
    2 Hz wide.

    Examples
    --------
    >>> from sk_brainrvq.signals.filters.causal_filters import causal_sections
    >>> from sk_brainrvq.signals.filters.settings import FilterSettings
    >>> causal_sections(FilterSettings(l_freq=0.5, h_freq=45.0, notch=50.0), sfreq=250).shape
    (7, 6)
    """
    low, high = half_amplitude_edges(sfreq, settings.l_freq, settings.h_freq)
    # The high-pass comes first, so that later sections need not carry an offset.
    parts = [np.empty((0, 6))]
    if low is not None:
        cutoff = _half_power(low, sfreq, 3 ** (0.5 / _HIGH_PASS_ORDER))
        parts.append(butter(_HIGH_PASS_ORDER, cutoff, "highpass", fs=sfreq, output="sos"))
    if high is not None:
        cutoff = _half_power(high, sfreq, 3 ** (-0.5 / _LOW_PASS_ORDER))
        parts.append(butter(_LOW_PASS_ORDER, cutoff, "lowpass", fs=sfreq, output="sos"))
    for frequency in mains_harmonics(settings.notch, sfreq):
        parts.append(tf2sos(*iirnotch(frequency, frequency / _NOTCH_WIDTH, fs=sfreq)))
    return np.concatenate(parts)


def _half_power(half_amplitude: float, sfreq: float, ratio: float) -> float:
    """Half-power frequency of a Butterworth filter, given its half-amplitude frequency.

    ``ratio`` applies to the analogue filter, whose frequencies the digital one warps.
    """
    analogue = np.tan(np.pi * half_amplitude / sfreq)
    return float(np.arctan(ratio * analogue) * sfreq / np.pi)


class CausalFilter:
    """Filters chunks as if they were one signal.

    Parameters
    ----------
    sections : ndarray, shape (n_sections, 6)
        Sections from `causal_sections`.

    Notes
    -----
    The signal before the first sample is assumed to be constant at its value, so that an offset
    makes no step.
    """

    def __init__(self, sections: NDArray):
        self._sections = sections
        self._state: NDArray | None = None

    def process(self, chunk: NDArray) -> NDArray:
        """Filter the next samples.

        Parameters
        ----------
        chunk : ndarray, shape (n_channels, n_times)
            At least one sample.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
        """
        if not len(self._sections):
            return chunk
        if self._state is None:
            self._state = sosfilt_zi(self._sections)[:, None] * chunk[:, :1]
        filtered, self._state = sosfilt(self._sections, chunk, zi=self._state)
        return filtered


def settling_time(sections: NDArray, sfreq: float) -> float:
    """Seconds until the slowest transient of some filters has fallen to a hundredth."""
    if not len(sections):
        return 0.0
    poles = np.concatenate([np.roots(section[3:]) for section in sections])
    slowest = np.abs(poles).max()
    return 0.0 if slowest == 0 else float(np.log(_SETTLED) / np.log(slowest) / sfreq)


def filter_delay(sections: NDArray, sfreq: float, frequency: float) -> float:
    """Group delay of some filters at a frequency in Hz, in seconds."""
    delays = [
        group_delay((section[:3], section[3:]), [frequency], fs=sfreq)[1][0] for section in sections
    ]
    return float(np.sum(delays)) / sfreq

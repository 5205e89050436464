"""Replace parts of EEG with the mean over the person's windows, or decode them without a band."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal.windows import tukey

# Fraction of a replaced second over which the change fades in, and out again.
_FADED = 0.1
# Smaller than any power, in the square of any unit.
_SMALLEST = 1e-30
_ROUNDING = 1e-9  # Hz


@dataclass(frozen=True)
class Part:
    """One part of all windows; None means everything along an axis."""

    channel: int | None = None
    band: tuple[float, float] | None = None
    second: slice | None = None


class Replacement:
    """Windows in which parts are replaced.

    Attributes
    ----------
    data : ndarray, shape (n_windows, n_channels, n_times)
        Windows in which a part is replaced.
    """

    data: NDArray

    def _change(self, band: tuple[float, float] | None, second: slice | None) -> NDArray:
        """Return what to add to all channels: (n_windows, n_channels, n_times of the second)."""
        raise NotImplementedError

    def replaced(self, part: Part) -> NDArray:
        """Return windows with a part replaced, shape (n_windows, n_channels, n_times)."""
        change = self._change(part.band, part.second)
        channels = slice(None) if part.channel is None else slice(part.channel, part.channel + 1)
        times = slice(None) if part.second is None else part.second
        result = self.data.copy()
        result[:, channels, times] += change[:, channels]
        return result


class PersonMean(Replacement):
    """Replace amplitudes with the person's mean, and keep the phases of the window.

    The mean of waveforms would be close to zero, which no network has seen. Therefore, in steps of
    1 Hz, the power of each window is set to the geometric mean over the person's windows (for a
    second: over all seconds of the same length), for each channel.

    Parameters
    ----------
    data : ndarray, shape (n_windows, n_channels, n_times)
    sfreq : float
        Sampling rate in Hz.
    people : ndarray, shape (n_windows,), or None
        Person of each window; with None all windows count as those of one person.
    """

    def __init__(self, data: NDArray, sfreq: float, people: NDArray | None):
        self.data, self.sfreq = data, sfreq
        names = [None] * len(data) if people is None else people.tolist()
        self._rows = [np.array([other == name for other in names]) for name in dict.fromkeys(names)]
        self._changes = lru_cache(maxsize=1)(self._new_change)

    def _change(self, band: tuple[float, float] | None, second: slice | None) -> NDArray:
        return self._changes(band, None if second is None else (second.start, second.stop))

    def _new_change(
        self, band: tuple[float, float] | None, second: tuple[int, int] | None
    ) -> NDArray:
        n_times = self.data.shape[-1]
        piece = (0, n_times) if second is None else second
        pieces = [piece] if second is None else seconds_like(second, n_times, self.sfreq)
        spectra = {own: np.fft.rfft(self.data[..., slice(*own)]) for own in pieces}
        length = piece[1] - piece[0]
        chosen, steps = _steps(length, self.sfreq, band)
        change = np.zeros_like(spectra[piece])
        if len(steps):
            logs = {own: _log_power(found[..., chosen], steps) for own, found in spectra.items()}
            gain = np.exp((self._mean(list(logs.values())) - logs[piece]) / 2)
            change[..., chosen] = spectra[piece][..., chosen] * (gain[..., steps] - 1)
        signals = np.fft.irfft(change, length)
        return signals if second is None else signals * tukey(length, 2 * _FADED)

    def _mean(self, logs: list[NDArray]) -> NDArray:
        """Return for each window the person's mean over windows and pieces of them."""
        result = np.empty_like(logs[0])
        for rows in self._rows:
            result[rows] = np.mean([log[rows] for log in logs], axis=(0, 1))
        return result


class WithoutBands(Replacement):
    """Remove bands from signals that were decoded from codes.

    Parameters
    ----------
    decoded : ndarray, shape (n_windows, n_channels, n_times)
    sfreq : float
        Sampling rate in Hz.
    """

    def __init__(self, decoded: NDArray, sfreq: float):
        self.data, self.sfreq = decoded, sfreq
        self._changes = lru_cache(maxsize=1)(self._new_change)

    def _change(self, band: tuple[float, float] | None, second: slice | None) -> NDArray:
        assert band is not None
        change = self._changes(band)
        if second is None:
            return change
        return change[..., second] * tukey(second.stop - second.start, 2 * _FADED)

    def _new_change(self, band: tuple[float, float]) -> NDArray:
        frequencies = np.fft.rfftfreq(self.data.shape[-1], 1 / self.sfreq)
        spectrum = np.where(_within(frequencies, band), np.fft.rfft(self.data), 0)
        return -np.fft.irfft(spectrum, self.data.shape[-1])


def seconds_of(n_times: int, sfreq: float) -> list[tuple[int, int]]:
    """Return the first sample of each second, and the one after its last.

    A remainder of less than half a second belongs to the second before it.

    Examples
    --------
    >>> from sk_brainrvq.explain.replacements import seconds_of
    >>> seconds_of(250, 100), seconds_of(240, 100), seconds_of(30, 100)
    ([(0, 100), (100, 200), (200, 250)], [(0, 100), (100, 240)], [(0, 30)])
    """
    n_seconds = max(1, int(np.floor(n_times / sfreq + 0.5)))
    edges = [*(round(number * sfreq) for number in range(n_seconds)), n_times]
    return list(pairwise(edges))


def seconds_like(second: tuple[int, int], n_times: int, sfreq: float) -> list[tuple[int, int]]:
    """Return the seconds of a window that have the same length as the given one."""
    length = second[1] - second[0]
    return [(start, stop) for start, stop in seconds_of(n_times, sfreq) if stop - start == length]


def parts_of(
    axes: Iterable[str], n_channels: int, bands: Iterable[Any], seconds: Iterable[tuple[int, int]]
) -> Iterator[tuple[tuple[int, ...], Part]]:
    """Yield each part along some axes, with its position in an array of all parts.

    Parameters
    ----------
    axes : iterable of {"channel", "band", "time"}
        Axes in the order of the array.
    n_channels : int
    bands : iterable of (float, float)
    seconds : iterable of (int, int)

    Yields
    ------
    place : tuple of int
    part : Part
        Channels change fastest, so that what they share is computed once.
    """
    names = tuple(axes)
    no_bands: list[Any] = [None]
    for i, second in enumerate([slice(*s) for s in seconds] if "time" in names else no_bands):
        for j, band in enumerate(bands if "band" in names else no_bands):
            for k in range(n_channels) if "channel" in names else no_bands:
                place = {"time": i, "band": j, "channel": k}
                yield tuple(place[name] for name in names), Part(k, band, second)


def _within(frequencies: NDArray, band: tuple[float, float]) -> NDArray:
    return (frequencies >= band[0]) & (frequencies < band[1]) & (frequencies > 0)


def _steps(n_times: int, sfreq: float, band: tuple[float, float] | None) -> tuple[NDArray, NDArray]:
    """Return which coefficients of a spectrum are in a band, and their steps of 1 Hz in it."""
    frequencies = np.fft.rfftfreq(n_times, 1 / sfreq)
    low, high = (0.0, np.inf) if band is None else band
    chosen = _within(frequencies, (low, high))
    hertz = np.floor(frequencies[chosen] - low + _ROUNDING)
    return chosen, np.unique(hertz, return_inverse=True)[1]


def _log_power(spectrum: NDArray, steps: NDArray) -> NDArray:
    """Compute the log power of each step, (n_windows, n_channels, n_steps)."""
    starts = np.flatnonzero(np.r_[True, np.diff(steps) > 0])
    return np.log(np.add.reduceat(np.abs(spectrum) ** 2, starts, axis=-1) + _SMALLEST)

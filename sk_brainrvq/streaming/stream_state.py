"""State of a stream between chunks: filters, the last window, and the time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.filters.causal_filters import CausalFilter
from sk_brainrvq.signals.filters.causal_resampling import CausalResampler
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.streaming.window_grid import Cut, WindowGrid


class StreamState:
    """State of a stream since its first sample or the last reset.

    Parameters
    ----------
    sections : ndarray, shape (n_sections, 6)
        Sections of the causal filters.
    sfreq : float
        Rate of the stream in Hz.
    grid : WindowGrid
    n_channels : int
    """

    def __init__(self, sections: NDArray, sfreq: float, grid: WindowGrid, n_channels: int):
        self._filter = CausalFilter(sections)
        self._resampler = CausalResampler(sfreq)
        self._sfreq, self._grid = sfreq, grid
        self._recorded = np.empty((n_channels, 0))
        self._filtered = np.empty((n_channels, 0))
        # Number of samples that are no longer held.
        self._recorded_gone = self._filtered_gone = 0
        self._next_end = grid.n_window
        # The time of one sample of the stream, from which all others follow.
        self._known_sample, self._known_time = 0, 0.0

    @property
    def n_seen(self) -> int:
        """Number of samples of the stream so far."""
        return self._recorded_gone + self._recorded.shape[1]

    def set_time(self, seconds: float) -> None:
        """Set the time at which the next sample was recorded."""
        self._known_sample, self._known_time = self.n_seen, seconds

    def time_of(self, sample: int) -> float:
        """Time of a sample at 200 Hz in seconds, from the start of the stream or on its clock."""
        since = sample / TARGET_SFREQ - self._known_sample / self._sfreq
        return self._known_time + since

    def push(self, microvolts: NDArray) -> Iterator[Cut]:
        """Add the next samples; return the windows that they complete.

        Parameters
        ----------
        microvolts : ndarray, shape (n_channels, n_times)

        Yields
        ------
        Cut
        """
        # In parts as long as a window, so that memory stays bounded for chunks of any length.
        length = self._grid.recorded_end(self._grid.n_window)
        for start in range(0, microvolts.shape[1], length):
            part = microvolts[:, start : start + length]
            filtered = self._resampler.process(self._filter.process(part))
            self._recorded = np.concatenate([self._recorded, part], axis=1)
            self._filtered = np.concatenate([self._filtered, filtered], axis=1)
            n_filtered = self._filtered_gone + self._filtered.shape[1]
            ends = range(self._next_end, n_filtered + 1, self._grid.n_step)
            if ends:
                self._next_end = ends[-1] + self._grid.n_step
            yield from self._grid.cuts(
                self._recorded, self._filtered, ends, self._recorded_gone, self._filtered_gone
            )
            self._forget()

    def _forget(self) -> None:
        """Drop samples that no later window needs."""
        grid, end = self._grid, self._next_end
        first = grid.recorded_end(end) - grid.recorded_end(grid.n_window)
        surplus = min(max(0, first - self._recorded_gone), self._recorded.shape[1])
        self._recorded = self._recorded[:, surplus:]
        self._recorded_gone += surplus
        surplus = min(max(0, end - grid.n_window - self._filtered_gone), self._filtered.shape[1])
        self._filtered = self._filtered[:, surplus:]
        self._filtered_gone += surplus

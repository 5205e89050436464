"""Positions of the windows of a stream, and their cutting."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

# Number of windows to cut at a time, so that a long chunk does not become all of its windows.
_AT_ONCE = 64


@dataclass(frozen=True)
class Cut:
    """Windows cut from a stream.

    Attributes
    ----------
    ends : list of int
        Samples at 200 Hz from the start of the stream to the end of each window.
    recorded, filtered : ndarray, shape (n_windows, n_channels, n_samples)
        Signals in microvolts, at the stream's rate and at 200 Hz.
    """

    ends: list[int]
    recorded: NDArray
    filtered: NDArray


@dataclass(frozen=True)
class WindowGrid:
    """Windows of ``n_window`` samples at 200 Hz, every ``n_step`` samples.

    Attributes
    ----------
    n_window, n_step : int
    ratio : Fraction
        Samples at 200 Hz per sample of the stream.
    """

    n_window: int
    n_step: int
    ratio: Fraction

    def recorded_end(self, end: int) -> int:
        """Number of samples of the stream needed for a number of samples at 200 Hz."""
        return (end - 1) * self.ratio.denominator // self.ratio.numerator + 1

    def cuts(
        self,
        recorded: NDArray,
        filtered: NDArray,
        ends: range | list[int],
        first_recorded: int = 0,
        first_filtered: int = 0,
    ) -> Iterator[Cut]:
        """Cut windows that end at given samples, a limited number at a time.

        Parameters
        ----------
        recorded, filtered : ndarray, shape (n_channels, n_samples)
        ends : sequence of int
            Samples at 200 Hz from the start of the stream.
        first_recorded, first_filtered : int
            Numbers of the first samples in the arrays, from the start of the stream.

        Yields
        ------
        Cut
        """
        n_recorded = self.recorded_end(self.n_window)
        for start in range(0, len(ends), _AT_ONCE):
            some = list(ends[start : start + _AT_ONCE])
            recorded_ends = [self.recorded_end(end) - first_recorded for end in some]
            filtered_ends = [end - first_filtered for end in some]
            yield Cut(
                some,
                np.stack([recorded[:, end - n_recorded : end] for end in recorded_ends]),
                np.stack([filtered[:, end - self.n_window : end] for end in filtered_ends]),
            )

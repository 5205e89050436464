"""Which windows a corpus has, and which of them a key means."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index import CorpusRecording
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ

_SECOND = int(TARGET_SFREQ)


def all_windows(
    recordings: Sequence[CorpusRecording], length: int, step: int
) -> tuple[NDArray, NDArray]:
    """Windows that touch no unusable second.

    Parameters
    ----------
    recordings : sequence of CorpusRecording
    length, step : int
        Samples of a window, and from one window to the next.

    Returns
    -------
    numbers : ndarray, shape (n_windows,), int32
        Recording of each window.
    starts : ndarray, shape (n_windows,), int64
        First sample of each window.
    """
    starts = [_usable_starts(recording, length, step) for recording in recordings]
    numbers = np.repeat(np.arange(len(recordings), dtype=np.int32), [len(s) for s in starts])
    return numbers, np.concatenate([np.empty(0, dtype=np.int64), *starts])


def _usable_starts(recording: CorpusRecording, length: int, step: int) -> NDArray:
    starts = np.arange(0, recording.n_times - length + 1, step, dtype=np.int64)
    if not recording.unusable:
        return starts
    n_bad = np.concatenate([[0], np.cumsum(~recording.usable)])
    last_seconds = (starts + length - 1) // _SECOND
    return starts[n_bad[last_seconds + 1] == n_bad[starts // _SECOND]]


def check_rows(key: Any, n_windows: int) -> NDArray:
    """Windows that a key means.

    Parameters
    ----------
    key : int, slice, array of int, or mask
    n_windows : int

    Returns
    -------
    ndarray of int, shape (n_chosen,)

    Raises
    ------
    IndexError
        If it reaches beyond the windows, or is something else.
    """
    if isinstance(key, slice):
        return np.arange(n_windows)[key]
    rows = np.asarray(key)
    if rows.size == 0:
        rows = rows.astype(np.int64)
    kinds = rows.dtype.kind in "iub" and rows.dtype != object
    if not kinds or rows.ndim > 1 or (rows.ndim == 0 and not isinstance(key, Integral)):
        raise IndexError(
            f"A corpus was indexed by {key!r}; expected an integer, a slice, an array of "
            "integers, or a mask."
        )
    if rows.dtype.kind == "b" and len(rows) != n_windows:
        raise IndexError(f"The mask has {len(rows)} values; the corpus has {n_windows} windows.")
    if rows.dtype.kind != "b" and rows.size:
        beyond = rows[(rows < -n_windows) | (rows >= n_windows)]
        if beyond.size:
            raise IndexError(
                f"Window {beyond.reshape(-1)[0]} was asked for; the corpus has {n_windows}."
            )
    return np.arange(n_windows)[np.atleast_1d(rows)]

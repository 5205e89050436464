"""List the windows of a corpus, and select some of them."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index import CorpusRecording
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ

_SECOND = int(TARGET_SFREQ)


def all_windows(
    recordings: Sequence[CorpusRecording], length: int, step: int
) -> tuple[NDArray, NDArray]:
    """List the windows that touch no unusable second.

    Parameters
    ----------
    recordings : sequence of CorpusRecording
    length, step : int
        Length of a window, and distance from one window to the next, in samples.

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


def by_recording(numbers: NDArray, starts: NDArray) -> list[NDArray]:
    """Group the positions of windows by recording, in order of time.

    Parameters
    ----------
    numbers, starts : ndarray, shape (n_windows,)
        Recording and first sample of each window.

    Returns
    -------
    list of ndarray of int
        One array per recording that has a window.
    """
    order = np.lexsort((starts, numbers))
    ends = np.flatnonzero(np.diff(numbers[order])) + 1
    return np.split(order, ends)


def check_rows(key: Any, n_windows: int) -> NDArray:
    """Convert a key to the windows that it selects.

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
        If it is out of range, or of another type.
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
        raise IndexError(
            f"The mask has {len(rows)} values, but the corpus has {n_windows} windows."
        )
    if rows.dtype.kind != "b" and rows.size:
        beyond = rows[(rows < -n_windows) | (rows >= n_windows)]
        if beyond.size:
            raise IndexError(
                f"Window {beyond.reshape(-1)[0]} was requested, but the corpus has only "
                f"{n_windows}."
            )
    return np.arange(n_windows)[np.atleast_1d(rows)]


def is_wanted(name: str, present: NDArray, wanted: str | Iterable[str]) -> NDArray:
    """Whether each window has one of the wanted values; shape (n_windows,), bool.

    Parameters
    ----------
    name : str
        Name of the property, for the message.
    present : ndarray of str, shape (n_windows,)
    wanted : str or iterable of str

    Raises
    ------
    InvalidCorpusError
        If a wanted value is not present.
    """
    values = [wanted] if isinstance(wanted, str) else list(map(str, wanted))
    if absent := sorted(set(values) - set(present)):
        some = ", ".join(map(repr, np.unique(present)[:5]))
        raise InvalidCorpusError(f"{name}: {absent} are not in the corpus, which has {some}, ...")
    return np.isin(present, values)


def split_subjects(
    subjects: NDArray, test_size: float, random_state: Any
) -> tuple[NDArray, NDArray]:
    """Split windows into two parts that share no subject.

    Parameters
    ----------
    subjects : ndarray of str, shape (n_windows,)
    test_size : float or int
        Share or number of the subjects in the second part.
    random_state : int, RandomState or None

    Returns
    -------
    rest, test : ndarray of int

    Raises
    ------
    InvalidCorpusError
        If there are too few subjects.
    """
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
    try:
        return next(splitter.split(np.empty(len(subjects)), groups=subjects))
    except ValueError as error:
        raise InvalidCorpusError(
            f"test_size={test_size!r} of {len(np.unique(subjects))} subjects cannot be split "
            f"off: {error}"
        ) from error

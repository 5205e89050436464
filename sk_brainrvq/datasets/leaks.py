"""Detect the same EEG under two subjects, a leak that splitting by subject does not prevent."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Number of samples that decide where a stretch may begin; one in so many positions is used.
_ANCHOR = 8
_ONE_IN = 64
# Microvolts by which two readings of the same signals may differ.
_STEP = 1e-2


@dataclass(frozen=True)
class SharedSignals:
    """Two people who have EEG in common.

    Attributes
    ----------
    people : tuple of str
        Their names.
    seconds : int
        Number of one-second stretches that were found in both; some overlap.
    """

    people: tuple[str, str]
    seconds: int


def find_shared_signals(
    recordings: Iterable[tuple[str, ArrayLike, float]],
) -> list[SharedSignals]:
    """Find people who share identical signals, whatever the files are called or where they begin.

    Parameters
    ----------
    recordings : iterable of (str, array-like of shape (n_channels, n_samples), float)
        Person, signals in microvolts as read, and sampling rate in Hz of each recording. A person
        may have several recordings; names should distinguish datasets as well, such as "ssvep/3".
        Recordings are read one by one, so a generator saves memory.

    Returns
    -------
    list of SharedSignals
        One entry per pair of people with a second in common; empty if there is none.

    Raises
    ------
    ValueError
        If signals are not channels by samples.

    Notes
    -----
    The samples themselves decide where a second begins, so copies are found even if they were cut
    differently. Copies that were filtered, resampled or rescaled, or whose channels were
    reordered, are not found. Stretches in which most channels are constant are ignored, because
    they are alike in all broken recordings.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.datasets import find_shared_signals
    >>> rng = np.random.default_rng(0)
    >>> mine, yours = rng.normal(scale=20, size=(2, 4, 5000))
    >>> find_shared_signals([("a", mine, 250), ("b", yours, 250)])
    []
    >>> shared = find_shared_signals([("a", mine, 250), ("c", mine[:, 700:4000], 250)])
    >>> [pair.people for pair in shared]
    [('a', 'c')]
    """
    people_of: dict[bytes, set[str]] = defaultdict(set)
    for person, signals, sfreq in recordings:
        for digest in _digests(np.asarray(signals), round(sfreq)):
            people_of[digest].add(person)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for people in people_of.values():
        for pair in combinations(sorted(people), 2):
            counts[pair] += 1
    return [SharedSignals(pair, n) for pair, n in sorted(counts.items())]


def _digests(signals: NDArray, length: int) -> set[bytes]:
    """Compute digests of one-second stretches."""
    if signals.ndim != 2:
        raise ValueError(
            f"Signals of the shape {signals.shape} were given; expected channels by samples."
        )
    steps = np.round(signals / _STEP).astype(np.int64)
    found = set()
    for start in _anchors(steps[0], length):
        stretch = steps[:, start : start + length]
        if np.median(np.ptp(stretch, axis=1)) > 0:
            found.add(hashlib.blake2b(np.ascontiguousarray(stretch).tobytes()).digest()[:16])
    return found


def _anchors(signal: NDArray, length: int) -> NDArray:
    """Choose where stretches begin: wherever a hash of the next samples has a certain remainder."""
    if len(signal) < max(length, _ANCHOR):
        return np.empty(0, np.intp)
    odd = np.random.default_rng(0).integers(2**63, size=_ANCHOR, dtype=np.uint64) | np.uint64(1)
    windows = np.lib.stride_tricks.sliding_window_view(signal.view(np.uint64), _ANCHOR)
    sums = (windows * odd).sum(axis=1, dtype=np.uint64) >> np.uint64(32)
    places = np.flatnonzero(sums % np.uint64(_ONE_IN) == 0)
    return places[places + length <= len(signal)]

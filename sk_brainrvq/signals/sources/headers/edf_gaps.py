"""Gaps of EDF+D and BDF+D files, in which recording was interrupted: MNE reads over them."""

import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BYTES_PER_SAMPLE = {".edf": 2, ".bdf": 3}
_ANNOTATIONS = {b"EDF Annotations", b"BDF Annotations"}
# Writers round onsets to milliseconds or less.
_SHORTEST_GAP = 0.01
_NAME = "EDGE gap of {:.6g} s"
_IN_NAME = re.compile(r"EDGE gap of ([\d.e+-]+) s")


def gaps_of(path: Path) -> list[tuple[float, float]]:
    """Where recording was interrupted.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (float, float)
        Seconds of signal before each gap, and seconds that it lasts. Empty for files that are not
        EDF+D or BDF+D, and for those that cannot be read so.

    Notes
    -----
    Source: Kemp and Olivan (2003), European data format 'plus' (EDF+): the first annotation of each
    record holds its onset.
    """
    if path.suffix.lower() not in _BYTES_PER_SAMPLE:
        return []
    try:
        onsets, seconds = _onsets(path)
    except ValueError:
        return []
    missing = np.diff(onsets) - seconds
    return [
        (float((record + 1) * seconds), float(missing[record]))
        for record in np.flatnonzero(missing > _SHORTEST_GAP)
    ]


def _onsets(path: Path) -> tuple[NDArray, float]:
    """Seconds at which each record begins, and seconds that a record lasts."""
    with path.open("rb") as file:
        fixed = file.read(256)
        if fixed[192:197] not in (b"EDF+D", b"BDF+D"):
            raise ValueError("The file has no gaps.")
        n_signals, seconds = int(fixed[252:256]), float(fixed[244:252])
        labels = [file.read(16).strip() for _ in range(n_signals)]
        file.seek(256 + 216 * n_signals)
        width = _BYTES_PER_SAMPLE[path.suffix.lower()]
        sizes = [width * int(file.read(8)) for _ in range(n_signals)]
        which = [number for number, label in enumerate(labels) if label in _ANNOTATIONS]
        if not which:
            raise ValueError("No signal holds onsets.")
        first, onsets = which[0], []
        begin, end = int(fixed[184:192]) + sum(sizes[:first]), path.stat().st_size
        for start in range(begin, end - sizes[first] + 1, sum(sizes)):
            file.seek(start)
            onsets.append(float(file.read(sizes[first]).split(b"\x14")[0].decode("ascii")))
    return np.array(onsets), seconds


def mark_gaps(recording: Any, path: Path) -> list[tuple[float, float]]:
    """Mark the gaps of a file as joints, and move its annotations to where their signal is.

    Parameters
    ----------
    recording : mne.io.Raw
        Changed.
    path : Path
        Where it was read from.

    Returns
    -------
    list of (float, float)
        As of `gaps_of`.
    """
    gaps = gaps_of(path)
    if not gaps:
        return gaps
    annotations = recording.annotations
    begins = np.array([before for before, _ in gaps])
    lengths = np.array([length for _, length in gaps])
    # By the clock of the recording, a gap begins later by the gaps before it.
    on_clock = begins + np.array([0.0, *accumulate(lengths)])[:-1]
    is_before = on_clock + lengths <= annotations.onset[:, None] + _SHORTEST_GAP
    annotations.onset = annotations.onset - (is_before * lengths).sum(axis=1)
    for before, length in gaps:
        annotations.append(before, 0.0, _NAME.format(length))
    recording.set_annotations(annotations)
    return gaps


def on_the_clock(recording: Any, seconds: NDArray) -> NDArray:
    """Times by the clock of a recording, given those in its signal.

    Parameters
    ----------
    recording : mne.io.Raw
        With the gaps that `mark_gaps` marked, if any.
    seconds : ndarray

    Returns
    -------
    ndarray
        The same where there are no gaps.
    """
    times = np.array(seconds, dtype=float)
    for onset, name in zip(
        recording.annotations.onset, recording.annotations.description, strict=True
    ):
        if match := _IN_NAME.fullmatch(str(name)):
            times[np.asarray(seconds) >= onset - recording.first_time] += float(match[1])
    return times

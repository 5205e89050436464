"""Gaps of EDF+D and BDF+D files, in which recording was interrupted; MNE ignores them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BYTES_PER_SAMPLE = {".edf": 2, ".bdf": 3}
_ANNOTATIONS = {b"EDF Annotations", b"BDF Annotations"}
# Onset, duration if any, and texts of an annotation.
_TAL = re.compile(rb"([+-][\d.]+)(?:\x15([\d.]+))?\x14(.+)\x14", re.DOTALL)
# Writers round onsets to milliseconds or less.
_SHORTEST_GAP = 0.01
_NAME = "EDGE gap of {:.6g} s"
_IN_NAME = re.compile(r"EDGE gap of ([\d.e+-]+) s")


def gaps_of(path: Path) -> list[tuple[float, float]]:
    """Find where recording was interrupted.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (float, float)
        Seconds of signal before each gap, and seconds that it lasts. Empty for files that are not
        EDF+D or BDF+D, and for those that cannot be read as such.

    Notes
    -----
    Source: Kemp and Olivan (2003), European data format 'plus' (EDF+): the first annotation of each
    record holds its onset.
    """
    if path.suffix.lower() not in _BYTES_PER_SAMPLE:
        return []
    records = _records(path)
    return [] if records is None else records.gaps


@dataclass(frozen=True)
class _Records:
    """Onsets of a file's records in seconds, duration of a record, and all annotations."""

    onsets: NDArray
    seconds: float
    annotations: list[tuple[float, float, bytes]]

    @property
    def gaps(self) -> list[tuple[float, float]]:
        missing = np.diff(self.onsets) - self.seconds
        return [
            (float((record + 1) * self.seconds), float(missing[record]))
            for record in np.flatnonzero(np.abs(missing) > _SHORTEST_GAP)
        ]

    def in_signal(self, time: float) -> float:
        """Seconds of signal before a clock time; within a gap, up to where it begins."""
        record = max(0, int(np.searchsorted(self.onsets, time, "right")) - 1)
        return record * self.seconds + float(np.clip(time - self.onsets[record], 0, self.seconds))


def _records(path: Path) -> _Records | None:
    if path.suffix.lower() not in _BYTES_PER_SAMPLE or not path.is_file():
        return None
    state = path.stat()
    return _records_of(path, state.st_size, state.st_mtime_ns)


# The gaps of a recording are requested several times.
@lru_cache(maxsize=8)
def _records_of(path: Path, size: int, changed: int) -> _Records | None:  # noqa: ARG001
    try:
        seconds, fields = _annotation_fields(path)
        first = [float(record.split(b"\x14")[0].decode("ascii")) for record in fields[0]]
    except ValueError:
        return None
    texts = [text for field in fields for record in field for text in record.split(b"\0")]
    matches = [match for text in texts if (match := _TAL.fullmatch(text))]
    found = [(float(m[1]), float(m[2] or 0), m[3]) for m in matches if m[3].strip(b"\x14")]
    return _Records(np.array(first), seconds, found)


def _annotation_fields(path: Path) -> tuple[float, list[list[bytes]]]:
    """Seconds of a record, and the part of every record that each annotation signal fills."""
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
        if not which or seconds <= 0:
            raise ValueError("No signal holds onsets.")
        end, fields = path.stat().st_size, []
        for number in which:
            begin = int(fixed[184:192]) + sum(sizes[:number])
            parts = []
            for start in range(begin, end - sizes[number] + 1, sum(sizes)):
                file.seek(start)
                parts.append(file.read(sizes[number]))
            fields.append(parts)
    return seconds, fields


def mark_gaps(recording: Any, path: Path, encoding: str | None = None) -> list[tuple[float, float]]:
    """Mark the gaps of a file as joins, and move its annotations to the time of their signal.

    MNE leaves annotations at their clock times, and drops those after the end of the signal.

    Parameters
    ----------
    recording : mne.io.Raw
        Recording, which is changed in place.
    path : Path
        Path that it was read from.
    encoding : str, optional
        Encoding of annotations; default UTF-8, or Latin-1 for other text.

    Returns
    -------
    list of (float, float)
        As in `gaps_of`.
    """
    records = _records(path)
    if records is None or not records.gaps:
        return []
    import mne

    rows = [(before, 0.0, _NAME.format(length)) for before, length in records.gaps]
    for onset, duration, text in records.annotations:
        first = records.in_signal(onset)
        words = _decoded(text, encoding).replace("\x14", " ")
        rows.append((first, records.in_signal(onset + duration) - first, words))
    onsets, durations, names = zip(*sorted(rows), strict=True)
    recording.set_annotations(mne.Annotations(onsets, durations, names), verbose="error")
    return records.gaps


def _decoded(text: bytes, encoding: str | None) -> str:
    try:
        return text.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def unmarked_gaps(recording: Any) -> NDArray:
    """Gaps of the file of a Raw that was read by MNE without marks for them.

    Parameters
    ----------
    recording : mne.io.Raw

    Returns
    -------
    ndarray, shape (n_gaps,)
        Seconds from its first sample.
    """
    files = [file for file in recording.filenames if file is not None]
    marked = any(_IN_NAME.fullmatch(str(d)) for d in recording.annotations.description)
    if marked or len(files) != 1:
        return np.empty(0)
    seconds = np.array([before for before, _ in gaps_of(Path(files[0]))]) - recording.first_time
    return seconds[(seconds > 0) & (seconds < recording.n_times / recording.info["sfreq"])]


def on_the_clock(recording: Any, seconds: NDArray) -> NDArray:
    """Convert times in a recording's signal to clock times.

    Parameters
    ----------
    recording : mne.io.Raw
        Recording with the gaps that `mark_gaps` marked, if any.
    seconds : ndarray

    Returns
    -------
    ndarray
        Clock times; the same as ``seconds`` if there are no gaps.
    """
    times = np.array(seconds, dtype=float)
    for onset, name in zip(
        recording.annotations.onset, recording.annotations.description, strict=True
    ):
        if match := _IN_NAME.fullmatch(str(name)):
            begins = onset - recording.first_time - _SHORTEST_GAP / 2
            times[np.asarray(seconds) >= begins] += float(match[1])
    return times

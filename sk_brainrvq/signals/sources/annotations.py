"""Annotations that divide a recording or mark stretches as bad, interpreted as in MNE."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.sources.headers.edf_gaps import unmarked_gaps
from sk_brainrvq.user_warnings import warn

# Annotations that filters must not cross: the default of ``mne.io.Raw.filter``.
_PARTING = ("edge", "bad_acq_skip")
# Annotations that windows must not overlap: "bad" as in ``mne.Epochs``, and joins of any kind.
LEFT_OUT = ("bad", "edge")
# Joins by other names: EEGLAB's, whose duration is that of what was cut out, and BrainVision's,
# which also marks the start of every recording.
_BOUNDARY, _NEW_SEGMENT = "boundary", "new segment"
# Prefix of MNE's own annotations in BrainVision files.
_COMMENT = "comment/"
# The start of a run in GDF files, by the number of the event.
_RUN_OF_GDF = "32766"
# EEGLAB's lie between two samples; others may miss theirs by this share of a sample.
_TOLERANCE = 0.01
# Times of annotations are sums, which are exact to microseconds.
_TIME_DIGITS = 6
_REMEDY = "remove or rename these annotations (raw.annotations.delete, raw.annotations.rename)."

Span = tuple[int, int]


@dataclass(frozen=True)
class Marks:
    """Annotations of certain kinds.

    Attributes
    ----------
    onsets, ends : ndarray, shape (n_annotations,)
        Seconds from the first sample of the recording, to a microsecond.
    descriptions : list of str
    """

    onsets: NDArray
    ends: NDArray
    descriptions: list[str]

    def samples(self, raw: Any) -> list[Span]:
        """First sample of each and the one after its last, within the recording."""
        edges = [raw.time_as_index(times, use_rounding=True) for times in (self.onsets, self.ends)]
        return [(int(a), int(b)) for a, b in np.clip(edges, 0, raw.n_times).T]


def marks_of(raw: Any, prefixes: tuple[str, ...] = LEFT_OUT) -> Marks:
    """Annotations of a recording with certain prefixes, in any letter case, and joins.

    BrainVision's "Comment/" may precede the prefix.

    Parameters
    ----------
    raw : mne.io.Raw
    prefixes : tuple of str, default=("bad", "edge")

    Returns
    -------
    Marks
        EEGLAB's "boundary", BrainVision's "New Segment", the start of a run in GDF and gaps of
        EDF+D files are joins, which have no duration.
    """
    annotations = raw.annotations
    names = [str(description) for description in annotations.description]
    words = [name.lower().removeprefix(_COMMENT) for name in names]
    rows = [row for row, word in enumerate(words) if word.startswith(prefixes)]
    onsets = np.round(annotations.onset[rows] - raw.first_time, _TIME_DIGITS)
    ends = np.round(onsets + annotations.duration[rows], _TIME_DIGITS)
    joins = [row for row, name in enumerate(names) if _is_join(raw, name)]
    gaps = unmarked_gaps(raw)
    seconds = np.concatenate([annotations.onset[joins] - raw.first_time, gaps])
    # A join lies at the first sample after it, and there are no joins at the ends.
    samples = np.ceil(seconds * raw.info["sfreq"] - _TOLERANCE)
    kept = (samples > 0) & (samples < raw.n_times)
    seconds = np.round(samples[kept] / raw.info["sfreq"], _TIME_DIGITS)
    texts = np.array([names[row] for row in joins] + ["EDGE gap"] * len(gaps), dtype=object)
    return Marks(
        np.concatenate([onsets, seconds]),
        np.concatenate([ends, seconds]),
        [names[row] for row in rows] + texts[kept].tolist(),
    )


def _is_join(raw: Any, name: str) -> bool:
    """Whether an annotation marks a join in the way of a file format."""
    word = name.lower()
    if name == _RUN_OF_GDF:
        return str(raw.filenames[0]).lower().endswith(".gdf")
    return word == _BOUNDARY or word.startswith(_NEW_SEGMENT)


def unbroken_spans(raw: Any) -> tuple[list[Span], list[Span]]:
    """Stretches recorded without a break.

    Parameters
    ----------
    raw : mne.io.Raw

    Returns
    -------
    spans : list of (int, int)
        First sample of each stretch that ``Raw.filter`` filters on its own, and the one after
        its last.
    gaps : list of (int, int)
        Stretches between them, in which nothing was recorded.
    """
    is_gap = np.zeros(raw.n_times + 1, dtype=bool)
    borders = {0, raw.n_times}
    for first, end in marks_of(raw, _PARTING).samples(raw):
        is_gap[first:end] = True
        borders |= {first, end}
    spans: list[Span] = []
    gaps: list[Span] = []
    for first, end in pairwise(sorted(borders)):
        (gaps if is_gap[first] else spans).append((first, end))
    return spans, gaps


def is_bad_sample(raw: Any) -> NDArray:
    """Whether each sample lies in a stretch marked as bad, shape (n_times,)."""
    is_bad = np.zeros(raw.n_times, dtype=bool)
    for first, end in marks_of(raw).samples(raw):
        is_bad[first:end] = True
    return is_bad


def overlapping_marks(raw: Any, starts: NDArray, length: int) -> tuple[NDArray, list[str]]:
    """Find windows that overlap an annotation of BAD or EDGE.

    Parameters
    ----------
    raw : mne.io.Raw
    starts : ndarray of int, shape (n_windows,)
        First sample of each window at 200 Hz.
    length : int
        Samples of a window.

    Returns
    -------
    overlaps : ndarray of bool, shape (n_windows,)
    descriptions : list of str
        Sorted descriptions of the annotations that windows overlap.
    """
    marks = marks_of(raw)
    overlaps, met = np.zeros(len(starts), dtype=bool), set()
    for onset, end, description in zip(marks.onsets, marks.ends, marks.descriptions, strict=True):
        # As mne.Epochs: a mark without duration counts inside a window, not at its edges.
        is_hit = (onset < (starts + length) / TARGET_SFREQ) & (end > starts / TARGET_SFREQ)
        overlaps |= is_hit
        if is_hit.any():
            met.add(description)
    return overlaps, sorted(met)


def usable_windows(raw: Any, starts: NDArray, length: int) -> NDArray:
    """Starts of windows that do not overlap an annotation of BAD or EDGE.

    Parameters
    ----------
    raw, starts, length
        As in `overlapping_marks`.

    Returns
    -------
    ndarray of int, shape (n_usable,)

    Raises
    ------
    InvalidEEGError
        If none is left.

    Warns
    -----
    EEGWarning
        If some are left out.
    """
    overlaps, descriptions = overlapping_marks(raw, starts, length)
    annotations = ", ".join(map(repr, descriptions))
    if overlaps.all():
        raise InvalidEEGError(
            f"All {len(starts)} windows overlap annotations {annotations}, so none is left. Pass a "
            f"shorter window=..., or, to keep them, {_REMEDY}"
        )
    if overlaps.any():
        warn(
            f"{overlaps.sum()} of {len(starts)} windows are left out because they overlap "
            f"annotations {annotations}. Those that remain begin at "
            f"sk_brainrvq.signals.window_starts(raw, window, overlap). To keep all, {_REMEDY}"
        )
    return starts[~overlaps]

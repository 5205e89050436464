"""One recording of a list: information from its name and header, without its signals."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resampled_length
from sk_brainrvq.signals.sources.annotations import LEFT_OUT, overlapping_marks
from sk_brainrvq.signals.sources.braindecode_datasets import is_braindecode_dataset
from sk_brainrvq.signals.sources.mne_epochs import is_mne_epochs
from sk_brainrvq.signals.sources.mne_raws import is_mne_raw
from sk_brainrvq.signals.sources.recording_files import nothing_at, read_recording
from sk_brainrvq.signals.sources.subjects import (
    bids_entity,
    subject_of_header,
    subject_of_path,
    subject_of_raw,
)
from sk_brainrvq.signals.windowing import window_grid
from sk_brainrvq.user_warnings import quiet


@dataclass(frozen=True)
class Event:
    """A labelled interval of a recording.

    Attributes
    ----------
    onset, duration : float
        Seconds from the first sample of the recording; the duration of an instant is 0.
    label : object
    """

    onset: float
    duration: float
    label: Any

    @property
    def is_mark(self) -> bool:
        """Whether windows must not overlap it, as for annotations of BAD and EDGE."""
        return str(self.label).lower().startswith(LEFT_OUT)


@dataclass(frozen=True)
class WindowPlan:
    """Windows that a recording is cut into.

    Attributes
    ----------
    starts : ndarray of int, shape (n_windows,)
        First sample of each window, at 200 Hz.
    labels : ndarray, shape (n_windows,), or None
        Labels of windows that come from events.
    n_marked : int
        Number of windows left out because they overlap annotations of BAD or EDGE.
    marks : tuple of str
        Descriptions of those annotations.
    why_none : str or None
        Why there is no window, if there is none.
    n_short : int
        Number of events shorter than a window, which label no window.
    """

    starts: NDArray
    labels: NDArray | None = None
    n_marked: int = 0
    marks: tuple[str, ...] = ()
    why_none: str | None = None
    n_short: int = 0


class RecordingItem:
    """A continuous recording that is read on demand; its header is read once.

    Parameters
    ----------
    source : mne.io.Raw or path
    number : int
        Position in the user's list.
    subject : object, optional
        Subject from the user.
    events : sequence of Event, optional
        Events to cut windows from.
    read_options : mapping, optional
        Options of MNE's readers, as in :class:`~sk_brainrvq.Reading`.

    Raises
    ------
    InvalidEEGError
        For anything but a continuous recording, and for a path that does not exist.
    """

    def __init__(
        self,
        source: Any,
        number: int,
        subject: Any = None,
        events: Sequence[Event] | None = None,
        read_options: Mapping[str, Any] | None = None,
    ):
        self.number = number
        self.read_options = read_options
        self.events = events
        self.source = self._checked(source)
        self._subject = subject
        self._plans: dict[tuple[float, float], WindowPlan] = {}
        self._header_subject: str | None = None
        self._has_seen_header = False

    def __repr__(self) -> str:
        return f"RecordingItem({self.name!r})"

    def _checked(self, source: Any) -> Any:
        where = f"Item {self.number} of the recordings"
        if is_mne_raw(source):
            return source
        if isinstance(source, (str, os.PathLike)):
            path = Path(os.fspath(source))
            if not path.exists():
                raise InvalidEEGError(f"{where}: {nothing_at(path)}")
            return path
        raise InvalidEEGError(
            f"{where} is of type {type(source).__name__}; expected a continuous recording: an "
            f"mne.io.Raw, or a path.{_advice(source)}"
        )

    @property
    def path(self) -> Path | None:
        """The file, if there is one."""
        if isinstance(self.source, Path):
            return self.source
        files = [file for file in self.source.filenames if file is not None]
        return Path(files[0]) if files else None

    @property
    def name(self) -> str:
        """The file as text, or the position in the list."""
        return f"item {self.number}" if self.path is None else str(self.path)

    @property
    def subject(self) -> Any:
        """Subject from the user, from the file's name or from the header; None if unknown."""
        if self._subject is not None:
            return self._subject
        if not isinstance(self.source, Path):
            return subject_of_raw(self.source)
        named = subject_of_path(self.source)
        if named is None and not self._has_seen_header:
            self._look(self.header())
        return self._header_subject if named is None else named

    @property
    def session(self) -> str | None:
        """Session from the BIDS name; None if it has none."""
        return bids_entity(self.path, "ses")

    def header(self) -> Any:
        """The recording opened by MNE, without its signals."""
        if not isinstance(self.source, Path):
            return self.source
        try:
            with quiet():  # reading the signals gives the warnings
                raw = read_recording(self.source, self.read_options, preload=False)
        except InvalidEEGError as error:
            raise InvalidEEGError(f"Item {self.number} of the recordings: {error}") from error
        if not is_mne_raw(raw):
            raise InvalidEEGError(
                f"Item {self.number} of the recordings, {self.source}, holds epochs; expected a "
                "continuous recording. Pass mne.read_epochs(...) to the estimator itself."
            )
        return raw

    def _look(self, raw: Any) -> None:
        self._header_subject = subject_of_header(raw.info)
        self._has_seen_header = True

    def plan(self, window: float, overlap: float) -> WindowPlan:
        """Windows of the recording, by its header and its annotations.

        Parameters
        ----------
        window, overlap : float
            Length and overlap in seconds.

        Returns
        -------
        WindowPlan
        """
        key = (float(window), float(overlap))
        if key not in self._plans:
            raw = self.header()
            self._look(raw)
            self._plans[key] = _planned(raw, window, overlap, self.events)
        return self._plans[key]


def _planned(raw: Any, window: float, overlap: float, events: Sequence[Event] | None) -> WindowPlan:
    n_times = resampled_length(raw.n_times, float(raw.info["sfreq"]))
    labels, n_short = None, 0
    try:
        starts, length = window_grid(n_times, window, overlap)
    except InvalidEEGError as error:
        if n_times >= round(window * TARGET_SFREQ):
            raise  # the windows are invalid for any recording
        return WindowPlan(np.empty(0, np.int64), why_none=str(error).split(";")[0])
    if events is not None:
        starts, labels, n_short = _at_events(events, n_times, window, overlap)
        if not len(starts):
            return WindowPlan(starts, why_none="No event is as long as a window.", n_short=n_short)
    overlaps, marks = overlapping_marks(raw, starts, length)
    for event in [event for event in events or () if event.is_mark]:
        first, end = (np.array([event.onset, event.onset + event.duration]) * TARGET_SFREQ).round()
        is_hit = (first < starts + length) & (end > starts)
        overlaps |= is_hit
        if is_hit.any():
            marks = sorted({*marks, event.label})
    why = f"All {len(starts)} windows overlap annotations {', '.join(map(repr, marks))}"
    return WindowPlan(
        starts[~overlaps],
        None if labels is None else labels[~overlaps],
        int(overlaps.sum()),
        tuple(marks),
        why if overlaps.all() else None,
        n_short,
    )


def _at_events(
    events: Sequence[Event], n_times: int, window: float, overlap: float
) -> tuple[NDArray, NDArray, int]:
    """Starts and labels of the windows within events, and the number of events too short."""
    starts, labels, n_short = [], [], 0
    length = round(window * TARGET_SFREQ)
    for event in [event for event in events if not event.is_mark]:
        first = round(event.onset * TARGET_SFREQ)
        n_own = round(event.duration * TARGET_SFREQ) if event.duration else length
        if n_own < length:
            n_short += 1
            continue
        own = first + window_grid(n_own, window, overlap)[0]
        own = own[(own >= 0) & (own + length <= n_times)]
        starts.append(own)
        labels += [event.label] * len(own)
    where = np.concatenate(starts) if starts else np.empty(0, np.int64)
    return where.astype(np.int64), np.asarray(labels), n_short


def _advice(source: Any) -> str:
    if is_mne_epochs(source):
        return " scikit-learn can index mne.Epochs: pass them to the estimator itself."
    if is_braindecode_dataset(source):
        return (
            " For a braindecode dataset that was cut into windows, pass SliceDataset(dataset, "
            "idx=0) from skorch.helper to the estimator itself; for one that was not, pass "
            "[part.raw for part in dataset.datasets] here."
        )
    return ""

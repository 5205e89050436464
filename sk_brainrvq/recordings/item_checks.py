"""Checks of recordings and their labels, subjects and options."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.missing_values import missing_rows
from sk_brainrvq.recordings.recording_item import RecordingItem
from sk_brainrvq.signals.reading import Reading, checked_reading
from sk_brainrvq.signals.sources.mne_raws import is_mne_raw
from sk_brainrvq.signals.sources.subjects import as_subjects

# Maximum number of names of recordings in a message.
_MOST_NAMES = 3


def made_items(
    items: Any, subjects: Any, read_options: Mapping[str, Any] | None
) -> list[RecordingItem]:
    """Make recordings from the user's list.

    Parameters
    ----------
    items, subjects, read_options
        As in :class:`~sk_brainrvq.Recordings`.

    Returns
    -------
    list of RecordingItem

    Raises
    ------
    InvalidEEGError
        For items that are not recordings, and unless there is one subject per recording.
    """
    listed, options = listed_items(items), checked_options(read_options)
    people = [None] * len(listed)
    if subjects is not None:
        values = subjects.tolist() if hasattr(subjects, "tolist") else subjects
        one_each("subjects", values, len(listed))
        people = as_subjects(values).tolist()
    return [
        RecordingItem(x, i, person, read_options=options)
        for i, (x, person) in enumerate(zip(listed, people, strict=True))
    ]


def checked_options(read_options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Options of MNE's readers; raise InvalidEEGError for anything else."""
    return checked_reading(Reading(read_options=read_options)).read_options


def listed_items(items: Any) -> list[Any]:
    """The items as a list; a single recording becomes a list of one."""
    if isinstance(items, (str, os.PathLike)) or is_mne_raw(items):
        return [items]
    if not isinstance(items, Iterable) or hasattr(items, "datasets"):
        RecordingItem(items, 0)  # its error says what was given and what to pass
    listed = list(items)
    if not listed:
        raise InvalidEEGError("items is empty; pass at least one recording.")
    return listed


def labels_of(names: Sequence[str], y: Any) -> NDArray | None:
    """Labels as an array, one per recording; None if there are none.

    Parameters
    ----------
    names : sequence of str
        Names of the recordings.
    y : array-like, shape (n_recordings, ...), or None

    Returns
    -------
    ndarray, shape (n_recordings, ...), or None

    Raises
    ------
    InvalidEEGError
        If the number of labels differs, or a recording has none.
    """
    labels, rows = one_each("y", y, len(names)), missing_rows(y)
    if rows:
        more = f" and {len(rows) - _MOST_NAMES} more" if len(rows) > _MOST_NAMES else ""
        raise InvalidEEGError(
            f"y holds NaN or None instead of a label for {len(rows)} of {len(names)} recordings: "
            f"{', '.join(names[row] for row in rows[:_MOST_NAMES])}{more}. Leave them out of the "
            "recordings and of y."
        )
    return labels


def one_each(name: str, values: Any, n_recordings: int) -> NDArray | None:
    """Labels or subjects as an array, checked; None if there are none."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.ndim == 0 or len(array) != n_recordings:
        of = "1 recording" if n_recordings == 1 else f"{n_recordings} recordings"
        found = f"{name}={values!r} was given"
        if array.ndim:
            entries = "1 entry" if len(array) == 1 else f"{len(array)} entries"
            found = f"{entries} of {name} {'was' if len(array) == 1 else 'were'} given"
        windows = " Pass labels of single windows as y to fit or cross_val_score."
        raise InvalidEEGError(
            f"{found} for {of}; expected one per recording.{windows if name == 'y' else ''}"
        )
    return array


def known_people(items: Sequence[RecordingItem]) -> NDArray:
    """Subject of each item; raise InvalidEEGError if one is unknown."""
    people = [item.subject for item in items]
    unknown = [item.name for item, person in zip(items, people, strict=True) if person is None]
    if unknown:
        more = f" and {len(unknown) - _MOST_NAMES} more" if len(unknown) > _MOST_NAMES else ""
        raise InvalidEEGError(
            f"The subject is unknown for {', '.join(unknown[:_MOST_NAMES])}{more}: neither a BIDS "
            "name (sub-01_...) nor the header gives it. Pass subjects=..., one per recording."
        )
    return np.asarray(people)

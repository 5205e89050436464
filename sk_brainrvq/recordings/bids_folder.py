"""EEG recordings of a BIDS folder, and labels from its tables."""

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.extras import how_to_install
from sk_brainrvq.recordings.recording_item import Event, RecordingItem
from sk_brainrvq.signals.sources.subjects import bids_entity
from sk_brainrvq.user_warnings import warn

# For each recording, only the file that MNE opens; MNE reads its companion files itself.
_EXTENSIONS = (".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", ".cnt", ".mff")
# Entities that select recordings, and their short forms in names.
_ENTITIES = {"task": "task", "subject": "sub", "session": "ses", "run": "run"}
_MISSING = ("", "n/a", "nan")
_MOST_NAMES = 5

Row = dict[str, str]


def labelled_items(
    root: Path,
    chosen: Mapping[str, str | Sequence[str] | None],
    y: str | None,
    read_options: Mapping[str, Any] | None = None,
) -> tuple[list[RecordingItem], NDArray | None]:
    """Recordings of a BIDS folder with their labels.

    Parameters
    ----------
    root : Path
    chosen : mapping
        "tasks", "subjects", "sessions" and "runs" of ``mne_bids.find_matching_paths``.
    y : str or None
        Source of labels: a column of ``participants.tsv``, "task", "session", "run", or "events".
    read_options : mapping, optional
        As in :class:`~sk_brainrvq.Recordings`.

    Returns
    -------
    items : list of RecordingItem
        Recordings that have a label.
    labels : ndarray, shape (n_items,), or None
        None for ``y="events"``, whose items hold their events.
    """
    paths, make = _paths(root, chosen), partial(RecordingItem, read_options=read_options)
    if y is None:
        return [make(path, i) for i, path in enumerate(paths)], None
    if y == "events":
        return _items_with_events(root, paths, make), None
    labels = _labels_of_names(paths, y) if y in _ENTITIES else _labels_of_people(root, paths, y)
    items = [make(path, i) for i, path in enumerate(labels)]
    return items, _as_numbers([*labels.values()])


def _labels_of_names(paths: Sequence[Path], entity: str) -> dict[Path, str]:
    """Value of an entity in the names of recordings; names without it are left out."""
    short = _ENTITIES[entity]
    found = {path: bids_entity(path, short) for path in paths}
    labels = {path: label for path, label in found.items() if label is not None}
    without = [path.name for path in paths if path not in labels]
    if not labels:
        raise InvalidEEGError(
            f"y={entity!r} was given, but none of the names of {len(paths)} recordings holds "
            f"{short}-..."
        )
    if without:
        warn(
            f"{len(without)} of {len(paths)} recordings are left out, because their names hold no "
            f"{short}-...: {_shortened(without)}."
        )
    return labels


def _labels_of_people(root: Path, paths: Sequence[Path], column: str) -> dict[Path, str]:
    """Label of each recording's participant in ``participants.tsv``; others are left out."""
    labels = _labels_of_participants(root, column)
    people = {path: bids_entity(path, "sub") or "" for path in paths}
    known = {path: labels[person] for path, person in people.items() if person in labels}
    without = sorted({f"sub-{person}" for person in people.values() if person not in labels})
    if not known:
        raise InvalidEEGError(
            f"participants.tsv in {root} holds no {column!r} for any participant with EEG there."
        )
    if without:
        warn(
            f"{len(paths) - len(known)} of {len(paths)} recordings are left out: participants.tsv "
            f"holds no {column!r} for {_shortened(without)}."
        )
    return known


def _paths(root: Path, chosen: Mapping[str, str | Sequence[str] | None]) -> list[Path]:
    try:
        from mne_bids import find_matching_paths
    except ImportError as error:
        raise ImportError(
            f"Reading a BIDS folder needs mne-bids: {how_to_install('bids', 'mne-bids')}."
        ) from error
    if not root.is_dir():
        raise InvalidEEGError(f"There is no folder {root}.")
    found = find_matching_paths(
        root,
        **{name: value for name, value in chosen.items() if value is not None},
        datatypes="eeg",
        suffixes="eeg",
        extensions=list(_EXTENSIONS),
        ignore_nosub=True,
    )
    # Not derivatives/ and sourcedata/, which hold other versions of the same recordings.
    paths = sorted({Path(path.fpath) for path in found})
    if not paths:
        raise InvalidEEGError(_nothing_found(root, chosen))
    return paths


def _nothing_found(root: Path, chosen: Mapping[str, str | Sequence[str] | None]) -> str:
    """Error text for no recording: what was asked for, and what there is."""
    asked = {name[:-1]: value for name, value in chosen.items() if value is not None}
    given = ", ".join(f"{name}={value!r}" for name, value in asked.items())
    files = [*root.rglob("sub-*_eeg.*")]
    found = ""
    for name in asked:
        values = {bids_entity(file, _ENTITIES[name]) for file in files} - {None}
        if values:
            found += f" The {name}s there: {_shortened(sorted(map(str, values)))}."
    with_these = f" with {given}" if given else ""
    return (
        f"There is no EEG recording{with_these} in {root}; expected files such as "
        "sub-01/eeg/sub-01_task-rest_eeg.edf. Pass entities without their prefix: "
        f"task='rest'.{found}"
    )


def _labels_of_participants(root: Path, column: str) -> dict[str, str]:
    """Label of each participant who has one, by name without "sub-"."""
    table = root / "participants.tsv"
    if not table.exists():
        raise InvalidEEGError(f"There is no {table}, which should hold the labels {column!r}.")
    rows = _read_table(table)
    columns = list(rows[0]) if rows else []
    if "participant_id" not in columns or column not in columns:
        raise InvalidEEGError(
            f"{table} has the columns {columns}; expected 'participant_id' and {column!r}."
        )
    labels: dict[str, str] = {}
    for row in rows:
        person, label = row["participant_id"].removeprefix("sub-"), row[column]
        if label.lower() in _MISSING:
            continue
        if labels.setdefault(person, label) != label:
            raise InvalidEEGError(
                f"{table} holds sub-{person} twice, with {column} {labels[person]!r} and "
                f"{label!r}. Correct the table; pass labels that differ between sessions as "
                "Recordings(paths, y)."
            )
    return labels


def _items_with_events(
    root: Path, paths: Sequence[Path], make: Callable[..., RecordingItem]
) -> list[RecordingItem]:
    """Recordings with events from their tables; others are left out."""
    found = {path: _events_of(root, path) for path in paths}
    without = [path.name for path, events in found.items() if not events]
    if len(without) == len(paths):
        raise InvalidEEGError(
            f"None of {len(paths)} recordings has events: expected {_events_path(paths[0])}, with "
            "the columns onset, duration and trial_type."
        )
    if without:
        warn(
            f"{len(without)} of {len(paths)} recordings are left out, because they have no "
            f"events.tsv with a trial_type: {_shortened(without)}."
        )
    kept = [(path, events) for path, events in found.items() if events]
    return [make(path, i, events=events) for i, (path, events) in enumerate(kept)]


def _events_path(path: Path) -> Path:
    return path.with_name(path.name.rsplit("_", 1)[0] + "_events.tsv")


def _events_of(root: Path, path: Path) -> list[Event]:
    own, of_task = _events_path(path), root / f"task-{bids_entity(path, 'task')}_events.tsv"
    table = own if own.exists() else of_task
    if not table.exists():
        return []
    rows = _read_table(table)
    columns = list(rows[0]) if rows else []
    if rows and not {"onset", "duration", "trial_type"} <= set(columns):
        raise InvalidEEGError(
            f"{table} has the columns {columns}; expected onset, duration and trial_type."
        )
    try:
        return [
            Event(float(row["onset"]), _seconds(row["duration"]), row["trial_type"])
            for row in rows
            if row["trial_type"].lower() not in _MISSING and row["onset"].lower() not in _MISSING
        ]
    except ValueError as error:
        raise InvalidEEGError(f"{table} holds times that are not numbers: {error}.") from error


def _seconds(duration: str) -> float:
    return 0.0 if duration.lower() in _MISSING else float(duration)


def _read_table(path: Path) -> list[Row]:
    """Rows of a BIDS table; entries are stripped of spaces."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [{k.strip(): (v or "").strip() for k, v in row.items() if k is not None} for row in rows]


def _as_numbers(labels: list[str]) -> NDArray:
    """Numbers if all labels are numbers, as for ages; otherwise text."""
    values: Any = np.asarray(labels)
    for kind in (np.int64, np.float64):
        try:
            return values.astype(kind)
        except ValueError:
            continue
    return values


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"

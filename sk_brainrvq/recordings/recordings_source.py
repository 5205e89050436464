"""Recordings as a source of EEG; each recording is read once, for any selection of rows."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.recordings.recording_item import RecordingItem
from sk_brainrvq.recordings.recordings import Recordings
from sk_brainrvq.recordings.rows import Rows
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.reading import options_for
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.signals.sources.source import ReadSettings, Source


class RecordingsSource(Source):
    """Source for ``Recordings``, or a list of only these."""

    def accepts(self, X: Any) -> bool:
        """Whether X is Recordings, or a list of only these."""
        if isinstance(X, Recordings):
            return True
        is_list = isinstance(X, (list, tuple)) and len(X) > 0
        return is_list and all(isinstance(x, Recordings) for x in X)

    def blocks(self, X: Any, settings: ReadSettings) -> Iterator[EpochBlock]:
        """Blocks of one recording after the other, while the next is read."""
        recordings = joined(X)
        settings = _settings_of(recordings, settings)
        if not len(recordings):
            raise InvalidEEGError(f"{recordings!r} has no rows; expected at least one.")
        order = list(dict.fromkeys(recordings._rows.item.tolist()))
        with ThreadPoolExecutor(max_workers=1) as pool:
            coming = pool.submit(_read, recordings, order[0], settings)
            for number in range(len(order)):
                now = coming
                if number + 1 < len(order):
                    coming = pool.submit(_read, recordings, order[number + 1], settings)
                yield from now.result()

    def reads_files(self, X: Any) -> bool:
        """Whether any recording is a file."""
        return any(isinstance(item.source, Path) for item in joined(X)._items)

    def subjects_of(self, X: Any) -> NDArray | None:
        """Subject of each row; None if any is unknown."""
        recordings = joined(X)
        known = all(item.subject is not None for item in recordings._items)
        return recordings.subjects if known else None

    def labels_of(self, X: Any) -> NDArray | None:
        """Label of each row, if there are labels."""
        return joined(X).y


def _settings_of(recordings: Recordings, settings: ReadSettings) -> ReadSettings:
    """Settings with the windows of the recordings; an error if the estimator's differ."""
    if recordings.window is None:
        return settings
    own, wanted = (settings.window, settings.overlap), (recordings.window, recordings.overlap)
    is_alike = own[0] in (wanted[0], ReadSettings.window)
    if not (is_alike and own[1] in (wanted[1], ReadSettings.overlap)):
        raise InvalidEEGError(
            f"The estimator has window={own[0]!r} and overlap={own[1]!r}, but the recordings were "
            f"cut with window={wanted[0]!r} and overlap={wanted[1]!r}. Do not set the estimator's, "
            "so that those of the recordings apply, or pass Recordings without window=."
        )
    return replace(settings, window=wanted[0], overlap=wanted[1])


def _read(recordings: Recordings, item: int, settings: ReadSettings) -> list[EpochBlock]:
    """Blocks of all rows of one recording."""
    rows = np.flatnonzero(recordings._rows.item == item)
    recording = recordings._items[item]
    if recordings.window is not None:
        settings = replace(settings, starts=recordings._rows.start[rows])
    try:
        settings = replace(settings, read_options=_read_options(recordings, recording, settings))
        blocks = [
            _of_person(block, recording.subject)
            for block in source_of(recording.source).blocks(recording.source, settings)
        ]
    except InvalidEEGError as error:
        number = recordings._rows.recording[rows[0]]
        raise InvalidEEGError(f"Item {number} of the recordings: {error}") from error
    if recordings.window is not None:
        return [replace(block, index=rows[block.index]) for block in blocks]
    return [_as_one_epoch(block, int(row)) for row in rows for block in blocks]


def _of_person(block: EpochBlock, subject: Any) -> EpochBlock:
    """The block with the subject that the recordings give."""
    return replace(block, subjects=np.full(len(block.index), subject, dtype=object))


def _read_options(
    recordings: Recordings, item: RecordingItem, settings: ReadSettings
) -> Mapping[str, Any] | None:
    """Options to read a recording with: those with which its windows were counted."""
    own, of_estimator = item.read_options, settings.read_options
    if of_estimator is None or not isinstance(item.source, Path):
        return own
    if own is None and recordings.window is None:
        return of_estimator
    counted, wanted = (options_for(item.source, given) for given in (own, of_estimator))
    if counted != wanted:
        raise InvalidEEGError(
            f"The estimator's reading has read_options={wanted!r} for {item.source}, but the "
            f"recordings were listed with {counted or None!r}, which may give other windows. Pass "
            "them to Recordings(..., read_options=...) and not to the estimator."
        )
    return own


def _as_one_epoch(block: EpochBlock, row: int) -> EpochBlock:
    """The windows as segments of one long epoch."""
    return replace(block, index=np.full(len(block.index), row), segment=block.index)


def joined(X: Any) -> Recordings:
    """Join the Recordings of a list; repeated items are stored once.

    Parameters
    ----------
    X : Recordings, or a list of Recordings

    Returns
    -------
    Recordings

    Raises
    ------
    InvalidEEGError
        If they are cut into different windows.
    """
    if isinstance(X, Recordings):
        return X
    kinds = {(part.window, part.overlap) for part in X}
    if len(kinds) > 1:
        raise InvalidEEGError(
            "The list holds Recordings cut into different windows, (window, overlap) = "
            f"{sorted(kinds, key=str)}; cut them in the same way, or make one Recordings of all."
        )
    parts = [part._rows for part in X]
    items = {id(item): item for part in X for item in part._items}
    place = {key: number for number, key in enumerate(items)}
    item = [
        place[id(part._items[k])]
        for part, rows in zip(X, parts, strict=True)
        for k in rows.item.tolist()
    ]
    labels = [rows.y for rows in parts if rows.y is not None]
    whole = X[0]._of_items(list(items.values()), None, *kinds.pop())
    return whole._of_rows(
        Rows(
            np.asarray(item, np.int64),
            np.concatenate([rows.recording for rows in parts]),
            np.concatenate([rows.start for rows in parts]),
            np.concatenate(labels) if len(labels) == len(parts) else None,
        )
    )

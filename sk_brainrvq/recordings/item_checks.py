"""Checks of what users hand over as recordings, and with them."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.recordings.recording_item import RecordingItem
from sk_brainrvq.signals.sources.mne_raws import is_mne_raw


def listed_items(items: Any) -> list[Any]:
    """The items as a list; one recording is a list of one."""
    if isinstance(items, (str, os.PathLike)) or is_mne_raw(items):
        return [items]
    if not isinstance(items, Iterable) or hasattr(items, "datasets"):
        RecordingItem(items, 0)  # says what was given, and what to give
    listed = list(items)
    if not listed:
        raise InvalidEEGError("items is empty; give at least one recording.")
    return listed


def one_each(name: str, values: Any, n_recordings: int) -> NDArray | None:
    """Labels or subjects as an array, checked; None where there are none."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.ndim == 0 or len(array) != n_recordings:
        found = f"{values!r}" if array.ndim == 0 else f"{len(array)} entries"
        raise InvalidEEGError(
            f"{name}={found} was given for {n_recordings} recordings; expected one per recording. "
            "Labels of single windows go to fit, or to cross_val_score, as y."
        )
    return array

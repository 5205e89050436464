"""The rows of recordings: whole recordings, or windows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.recordings.recording_item import RecordingItem, WindowPlan
from sk_brainrvq.user_warnings import warn

# Maximum number of names of recordings in a message.
_MOST_NAMES = 5


@dataclass(frozen=True)
class Rows:
    """Rows of recordings.

    Attributes
    ----------
    item : ndarray of int, shape (n_rows,)
        Item that the row belongs to.
    recording : ndarray of int, shape (n_rows,)
        Number of the recording in the user's order.
    start : ndarray of int, shape (n_rows,)
        First sample at 200 Hz.
    y : ndarray, shape (n_rows, ...), or None
    """

    item: NDArray
    recording: NDArray
    start: NDArray
    y: NDArray | None

    def __len__(self) -> int:
        return len(self.item)

    def take(self, rows: NDArray) -> "Rows":
        """Select rows, in the order asked for."""
        y = None if self.y is None else self.y[rows]
        return Rows(self.item[rows], self.recording[rows], self.start[rows], y)


def rows_of_key(key: Any, n_rows: int) -> NDArray:
    """Rows that a key selects.

    Parameters
    ----------
    key : int, slice, array of int, or mask
    n_rows : int

    Returns
    -------
    ndarray of int

    Raises
    ------
    IndexError
    """
    if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
        key = key[0]  # scikit-learn wraps a key in a tuple
    if isinstance(key, Integral) and not isinstance(key, (bool, np.bool_)):
        key = [int(key)]
    if not isinstance(key, slice):
        key = np.asarray(key)
        key = key.astype(np.int64) if key.size == 0 else key
        if key.ndim != 1 or key.dtype.kind not in "iub":
            raise IndexError(
                f"Recordings were indexed by {key.tolist()!r}; expected an integer, a slice, a "
                "list or array of integers, or a mask."
            )
    return np.arange(n_rows)[key]


def cut(items: Sequence[RecordingItem], rows: Rows, window: float, overlap: float) -> Rows:
    """Windows of whole recordings, one recording after the other.

    Parameters
    ----------
    items : sequence of RecordingItem
    rows : Rows
        Whole recordings; their labels are repeated.
    window, overlap : float
        In seconds.

    Returns
    -------
    Rows
        Windows; their ``recording`` refers to the rows given.

    Warns
    -----
    EEGWarning
        If a recording gives no window, or windows are left out.
    """
    plans = [items[item].plan(window, overlap) for item in rows.item]
    counts = [len(plan.starts) for plan in plans]
    _tell([items[item] for item in rows.item], plans)
    number = np.repeat(np.arange(len(rows)), counts)
    labels = [plan.labels for plan in plans if plan.labels is not None and len(plan.labels)]
    if labels:
        y: NDArray | None = np.concatenate(labels)
    else:
        y = None if rows.y is None else rows.y[number]
    start = np.concatenate([np.empty(0, np.int64), *(plan.starts for plan in plans)])
    return Rows(rows.item[number], number, start, y)


def _tell(items: Sequence[RecordingItem], plans: Sequence[WindowPlan]) -> None:
    """Warn of windows and recordings that are left out."""
    pairs = list(zip(items, plans, strict=True))
    lost = {item.name: plan.why_none for item, plan in pairs if plan.why_none is not None}
    if lost:
        listed = "; ".join(f"{name}: {why}" for name, why in list(lost.items())[:_MOST_NAMES])
        more = f"; and {len(lost) - _MOST_NAMES} more" if len(lost) > _MOST_NAMES else ""
        warn(
            f"{len(lost)} of {len(plans)} recordings have no window, and so no row: "
            f"{listed}{more}. Pass a shorter window=..., or leave them out."
        )
    marked = [plan for plan in plans if plan.n_marked and plan.why_none is None]
    if marked:
        descriptions = sorted({mark for plan in marked for mark in plan.marks})
        n_marked = sum(plan.n_marked for plan in marked)
        warn(
            f"{n_marked} of {n_marked + sum(len(plan.starts) for plan in plans)} windows are left "
            f"out because they overlap annotations {', '.join(map(repr, descriptions))}, in "
            f"{len(marked)} recordings. The table of the recordings lists those that remain."
        )
    n_short = sum(plan.n_short for plan in plans)
    if n_short:
        warn(
            f"{n_short} events are shorter than a window and label none. Pass a shorter "
            "window=..., or make mne.Epochs for epochs around events."
        )

"""Which part of the data training is watched on."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils.validation import column_or_1d

from sk_brainrvq.signals import PreparedEEG

# Segments of a corpus from which figures such as the use of codes are taken.
_SEGMENTS_LOOKED_AT = 500


@dataclass(frozen=True)
class TrainingData:
    """Prepared EEG with what belongs to each epoch.

    Attributes
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs, ...), or None
    weights : ndarray, shape (n_epochs,), or None
    """

    prepared: PreparedEEG
    targets: NDArray | None = None
    weights: NDArray | None = None


Data = TypeVar("Data", bound=TrainingData)


def is_fraction(validation: Any) -> bool:
    """Whether ``validation`` is a number."""
    return isinstance(validation, Real) and not isinstance(validation, bool)


def check_validation(validation: Any, early_stopping: Any, needs_y: bool) -> None:
    """Raise ValueError for settings that cannot be used, or that need each other."""
    if validation is not None and not is_fraction(validation):
        pair_of(validation, needs_y)
    if is_fraction(validation) and not 0 < float(validation) < 1:
        raise ValueError(
            f"validation={validation!r} was given; expected a fraction between 0 and 1, a pair "
            "(X, y), or None."
        )
    if early_stopping is None:
        return
    whole = isinstance(early_stopping, int | np.integer) and not isinstance(early_stopping, bool)
    if not whole or early_stopping < 1:
        raise ValueError(
            f"early_stopping={early_stopping!r} was given; expected a number of training epochs "
            "without improvement, 1 or more, or None."
        )
    if validation is None:
        raise ValueError(
            f"early_stopping={early_stopping!r} was given without validation data: pass "
            "validation=0.1 or a pair (X, y). Figures of the training data tell nothing about "
            "when to stop."
        )


def pair_of(validation: Any, needs_y: bool) -> tuple[Any, Any]:
    """X and y of a ``validation`` that is no fraction.

    Parameters
    ----------
    validation : tuple (X, y), or X alone where no labels are needed
    needs_y : bool
    """
    if isinstance(validation, tuple) and len(validation) == 2:
        return validation
    if needs_y:
        raise ValueError(
            f"validation={type(validation).__name__} was given; expected a fraction, a pair "
            "(X, y), or None."
        )
    return validation, None


def check_groups(groups: Any, n_epochs: int) -> NDArray:
    """Groups as an array; raise ValueError unless there is one per epoch."""
    array = column_or_1d(groups)
    if len(array) != n_epochs:
        raise ValueError(
            f"groups has {len(array)} entries, but X has {n_epochs} epochs; give one per epoch."
        )
    return array


def held_out_epochs(
    fraction: float,
    n_epochs: int,
    groups: NDArray | None,
    classes: NDArray | None,
    seed: int,
) -> NDArray:
    """Epochs to validate on.

    Parameters
    ----------
    fraction : float
    n_epochs : int
    groups : ndarray, shape (n_epochs,), or None
        Epochs of a group stay together.
    classes : ndarray, shape (n_epochs,), or None
        Kept in proportion, as far as groups allow.
    seed : int

    Returns
    -------
    ndarray, shape (n_epochs,), bool
    """
    rows = np.zeros(n_epochs)
    try:
        if groups is not None and classes is not None:
            n_folds = min(max(2, round(1 / fraction)), len(np.unique(groups)))
            folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
            _, chosen = next(folds.split(rows, classes, groups))
        elif groups is not None:
            by_group = GroupShuffleSplit(1, test_size=fraction, random_state=seed)
            _, chosen = next(by_group.split(rows, groups=groups))
        elif classes is not None:
            by_class = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
            _, chosen = next(by_class.split(rows, classes))
        else:
            _, chosen = next(ShuffleSplit(1, test_size=fraction, random_state=seed).split(rows))
    except ValueError as error:
        n_groups = "no groups" if groups is None else f"{len(np.unique(groups))} groups"
        raise ValueError(
            f"validation={fraction} cannot be split off {n_epochs} epochs with {n_groups}: {error}"
        ) from error
    held_out = np.zeros(n_epochs, bool)
    held_out[chosen] = True
    return held_out


def epochs_of(prepared: PreparedEEG, wanted: NDArray) -> PreparedEEG:
    """Some epochs, which keep their numbers; those of a corpus stay in storage.

    Parameters
    ----------
    prepared : PreparedEEG
    wanted : ndarray, shape (n_epochs,), bool
    """
    groups = []
    for group in prepared.groups:
        chosen = wanted[group.epoch]
        if chosen.all():
            groups.append(group)  # not copied
        elif chosen.any():
            groups.append(group.take_rows(np.flatnonzero(chosen)))
    return replace(prepared, groups=groups)


def split_data(data: Data, held_out: NDArray) -> tuple[Data, Data]:
    """Training and validation part; epochs keep their numbers, and so do targets."""
    rest, chosen = (epochs_of(data.prepared, wanted) for wanted in (~held_out, held_out))
    return replace(data, prepared=rest), replace(data, prepared=chosen)


def some_segments(prepared: PreparedEEG) -> PreparedEEG:
    """The same EEG or, of a corpus too large to look at whole, segments spread over it."""
    if not prepared.is_stored:
        return prepared
    total = sum(len(group.patches) for group in prepared.groups)
    step = max(1, total // _SEGMENTS_LOOKED_AT)
    chosen = np.zeros(prepared.n_epochs, bool)
    chosen[::step] = True
    return epochs_of(prepared, chosen)

"""Selection of validation data."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils.validation import column_or_1d

from sk_brainrvq.missing_values import missing_rows, which_rows
from sk_brainrvq.signals import PreparedEEG
from sk_brainrvq.user_warnings import warn

# A share that differs by more raises a warning.
_SHARE_TOLERANCE = 0.05
# Number of segments of a corpus to compute statistics such as code usage from.
_SEGMENTS_LOOKED_AT = 500


@dataclass(frozen=True)
class TrainingData:
    """Prepared EEG with targets and weights of its epochs.

    Attributes
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs, ...), or None
    weights : ndarray, shape (n_epochs,), or None
    subjects : ndarray, shape (n_epochs,), or None
        Subject of each epoch, if signals are whitened by subject.
    """

    prepared: PreparedEEG
    targets: NDArray | None = None
    weights: NDArray | None = None
    subjects: NDArray | None = None


Data = TypeVar("Data", bound=TrainingData)


def is_fraction(validation: Any) -> bool:
    """Whether ``validation`` is a number."""
    return isinstance(validation, Real) and not isinstance(validation, bool)


def check_validation(validation: Any, early_stopping: Any, needs_y: bool) -> None:
    """Raise ValueError for settings that are invalid or lack each other."""
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
            "validation=0.1 or a pair (X, y). Scores on the training data do not show when to "
            "stop."
        )


def pair_of(validation: Any, needs_y: bool) -> tuple[Any, Any]:
    """X and y of a ``validation`` that is not a fraction.

    Parameters
    ----------
    validation : tuple (X, y), or only X if no labels are needed
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
    rows = missing_rows(groups)
    if rows:
        raise ValueError(
            f"groups holds NaN or None for {len(rows)} of {n_epochs} epochs ({which_rows(rows)}), "
            "but every epoch needs a group. Leave these epochs out, or give them a group."
        )
    array = column_or_1d(groups)
    if len(array) != n_epochs:
        raise ValueError(
            f"groups has {len(array)} entries, but X has {n_epochs} epochs; give one per epoch. "
            "A recording has one epoch per window."
        )
    return array


def held_out_epochs(
    fraction: float,
    n_epochs: int,
    groups: NDArray | None,
    classes: NDArray | None,
    seed: int,
) -> NDArray:
    """Choose epochs to validate on.

    Parameters
    ----------
    fraction : float
    n_epochs : int
    groups : ndarray, shape (n_epochs,), or None
        Groups, which are kept together.
    classes : ndarray, shape (n_epochs,), or None
        Classes, kept in proportion as far as groups allow.
    seed : int

    Returns
    -------
    ndarray, shape (n_epochs,), bool
    """
    if groups is None:
        warn(
            f"validation={fraction} holds out single epochs, as no groups were given. If X holds "
            "several people, or consecutive epochs, the epochs held out resemble those trained "
            "on, and scores are too good. Pass groups=... (the subject of each epoch)."
        )
        return _held_out_singly(fraction, n_epochs, classes, seed)
    held_out = _held_out_groups(fraction, groups, classes, seed)
    share = held_out.mean()
    if abs(share - fraction) > _SHARE_TOLERANCE:
        warn(
            f"validation={fraction} was given, but {share:.2f} of the epochs are held out: groups "
            f"are kept whole, and the {len(np.unique(groups))} groups allow no closer share."
        )
    return held_out


def _held_out_singly(fraction: float, n_epochs: int, classes: NDArray | None, seed: int) -> NDArray:
    splitter = ShuffleSplit if classes is None else StratifiedShuffleSplit
    split = splitter(1, test_size=fraction, random_state=seed)
    try:
        _, chosen = next(split.split(np.zeros(n_epochs), classes))
    except ValueError as error:
        raise ValueError(
            f"validation={fraction} cannot be split off {n_epochs} epochs with no groups: {error}"
        ) from error
    held_out = np.zeros(n_epochs, bool)
    held_out[chosen] = True
    return held_out


def _held_out_groups(
    fraction: float, groups: NDArray, classes: NDArray | None, seed: int
) -> NDArray:
    """Whole groups whose share of the epochs and of each class is close to the fraction.

    Groups are visited in random order, and one is held out if that brings the shares closer; then
    groups are added, dropped and exchanged as long as that helps.
    """
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"validation={fraction} cannot be split off {len(groups)} epochs with {len(names)} "
            "groups: at least two are needed, one to train on and one to validate on."
        )
    kinds = np.zeros(len(groups)) if classes is None else classes
    counts = np.stack([np.bincount(number[kinds == k], minlength=len(names)) for k in set(kinds)])
    shares = (counts / counts.sum(1, keepdims=True)).T

    def distance(held: list[int]) -> float:
        return float(np.abs(shares[held].sum(0) - fraction).sum())

    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    held = order[:1]
    for group in order[1:-1]:
        held = min(held, [*held, group], key=distance)
    while True:
        nearest = min(_changed(held, len(names)), key=distance)
        if distance(nearest) >= distance(held) - 1e-9:
            return np.isin(number, held)
        held = nearest


def _changed(held: list[int], n_groups: int) -> Iterator[list[int]]:
    """The held-out groups with one added, dropped, or exchanged for another."""
    rest = [group for group in range(n_groups) if group not in held]
    for new in rest:
        if len(rest) > 1:
            yield [*held, new]
        yield from ([new if group == old else group for group in held] for old in held)
    if len(held) > 1:
        yield from ([group for group in held if group != old] for old in held)


def epochs_of(prepared: PreparedEEG, wanted: NDArray) -> PreparedEEG:
    """Select epochs, which keep their numbers; those of a corpus stay in storage.

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
    """Training and validation part; epochs and targets keep their numbers."""
    rest, chosen = (epochs_of(data.prepared, wanted) for wanted in (~held_out, held_out))
    return replace(data, prepared=rest), replace(data, prepared=chosen)


def some_segments(prepared: PreparedEEG) -> PreparedEEG:
    """The same EEG or, for a large corpus, segments spread over it."""
    if not prepared.is_stored:
        return prepared
    total = sum(len(group.patches) for group in prepared.groups)
    step = max(1, total // _SEGMENTS_LOOKED_AT)
    chosen = np.zeros(prepared.n_epochs, bool)
    chosen[::step] = True
    return epochs_of(prepared, chosen)

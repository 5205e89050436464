"""EEG of the subject a model is for, in addition to that of others: MOABB's calibration."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.sources.mne_epochs import is_list_of_epochs, is_mne_epochs

# Stands for the subject of the target's EEG if others have names.
_TARGET = "X_target_labeled"


@dataclass(frozen=True)
class TrainedOn:
    """EEG to train on and what the user gives for each epoch.

    Attributes
    ----------
    X : EEG
    y, sample_weight, groups, subjects : array-like, shape (n_epochs, ...), or None
    """

    X: Any
    y: Any
    sample_weight: Any = None
    groups: Any = None
    subjects: Any = None


def with_target(given: TrainedOn, X_target: Any, y_target: Any, centres: bool) -> TrainedOn:
    """EEG followed by the EEG of the target.

    Parameters
    ----------
    given : TrainedOn
    X_target : array, mne.Epochs, list of single-trial mne.Epochs, or None
    y_target : array-like or None
    centres : bool
        Whether ``subjects`` are the people to centre; otherwise they are ``groups``.

    Returns
    -------
    TrainedOn
    """
    groups, subjects = given.groups, given.subjects
    if subjects is not None and not centres:
        groups, subjects = groups_or_subjects(groups, subjects), None
    if X_target is None and y_target is None:
        return TrainedOn(given.X, given.y, given.sample_weight, groups, subjects)
    n_target = n_target_epochs(X_target)
    if subjects is not None:
        subjects = [*subjects, *[_TARGET] * n_target]
    return TrainedOn(
        with_target_eeg(given.X, X_target),
        with_target_labels(given.y, y_target, n_target),
        with_target_weight(given.sample_weight, n_target),
        with_target_group(groups, n_target),
        subjects,
    )


def groups_or_subjects(groups: Any, subjects: Any) -> Any:
    """Groups that a split must keep together; ``subjects`` is MOABB's name for them.

    Parameters
    ----------
    groups, subjects : array-like, shape (n_epochs,), or None

    Returns
    -------
    array-like, shape (n_epochs,), or None

    Raises
    ------
    ValueError
        If both are given and differ.
    """
    if groups is None or subjects is None:
        return subjects if groups is None else groups
    if not np.array_equal(groups, subjects):
        raise ValueError(
            "groups and subjects were given and differ, but both say what a validation split "
            "keeps together. Pass only one of them."
        )
    return groups


def with_target_eeg(X: Any, X_target: Any) -> Any:
    """X followed by EEG of the target.

    Parameters
    ----------
    X : array, mne.Epochs, or whatever else ``fit`` takes
    X_target : array, mne.Epochs, list of single-trial mne.Epochs, or None

    Returns
    -------
    array or list
        X itself if there is no target.
    """
    if X_target is None:
        return X
    if isinstance(X, np.ndarray) and isinstance(X_target, np.ndarray):
        if X.shape[1:] != X_target.shape[1:]:
            raise InvalidEEGError(
                f"The target's EEG has shape {X_target.shape} and X has shape {X.shape}; expected "
                "the same channels and samples."
            )
        return np.concatenate([X, X_target])
    return [*_items(X), *_items(X_target)]


def _items(X: Any) -> list[Any]:
    return list(X) if isinstance(X, (list, tuple)) else [X]


def n_target_epochs(X_target: Any) -> int:
    """Number of epochs of the target's EEG.

    Parameters
    ----------
    X_target : array, mne.Epochs, list of single-trial mne.Epochs, or None

    Returns
    -------
    int
    """
    if X_target is None:
        return 0
    if is_mne_epochs(X_target) or isinstance(X_target, np.ndarray):
        return len(X_target)
    if is_list_of_epochs(X_target):
        return sum(len(epochs) for epochs in X_target)
    raise InvalidEEGError(
        f"The target's EEG is a {type(X_target).__name__}; expected an array or mne.Epochs."
    )


def with_target_group(groups: Any, n_target: int) -> Any:
    """Groups followed by one new group for the target's epochs.

    Parameters
    ----------
    groups : array-like, shape (n_epochs,), or None
    n_target : int

    Returns
    -------
    ndarray, shape (n_epochs + n_target,), or None
        ``groups`` itself if there is no target.
    """
    if groups is None or n_target == 0:
        return groups
    found, numbers = np.unique(np.asarray(groups), return_inverse=True)
    return np.append(numbers, np.full(n_target, len(found)))


def with_target_labels(y: Any, y_target: Any, n_target: int) -> Any:
    """Labels followed by those of the target's epochs.

    Parameters
    ----------
    y : array-like, shape (n_epochs, ...)
    y_target : array-like, shape (n_target, ...), or None
    n_target : int

    Returns
    -------
    ndarray, shape (n_epochs + n_target, ...)
        ``y`` itself if there is no target.

    Raises
    ------
    ValueError
        Unless there is one label per epoch of the target.
    """
    n_labels = 0 if y_target is None else len(y_target)
    if n_labels != n_target:
        raise ValueError(
            f"y_target_labeled has {n_labels} labels, but X_target_labeled has {n_target} epochs; "
            "give one label per epoch."
        )
    return y if n_target == 0 or y is None else np.concatenate([np.asarray(y), y_target])


def with_target_weight(sample_weight: Any, n_target: int) -> NDArray | None:
    """Weights of epochs followed by 1 for each epoch of the target.

    Parameters
    ----------
    sample_weight : array-like, shape (n_epochs,), or None
    n_target : int

    Returns
    -------
    ndarray, shape (n_epochs + n_target,), or None
        ``sample_weight`` itself if there is no target.
    """
    if sample_weight is None or n_target == 0:
        return sample_weight
    return np.append(np.asarray(sample_weight), np.ones(n_target))

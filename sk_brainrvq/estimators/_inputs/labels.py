"""Labelled EEG to train on: targets, weights and groups of epochs, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from sk_brainrvq.estimators._inputs.validation import TrainingData, epochs_of
from sk_brainrvq.signals import PreparedEEG
from sk_brainrvq.training import SegmentDataset


@dataclass(frozen=True)
class LabelledEEG(TrainingData):
    """Epochs to train on and what is known of each.

    Attributes
    ----------
    prepared : PreparedEEG
        Without the epochs of weight 0.
    targets : ndarray, shape (n_epochs,) int64 or (n_epochs, n_targets) float32
    weights : ndarray, shape (n_epochs,), or None
        Weights in the loss.
    groups : ndarray, shape (n_epochs,), or None
        What must not be torn apart by a split, such as subjects.
    """

    targets: NDArray
    groups: NDArray | None = None

    def dataset(self) -> SegmentDataset:
        """The epochs as a dataset of segments."""
        return SegmentDataset(self.prepared, self.targets, weights=self.weights)

    def normalised(self) -> Self:
        """The same with weights of mean 1 over the epochs that have any."""
        if self.weights is None:
            return self
        return replace(self, weights=self.weights / self.weights[self.weights > 0].mean())


def labelled_eeg(
    prepared: PreparedEEG, targets: NDArray, weights: NDArray | None, groups: NDArray | None
) -> LabelledEEG:
    """Labelled EEG without the epochs of weight 0, which training must not see at all.

    Parameters
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs, ...)
    weights : ndarray, shape (n_epochs,), or None
        At least one above 0.
    groups : ndarray, shape (n_epochs,), or None

    Returns
    -------
    LabelledEEG
    """
    if weights is not None and not weights.all():
        prepared = epochs_of(prepared, weights > 0)
    return LabelledEEG(prepared, targets, weights, groups)


def check_sample_weight(sample_weight: Any, n_epochs: int) -> NDArray | None:
    """Weights of epochs as float64.

    Parameters
    ----------
    sample_weight : array-like, shape (n_epochs,), or None
    n_epochs : int

    Returns
    -------
    ndarray, shape (n_epochs,), or None

    Raises
    ------
    ValueError
        Unless there is one finite weight of at least 0 an epoch, not all of them 0.
    """
    if sample_weight is None:
        return None
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (n_epochs,):
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but X has {n_epochs} epochs; give one "
            f"weight an epoch: ({n_epochs},)."
        )
    if weight.min() < 0:
        raise ValueError(
            f"sample_weight goes down to {weight.min():g}; expected weights of 0 or more."
        )
    if not weight.any():
        raise ValueError("Every sample_weight is zero: no epoch is left to train on.")
    return weight


def class_weights(
    class_weight: str | Mapping, classes: NDArray, targets: NDArray, weight: NDArray | None
) -> NDArray:
    """Weight of each class in the loss.

    Parameters
    ----------
    class_weight : "balanced" or mapping of label to weight
        Labels that a mapping leaves out weigh 1.
    classes : ndarray, shape (n_classes,)
    targets : ndarray of int, shape (n_epochs,)
    weight : ndarray, shape (n_epochs,), or None
        The user's weights, whose sums "balanced" makes equal.

    Returns
    -------
    ndarray, shape (n_classes,)

    Raises
    ------
    ValueError
        For unknown labels or weights below 0.
    """
    if isinstance(class_weight, Mapping):
        return _given_class_weights(class_weight, classes)
    if class_weight != "balanced":
        raise ValueError(
            f"class_weight={class_weight!r} was given; expected 'balanced', a dict or None."
        )
    counts = np.bincount(targets, weights=weight, minlength=len(classes))
    present = counts > 0
    balanced = counts.sum() / (present.sum() * np.where(present, counts, 1))
    return np.where(present, balanced, 0.0)


def _given_class_weights(class_weight: Mapping, classes: NDArray) -> NDArray:
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(f"class_weight names {unknown}, which are no classes of y ({labels}).")
    values = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.any()):
        raise ValueError(
            f"class_weight={class_weight!r} was given; expected weights of 0 or more, not all 0."
        )
    return values

"""Labelled EEG to train on: targets, weights and groups of epochs, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_array, column_or_1d

from sk_brainrvq.estimators._inputs.validation import TrainingData, epochs_of
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.missing_values import missing_rows, which_rows
from sk_brainrvq.signals import PreparedEEG
from sk_brainrvq.training import SegmentDataset

# What to do with one label per recording, where each window needs one.
OF_RECORDINGS = (
    "Labels of recordings go into recordings = Recordings(paths, labels, window=...); pass "
    "recordings and recordings.y, which has one label per window."
)


@dataclass(frozen=True)
class LabelledEEG(TrainingData):
    """Epochs to train on and what is known of each.

    Attributes
    ----------
    prepared : PreparedEEG
        EEG without the epochs that have weight 0.
    targets : ndarray, shape (n_epochs,) int64 or (n_epochs, n_targets) float32
    weights : ndarray, shape (n_epochs,), or None
        Weights in the loss.
    groups : ndarray, shape (n_epochs,), or None
        Groups that a split must keep together, such as subjects.
    subjects : ndarray of object, shape (n_epochs,), or None
        Subject of each epoch, if people are centred.
    shifts : list of ndarray, or None
        Array to add to the features of each group's segments, (n_segments, n_features).
    """

    targets: NDArray
    groups: NDArray | None = None
    shifts: list[NDArray] | None = None

    def dataset(self) -> SegmentDataset:
        """The epochs as a dataset of segments."""
        return SegmentDataset(self.prepared, self.targets, weights=self.weights, shifts=self.shifts)

    def with_shifts(self, shifts: list[NDArray]) -> Self:
        """The same data with arrays to add to the features of the segments."""
        return replace(self, shifts=shifts)

    def normalised(self) -> Self:
        """The same data with weights scaled to mean 1 over the epochs above 0."""
        if self.weights is None:
            return self
        return replace(self, weights=self.weights / self.weights[self.weights > 0].mean())


def labelled_eeg(
    prepared: PreparedEEG, targets: NDArray, weights: NDArray | None, groups: NDArray | None
) -> LabelledEEG:
    """Labelled EEG without the epochs that have weight 0, which training must not see.

    Parameters
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs, ...)
    weights : ndarray, shape (n_epochs,), or None
        Weights, at least one of them above 0.
    groups : ndarray, shape (n_epochs,), or None

    Returns
    -------
    LabelledEEG
    """
    if weights is not None and not weights.all():
        prepared = epochs_of(prepared, weights > 0)
    return LabelledEEG(prepared, targets, weights, groups=groups)


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
        Unless there is one finite weight of at least 0 per epoch, and one of them is above 0.
    """
    if sample_weight is None:
        return None
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (n_epochs,):
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but X has {n_epochs} epochs; give one "
            f"weight per epoch: ({n_epochs},)."
        )
    if weight.min() < 0:
        raise ValueError(f"sample_weight holds {weight.min():g}; expected weights of 0 or more.")
    if not weight.any():
        raise ValueError(
            "Every sample_weight is zero, so no epoch is left to train on. Pass at least one "
            "above 0."
        )
    return weight


def class_weights(
    class_weight: str | Mapping, classes: NDArray, targets: NDArray, weight: NDArray | None
) -> NDArray:
    """Weight of each class in the loss.

    Parameters
    ----------
    class_weight : "balanced" or mapping of label to weight
        Labels that a mapping leaves out get weight 1.
    classes : ndarray, shape (n_classes,)
    targets : ndarray of int, shape (n_epochs,)
    weight : ndarray, shape (n_epochs,), or None
        The user's weights, whose sums per class "balanced" makes equal.

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
        raise ValueError(f"class_weight names {unknown}, which are not classes of y ({labels}).")
    values = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.any()):
        raise ValueError(
            f"class_weight={class_weight!r} was given; expected weights of 0 or more, not all 0."
        )
    return values


def encode_classes(
    y: Any, n_epochs: int, known: NDArray | None, estimator: str
) -> tuple[NDArray, NDArray]:
    """Encode labels as numbers from 0, which index the classes.

    Parameters
    ----------
    y : array-like, shape (n_epochs,)
    n_epochs : int
    known : ndarray, shape (n_classes,), or None
        Known classes; None learns them from y.
    estimator : str
        Name of the estimator, for messages.

    Returns
    -------
    numbers : ndarray, shape (n_epochs,), int64
    classes : ndarray, shape (n_classes,)

    Raises
    ------
    ValueError
        Unless there is one label per epoch, of a known class.
    """
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None")
    if not (isinstance(y, np.ndarray) and y.dtype.kind in "iub"):  # which have no missing values
        refuse_missing(y, n_epochs)
    labels = column_or_1d(y, warn=True)
    _refuse_mixed(labels)
    check_classification_targets(labels)
    if len(labels) != n_epochs:
        raise ValueError(
            f"y has {len(labels)} labels, but X has {n_epochs} epochs (inconsistent numbers "
            f"of samples); give one label per epoch. {OF_RECORDINGS}"
        )
    found, numbers = np.unique(labels, return_inverse=True)
    classes = found if known is None else known
    unknown = np.setdiff1d(found, classes)
    if len(unknown):
        raise ValueError(
            f"y holds {unknown.tolist()}, which are not among the known classes {classes.tolist()}."
        )
    return np.searchsorted(classes, found)[numbers].astype(np.int64), classes


def refuse_labels_of_recordings(X: Any, y: Any, n_epochs: int) -> None:
    """Raise InvalidEEGError if there is one label per recording, but X has several windows of each.

    A transformer does not use y. But the next step of a pipeline would fail with two numbers that
    do not say which of them counts recordings.

    Parameters
    ----------
    X : EEG
        As passed by the user.
    y : array-like or None
    n_epochs : int
        Number of windows of X.
    """
    if hasattr(X, "recording_of"):  # Recordings
        n_recordings = len(np.unique(X.recording_of))
    elif isinstance(X, (list, tuple)):
        n_recordings = len(X)
    else:
        return
    if hasattr(y, "__len__") and len(y) == n_recordings != n_epochs:
        raise InvalidEEGError(
            f"y has {len(y)} labels, one per recording, but X has {n_epochs} windows (inconsistent "
            f"numbers of samples). {OF_RECORDINGS}"
        )


def refuse_missing(y: Any, n_epochs: int) -> None:
    """Raise ValueError for epochs without a label or number.

    Parameters
    ----------
    y : array-like, shape (n_epochs, ...)
    n_epochs : int
    """
    rows = missing_rows(y)
    if rows:
        raise ValueError(
            f"Input y contains NaN or None for {len(rows)} of {n_epochs} epochs "
            f"({which_rows(rows)}). Leave these epochs out of X and y."
        )


def _refuse_mixed(labels: NDArray) -> None:
    """Raise ValueError for labels that cannot be sorted, such as text mixed with numbers."""
    kinds = sorted({type(label).__name__ for label in labels}) if labels.dtype == object else []
    if "str" in kinds and len(kinds) > 1:
        raise ValueError(
            f"y mixes labels of the types {', '.join(kinds)}; expected only text or only numbers. "
            "Pass [str(label) for label in y] if they are names."
        )


def check_same_classes(labels: Any, classes: NDArray) -> None:
    """Raise ValueError if training is to go on with different classes."""
    found = unique_labels(labels)
    if not np.array_equal(found, classes):
        raise ValueError(
            f"warm_start=True goes on with the classes {classes.tolist()}, but y holds "
            f"{found.tolist()}. For other classes set warm_start=False."
        )


def classes_of_pass(classes: Any, known: NDArray | None, class_weight: Any) -> NDArray:
    """Classes that a pass of ``partial_fit`` may see.

    Parameters
    ----------
    classes : array-like, shape (n_classes,), or None
        Classes given to this call.
    known : ndarray, shape (n_classes,), or None
        Classes from previous calls.
    class_weight : object
        Parameter of the estimator.

    Returns
    -------
    ndarray, shape (n_classes,)

    Raises
    ------
    ValueError
        If classes are missing, differ from before or are fewer than two, or if weights need all
        labels.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ValueError(
            "class_weight='balanced' was given, but partial_fit does not see all labels at once. "
            "Pass the weights as a dict, for instance those of "
            "sklearn.utils.class_weight.compute_class_weight on a large sample of y."
        )
    if classes is None:
        if known is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return known
    given = unique_labels(classes)
    if known is not None and not np.array_equal(known, given):
        raise ValueError(
            f"classes={given.tolist()} was given, but the known classes are {known.tolist()}."
        )
    if len(given) < 2:
        raise ValueError(
            f"classes={given.tolist()} was given; a classifier needs at least two classes."
        )
    return given


def check_two_classes(data: LabelledEEG, classes: NDArray) -> None:
    """Raise ValueError for training data with only one class."""
    used = data.targets if data.weights is None else data.targets[data.weights > 0]
    numbers = np.unique(used)
    if len(numbers) < 2:
        without = "" if data.weights is None else " with a weight above 0"
        raise ValueError(
            f"y holds only one class{without} ({classes.tolist()[numbers[0]]!r}); a classifier "
            "needs at least two."
        )


def check_auroc_of(held_out: LabelledEEG, classes: NDArray) -> None:
    """Raise ValueError for validation data with one class, which have no ROC curve."""
    epochs = np.unique(np.concatenate([group.epoch for group in held_out.prepared.groups]))
    found = np.unique(held_out.targets[epochs])
    if len(found) < 2:
        raise ValueError(
            f"The validation data hold only one class ({classes.tolist()[found[0]]!r}), but "
            "criterion='auroc' needs at least two. Validate on more epochs or groups, or use "
            "criterion='loss'."
        )


class ClassTargetsMixin:
    """Class indices as targets; it reads ``class_weight`` and ``label_smoothing``."""

    class_weight: str | Mapping | None
    label_smoothing: float
    early_stopping: int | None
    criterion: str
    classes_: NDArray

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _encode_targets(
        self, y: Any, n_epochs: int, weight: NDArray | None, learns: bool
    ) -> NDArray:
        """Labels as numbers from 0; with ``learns``, learn the classes from them."""
        known = None if learns else self.classes_
        numbers, self.classes_ = encode_classes(y, n_epochs, known, type(self).__name__)
        return numbers

    def _loss_weight(self, targets: NDArray, weight: NDArray | None) -> NDArray | None:
        if self.class_weight is None:
            return weight
        of_class = class_weights(self.class_weight, self.classes_, targets, weight)
        return of_class[targets] if weight is None else of_class[targets] * weight

    def _check_data(self, data: LabelledEEG) -> None:
        check_two_classes(data, self.classes_)

    def _strata(self, data: LabelledEEG) -> NDArray | None:
        return data.targets

    def _check_validation_data(self, held_out: LabelledEEG | None) -> None:
        stops_by_auroc = self.early_stopping is not None and self.criterion == "auroc"
        if held_out is not None and stops_by_auroc:
            check_auroc_of(held_out, self.classes_)

    def _net_settings(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}

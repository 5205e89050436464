"""Score predictions: over windows, as published, and over recordings and subjects."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.user_warnings import warn

_MOST_NAMES = 3


class Reporting:
    """Base of protocols: scores of predictions."""

    classes: ClassVar[tuple[str, ...]]
    metrics: ClassVar[str]

    def report(
        self,
        y: Any,
        proba: Any,
        *,
        recordings: Any = None,
        subjects: Any = None,
        aggregate: str = "mean_log_proba",
    ) -> dict[str, dict[str, float]]:
        """Score predictions over windows, over recordings and over subjects.

        Published scores are over windows. If files are to be labelled, what matters is how many
        files are labelled correctly: :func:`~sk_brainrvq.aggregate_by` aggregates the windows of
        each, and a recording of an hour counts the same as one of a minute.

        Parameters
        ----------
        y : array-like, shape (n_windows,)
            True class of each window, as an index into ``classes``.
        proba : array-like, shape (n_windows, n_classes)
            Predicted probabilities, in the order of ``classes``.
        recordings, subjects : array-like, shape (n_windows,), optional
            Recording and subject of each window, as in :class:`~sk_brainrvq.datasets.Windows`.
            Without them the corresponding scores are left out.
        aggregate : {"mean_log_proba", "mean_proba", "vote"}, default="mean_log_proba"
            How the windows of a recording, or of a subject, are aggregated.

        Returns
        -------
        dict of str to dict of str to float
            Scores by "windows", "recordings" and "subjects": ``n``, the number of these, and
            ``balanced_accuracy``; for two classes ``average_precision`` (AUC-PR) and ``auroc``,
            otherwise ``kappa`` and ``weighted_f1``.

        Raises
        ------
        ValueError
            If shapes do not match, a label is not a class, a probability is NaN, or the windows
            have fewer than two classes.

        Warns
        -----
        EEGWarning
            If a recording, or a subject, has windows of several classes, so that the
            corresponding scores are left out.

        Examples
        --------
        >>> from sk_brainrvq.datasets import TUAB
        >>> proba = [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]
        >>> found = TUAB().report([0, 0, 1, 1], proba, recordings=["a", "a", "b", "b"])
        >>> found["windows"]["balanced_accuracy"], found["recordings"]["balanced_accuracy"]
        (0.75, 1.0)
        """
        from sk_brainrvq.recordings.aggregation import aggregate_by, check_aggregate

        check_aggregate(aggregate)
        truth, values = _checked(y, proba, len(self.classes))
        found = {"windows": _figures(self.metrics, truth, values)}
        for level, given in (("recordings", recordings), ("subjects", subjects)):
            if given is None:
                continue
            first = _first_rows(level, given, truth)
            if first is not None:
                joined = aggregate_by(values, given, aggregate)[1]
                found[level] = _figures(self.metrics, truth[first], joined)
        return found


def _checked(y: Any, proba: Any, n_classes: int) -> tuple[NDArray, NDArray]:
    truth, values = np.asarray(y), np.asarray(proba, dtype=float)
    if truth.ndim != 1 or values.shape != (len(truth), n_classes):
        raise ValueError(
            f"y has shape {truth.shape} and proba {values.shape}; expected (n_windows,) and "
            f"(n_windows, {n_classes}), a column per class."
        )
    if not np.isin(truth, np.arange(n_classes)).all():
        strangers = sorted(set(truth.tolist()) - set(range(n_classes)), key=str)
        raise ValueError(
            f"y holds {strangers[:_MOST_NAMES]}; expected 0 to {n_classes - 1}, an index into "
            "classes."
        )
    if np.isnan(values).any():
        raise ValueError(
            f"proba is NaN in {np.isnan(values).any(axis=1).sum()} of {len(values)} windows; leave "
            "them out of y and proba, and of recordings and subjects."
        )
    if len(np.unique(truth)) < 2:
        raise ValueError(
            f"The {len(truth)} windows belong to fewer than two classes, so no score can show how "
            "well classes are distinguished. Report windows of more recordings."
        )
    return truth.astype(np.int64), values


def _first_rows(level: str, groups: Any, truth: NDArray) -> NDArray | None:
    """Return the first window of each group, sorted; None if a group has several classes."""
    labels = np.asarray(groups)
    if labels.shape != truth.shape:
        raise ValueError(
            f"{level} has shape {labels.shape}; expected {truth.shape}, one per window."
        )
    names, first, number = np.unique(labels, return_index=True, return_inverse=True)
    mixed = names[np.unique(number[truth != truth[first][number]])].tolist()
    if not mixed:
        return first
    more = f" and {len(mixed) - _MOST_NAMES} more" if len(mixed) > _MOST_NAMES else ""
    warn(
        f"There are no scores over {level}, because windows of several classes are in "
        f"{', '.join(map(str, mixed[:_MOST_NAMES]))}{more}."
    )
    return None


def _figures(metrics: str, truth: NDArray, proba: NDArray) -> dict[str, float]:
    from sklearn.metrics import (
        average_precision_score,
        balanced_accuracy_score,
        cohen_kappa_score,
        f1_score,
        roc_auc_score,
    )

    predicted = proba.argmax(axis=1)
    found = {"n": len(truth), "balanced_accuracy": balanced_accuracy_score(truth, predicted)}
    if metrics == "binary":
        found["average_precision"] = average_precision_score(truth, proba[:, 1])
        found["auroc"] = roc_auc_score(truth, proba[:, 1])
    else:
        found["kappa"] = cohen_kappa_score(truth, predicted)
        found["weighted_f1"] = f1_score(truth, predicted, average="weighted")
    return {name: value if name == "n" else float(value) for name, value in found.items()}

"""Scores of predictions: over windows, as published, and over recordings."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.user_warnings import warn

_MOST_NAMES = 3


class Reporting:
    """Base of protocols: the figures of predictions."""

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
        """Figures of predictions over windows, over recordings and over subjects.

        Published figures are over windows. Whoever labels files wants to know how many files are
        labelled right: the windows of each are joined by :func:`~sk_brainrvq.aggregate_by`, and a
        recording of an hour counts the same as one of a minute.

        Parameters
        ----------
        y : array-like, shape (n_windows,)
            Index into ``classes``.
        proba : array-like, shape (n_windows, n_classes)
            In the order of ``classes``.
        recordings, subjects : array-like, shape (n_windows,), optional
            Of each window, as :class:`~sk_brainrvq.datasets.Windows` holds them. Without them
            there are no such figures.
        aggregate : {"mean_log_proba", "mean_proba", "vote"}, default="mean_log_proba"
            How the windows of a recording, or of a subject, are joined.

        Returns
        -------
        dict of str to dict of str to float
            "windows", "recordings" and "subjects", each with ``n``, their number, and
            ``balanced_accuracy``; for two classes ``average_precision`` (AUC-PR) and ``auroc``,
            else ``kappa`` and ``weighted_f1``.

        Raises
        ------
        ValueError
            For shapes that do not fit together, labels that are no class, probabilities that are
            NaN, and windows of fewer than two classes.

        Warns
        -----
        EEGWarning
            Where a recording, or a subject, has windows of several classes, and so there are no
            such figures.

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
            f"The {len(truth)} windows belong to fewer than two classes, so no score shows how "
            "well classes are told apart. Report windows of more recordings."
        )
    return truth.astype(np.int64), values


def _first_rows(level: str, groups: Any, truth: NDArray) -> NDArray | None:
    """The first window of each group, in sorted order; None where a group has several classes."""
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

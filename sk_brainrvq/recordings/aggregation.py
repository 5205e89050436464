"""Aggregation of probabilities from rows to groups, such as recordings and subjects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError

AGGREGATES = ("mean_log_proba", "mean_proba", "vote")
# Logarithms of smaller probabilities would let a single window decide.
_SMALLEST = 1e-6


def aggregate_by(
    proba: NDArray, groups: Any, aggregate: str = "mean_log_proba"
) -> tuple[NDArray, NDArray]:
    """Aggregate probabilities over groups of rows, such as the recordings of each subject.

    Parameters
    ----------
    proba : ndarray, shape (n_rows, n_classes)
    groups : array-like, shape (n_rows,)
    aggregate : {"mean_log_proba", "mean_proba", "vote"}
        How to aggregate: mean of logarithms, mean, or share of the rows in which a class is the
        most probable one.

    Returns
    -------
    names : ndarray, shape (n_groups,)
        Names of the groups, sorted.
    proba : ndarray, shape (n_groups, n_classes)
        Probabilities; each row sums to 1.

    Raises
    ------
    InvalidEEGError
        For an unknown aggregate, and unless there is one group per row.

    Examples
    --------
    >>> from sk_brainrvq.recordings import aggregate_by
    >>> names, proba = aggregate_by([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], ["ada", "ada", "bob"])
    >>> names.tolist(), proba.round(2).tolist()
    (['ada', 'bob'], [[0.79, 0.21], [0.2, 0.8]])
    """
    values, labels = np.asarray(proba, dtype=float), np.asarray(groups)
    check_aggregate(aggregate)
    if values.ndim != 2 or labels.shape != values.shape[:1]:
        raise InvalidEEGError(
            f"proba has shape {values.shape} and groups {labels.shape}; expected (n_rows, "
            "n_classes) and (n_rows,)."
        )
    names, number = np.unique(labels, return_inverse=True)
    return names, aggregated(values, number, len(names), aggregate)


def check_aggregate(aggregate: Any) -> None:
    """Raise InvalidEEGError for an unknown aggregate."""
    if aggregate not in AGGREGATES:
        raise InvalidEEGError(f"aggregate={aggregate!r} was given; expected one of {AGGREGATES}.")


def aggregated(proba: NDArray, number: NDArray, n_groups: int, aggregate: str) -> NDArray:
    """Probabilities (n_groups, n_classes); NaN for groups without a row."""
    if aggregate == "vote":
        proba = np.eye(proba.shape[1])[proba.argmax(axis=1)]
    logs = aggregate == "mean_log_proba"
    values = np.log(np.maximum(proba, _SMALLEST)) if logs else proba
    means = means_of(values, number, n_groups)
    if logs:
        means = np.exp(means - np.nanmax(means, axis=1, initial=-np.inf, keepdims=True))
    return means / means.sum(axis=1, keepdims=True)


def means_of(values: NDArray, number: NDArray, n_groups: int) -> NDArray:
    """Mean of the rows of each group, (n_groups, ...); NaN for groups without a row."""
    sums = np.zeros((n_groups, *values.shape[1:]))
    np.add.at(sums, number, values)
    counts = np.bincount(number, minlength=n_groups).reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)

"""The paper's three figures for a prediction, for two classes and for more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    roc_auc_score,
)

LABELS = {
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "AUC-PR",
    "auroc": "AUROC, pooled",
    "kappa": "Cohen's kappa",
    "weighted_f1": "weighted F1",
}


@dataclass(frozen=True)
class Protocol:
    """Figures by which a kind of task is scored.

    Attributes
    ----------
    names : tuple of str
        The paper's three columns.
    primary : str
        Figure for choices on validation subjects and for tests of differences.
    """

    names: tuple[str, ...]
    primary: str


PROTOCOLS = {
    "binary": Protocol(("balanced_accuracy", "average_precision", "auroc"), "auroc"),
    "multiclass": Protocol(("balanced_accuracy", "kappa", "weighted_f1"), "kappa"),
}


def score(kind: str, truth: NDArray, probability: NDArray) -> dict[str, float]:
    """Compute the figures of one set of predictions.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    truth : ndarray, shape (n_windows,)
        Class numbers.
    probability : ndarray, shape (n_windows, n_classes)

    Returns
    -------
    dict of str to float
        By the names of ``PROTOCOLS[kind].names``. The threshold for two classes is 0.5.

    Raises
    ------
    ValueError
        If the windows to score are all of one class.
    """
    if len(np.unique(truth)) < 2:
        raise ValueError(
            f"The {len(truth)} windows to score are all of class {truth[0] if len(truth) else '?'};"
            " two classes are needed. Take folds of more subjects (--subjects-per-fold)."
        )
    predicted = probability.argmax(1)
    figures = {"balanced_accuracy": balanced_accuracy_score(truth, predicted)}
    if kind == "binary":
        figures["average_precision"] = average_precision_score(truth, probability[:, 1])
        figures["auroc"] = roc_auc_score(truth, probability[:, 1])
    else:
        figures["kappa"] = cohen_kappa_score(truth, predicted)
        figures["weighted_f1"] = f1_score(truth, predicted, average="weighted")
    return {name: float(figures[name]) for name in PROTOCOLS[kind].names}


def primary_score(kind: str, truth: NDArray, probability: NDArray) -> float:
    """Figure by which choices are made: AUROC for two classes, kappa for more."""
    return score(kind, truth, probability)[PROTOCOLS[kind].primary]

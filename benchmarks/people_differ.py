"""How much does each person's own mean matter? Frozen features as they are, and centred.

Uses people to develop on, in the folds of ``BENCHMARK_SPLITS``, and logistic regression with
C = .01. Prints the AUROC of a fold's people together and of each person, balanced accuracy, and
how often a linear model fitted on the first half of each person's windows identifies the person in
the second half.

    python benchmarks/people_differ.py --dataset eegmat --data FOLDER
    python benchmarks/people_differ.py --dataset guinea-bissau --data FOLDER
    python benchmarks/people_differ.py --dataset eegmat --data FOLDER --limits
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.answering import answered, described
from table.features import log_band_power
from table.limits import limits
from table.linear import classifier_of_record
from table.tasks import SFREQ, Task, load_task

from sk_brainrvq import BrainRVQEmbedder, SubjectCentering
from sk_brainrvq.datasets import BENCHMARK_SPLITS

TOKENS: dict[str, Any] = {"pooling": "region", "spectrum": None, "covariance": False}
# Parameters of the embedder, by row label.
EMBEDDERS: dict[str, dict[str, Any]] = {
    "default embedding": {},
    "the same without network": {"tokens": False},
    "covariance in five bands only": {"tokens": False, "spectrum": None},
    "default, one covariance": {"covariance": True},
    "tokens by region only": TOKENS,
    "tokens of a random network": {"weights": None, "random_state": 0, **TOKENS},
}


def both(task: Task, label: str) -> tuple[NDArray, NDArray]:
    """Compute features as they are, and centred by person."""
    if label == "7-band log power":
        plain = log_band_power(task.X, 7)
        centering = SubjectCentering().fit(plain, subjects=task.subjects)
        return plain, centering.transform(plain, subjects=task.subjects)
    embedder = BrainRVQEmbedder(
        sfreq=SFREQ, ch_names=task.ch_names, filters=None, **EMBEDDERS[label]
    )
    plain = embedder.fit_transform(task.X)
    embedder.set_params(center_by="subject")
    return plain, embedder.fit_transform(task.X, subjects=task.subjects)


def figures(task: Task, features: NDArray) -> tuple[float, float, float]:
    """AUROC pooled and per person, balanced accuracy, by folds of people."""
    pooled, accuracies, own = [], [], []
    for train, test in BENCHMARK_SPLITS[task.dataset].cross_validation(task.subjects):
        model = classifier_of_record().fit(features[train], task.y[train])
        score, truth = model.decision_function(features[test]), task.y[test]
        pooled.append(roc_auc_score(truth, score))
        accuracies.append(balanced_accuracy_score(truth, score > 0))
        for person in np.unique(task.subjects[test]):
            rows = task.subjects[test] == person
            if len(set(truth[rows])) == 2:
                own.append(roc_auc_score(truth[rows], score[rows]))
    return float(np.mean(pooled)), float(np.mean(own)), float(np.mean(accuracies))


def naming(task: Task, features: NDArray) -> float:
    """Share of windows whose person is identified, learnt from the first half of each class."""
    is_first = np.zeros(len(task.y), dtype=bool)
    for person in np.unique(task.subjects):
        for label in np.unique(task.y):
            rows = np.flatnonzero((task.subjects == person) & (task.y == label))
            is_first[rows[: len(rows) // 2]] = True
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    model.fit(features[is_first], task.subjects[is_first])
    return float(model.score(features[~is_first], task.subjects[~is_first]))


def table(task: Task) -> str:
    """One row per kind of features, as they are and centred."""
    lines = [
        "| features | as they are | names the person | each person centred | names the person |",
        "|---|---|---|---|---|",
    ]
    for label in ("7-band log power", *EMBEDDERS):
        cells = []
        for features in both(task, label):
            auroc, own, accuracy = (f"{value:.3f}".lstrip("0") for value in figures(task, features))
            named = f"{naming(task, features):.2f}"
            cells += [f"{auroc} / {own}; {accuracy}", named]
        lines.append(f"| {label} | {' | '.join(cells)} |")
        print(f"done: {label}", file=sys.stderr, flush=True)
    n_people = len(np.unique(task.subjects))
    return "\n".join(lines) + (
        f"\n\n- {task.dataset}, {n_people} people to develop on, in fixed folds. AUROC "
        "pooled / per person; balanced accuracy. The network has seen the EEG of these people, "
        "without labels."
    )


def answer(options: argparse.Namespace) -> str:
    """Compute the table that was asked for."""
    task = load_task(options.dataset, options.data, "develop")
    return limits(task) if options.limits else table(task)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    parser.add_argument("--dataset", choices=("eegmat", "guinea-bissau"), default="eegmat")
    parser.add_argument("--data", type=Path, help="folder of the recordings")
    parser.add_argument(
        "--limits",
        action="store_true",
        help="instead test few windows of a person, windows of one state only, and calibration",
    )
    warnings.simplefilter("ignore")
    return answered(parser, argv, answer)


if __name__ == "__main__":
    sys.exit(main())

"""Limits of centring by person: few windows, windows of one state only, calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import BENCHMARK_SPLITS
from table.linear import classifier_of_record
from table.tasks import SFREQ, Task

N_WINDOWS = (1, 2, 3, 5, 10, 20)
# Of the first state, and at most half of it, as in a calibration before the session.
CALIBRATION_SECONDS = 60


def limits(task: Task) -> str:
    """Table of the default embedding without its network, centred in each of these ways.

    Each part of a person's windows is treated as a separate person, so that the embedder sees no
    more of anybody at a time.

    Parameters
    ----------
    task : Task
        Task with two classes.

    Returns
    -------
    str
    """
    scores: dict[str, NDArray] = {}
    for train, test in BENCHMARK_SPLITS[task.dataset].cross_validation(task.subjects):
        embedder = BrainRVQEmbedder(
            sfreq=SFREQ, ch_names=task.ch_names, filters=None, tokens=False, center_by="subject"
        )
        model = classifier_of_record()
        own = embedder.fit_transform(task.X[train], subjects=task.subjects[train])
        model.fit(own, task.y[train])
        for name, (people, min_windows) in parts_of_people(task).items():
            embedder.set_params(min_windows=min_windows)
            features = embedder.transform(task.X[test], subjects=people[test])
            found = scores.setdefault(name, np.zeros(len(task.y)))
            found[test] = model.decision_function(features)
        found = scores.setdefault("calibrated", np.full(len(task.y), np.nan))
        _calibrated(task, embedder, train, test, found)
    return _lines(task, scores)


def parts_of_people(task: Task) -> dict[str, tuple[NDArray, int]]:
    """Assumed person of each window, and ``min_windows``, by name."""
    people = task.subjects.astype(str).astype(object)
    within = np.zeros(len(people), int)
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        # In random order: consecutive windows would be of one state.
        within[own] = np.random.default_rng(0).permutation(len(own))
    parts = {
        "all": (people, 10),
        "one state": (people + "|" + task.y.astype(str).astype(object), 10),
    }
    for n in N_WINDOWS:
        numbered = people + "|" + (within // n).astype(str).astype(object)
        parts |= {f"{n} own": (numbered, 1), f"{n} drawn": (numbered, 10)}
    return parts


def _calibrated(
    task: Task, embedder: BrainRVQEmbedder, train: NDArray, test: NDArray, found: NDArray
) -> None:
    """Decisions with each person's centre from the first minute of the first state."""
    n_windows = round(CALIBRATION_SECONDS * SFREQ / task.X.shape[-1])
    first = np.zeros(len(task.y), dtype=bool)
    for person in np.unique(task.subjects):
        own = np.flatnonzero((task.subjects == person) & (task.y == 0))
        first[own[: min(n_windows, len(own) // 2)]] = True
    known = np.isin(task.subjects, np.unique(task.subjects[first]))
    embedder.calibrate(task.X[first], subjects=task.subjects[first])
    rest = {"train": train, "test": test}
    rows = {part: rows[known[rows] & ~first[rows]] for part, rows in rest.items()}
    features = {
        part: embedder.transform(task.X[own], subjects=task.subjects[own])
        for part, own in rows.items()
    }
    model = classifier_of_record().fit(features["train"], task.y[rows["train"]])
    found[rows["test"]] = model.decision_function(features["test"])


def _figures(task: Task, score: NDArray) -> str:
    """AUROC pooled / per person; balanced accuracy."""
    pooled, accuracy, own = [], [], []
    for _, test in BENCHMARK_SPLITS[task.dataset].cross_validation(task.subjects):
        rows = test[np.isfinite(score[test])]
        pooled.append(roc_auc_score(task.y[rows], score[rows]))
        accuracy.append(balanced_accuracy_score(task.y[rows], score[rows] > 0))
        for person in np.unique(task.subjects[rows]):
            of_person = rows[task.subjects[rows] == person]
            if len(set(task.y[of_person])) == 2:
                own.append(roc_auc_score(task.y[of_person], score[of_person]))
    values = (f"{np.mean(part):.3f}".lstrip("0") for part in (pooled, own, accuracy))
    return "{} / {}; {}".format(*values)


def _spread_tells(task: Task, scores: dict[str, NDArray]) -> float:
    """AUROC of a person's spread of decisions, between mixed and one-state windows."""
    mixed, one_sided = [], []
    for person in np.unique(task.subjects):
        own = task.subjects == person
        if len(set(task.y[own])) < 2:
            continue
        mixed.append(scores["all"][own].std())
        one_sided += [scores["one state"][own & (task.y == label)].std() for label in (0, 1)]
    truth = np.repeat([1, 0], [len(mixed), len(one_sided)])
    return float(roc_auc_score(truth, np.array(mixed + one_sided)))


def _lines(task: Task, scores: dict[str, Any]) -> str:
    lines = ["| windows of a person at a time | own centre only | drawn to the others' |"]
    lines.append("|---|---|---|")
    for n in N_WINDOWS:
        cells = " | ".join(_figures(task, scores[f"{n} {way}"]) for way in ("own", "drawn"))
        lines.append(f"| {n} | {cells} |")
    lines += [
        f"| all | {_figures(task, scores['all'])} | the same |",
        "",
        f"- {task.dataset}, default embedding without network; AUROC pooled / per person; "
        "balanced accuracy. People to develop on, fixed folds.",
        f"- Windows of one state only at a time: {_figures(task, scores['one state'])}. The "
        "spread of a person's decisions tells such people from others with AUROC "
        f"{_spread_tells(task, scores):.2f}.",
        f"- Everybody's centre from the first {CALIBRATION_SECONDS} s of the first state, the rest "
        f"scored: {_figures(task, scores['calibrated'])}.",
    ]
    return "\n".join(lines)

"""Figures pooled over all windows of a fold's people, or averaged over each person's own.

A pooled AUROC shows what one threshold for everybody can do, so it falls when people differ in
level; the mean of each person's own AUROC shows what the signal tells within a person. The two
differ by more than systems do, so every figure must be named. Intervals are over people.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from table.statistics import LEVEL, Difference, Estimate, paired_difference

MEASURES = {
    "binary": ("auroc_pooled", "auroc_per_person", "balanced_accuracy_pooled"),
    "multiclass": ("balanced_accuracy_pooled", "kappa_pooled", "balanced_accuracy_per_person"),
}
LABELS = {
    "auroc_pooled": "AUROC, pooled",
    "auroc_per_person": "AUROC, per person",
    "balanced_accuracy_pooled": "balanced accuracy, pooled",
    "balanced_accuracy_per_person": "balanced accuracy, per person",
    "kappa_pooled": "Cohen's kappa, pooled",
}
# Measure by which people are compared, also across datasets.
PER_PERSON = {"binary": "auroc_per_person", "multiclass": "balanced_accuracy_per_person"}
N_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Scored:
    """Predictions of a system for all people of a cross-validation, each when tested.

    Attributes
    ----------
    truth : ndarray, shape (n_windows,)
        Class numbers.
    probability : ndarray, shape (n_windows, n_classes)
    people : ndarray, shape (n_windows,)
    folds : ndarray, shape (n_windows,)
        Fold in which each window was tested.
    """

    truth: NDArray
    probability: NDArray
    people: NDArray
    folds: NDArray

    @cached_property
    def groups(self) -> list["_Group"]:
        """One group per fold."""
        return [self._group(self.folds == fold) for fold in np.unique(self.folds)]

    @cached_property
    def persons(self) -> list["_Group"]:
        """One group per person, sorted."""
        return [self._group(self.people == person) for person in np.unique(self.people)]

    def _group(self, rows: NDArray) -> "_Group":
        people = np.searchsorted(np.unique(self.people), self.people[rows])
        return _Group(self.truth[rows], self.probability[rows], people)


class _Group:
    """Windows that are scored together, sorted once for any number of draws."""

    def __init__(self, truth: NDArray, probability: NDArray, people: NDArray):
        n_classes = probability.shape[1]
        self.people, self.n_classes = people, n_classes
        self.cell = truth * n_classes + probability.argmax(1)
        # Ties share a rank.
        self.place = np.unique(probability[:, -1], return_inverse=True)[1]
        self.positive = truth == n_classes - 1

    def auroc(self, weight: NDArray) -> float:
        """AUROC of the last class with weighted windows; NaN if a class is missing."""
        up = np.bincount(self.place, weight * self.positive)
        down = np.bincount(self.place, weight * ~self.positive)
        pairs = up.sum() * down.sum()
        return float(up @ (np.cumsum(down) - down / 2) / pairs) if pairs else float("nan")

    def confusion(self, weight: NDArray) -> NDArray:
        """Sum weights by true and predicted class."""
        counts = np.bincount(self.cell, weight, self.n_classes**2)
        return counts.reshape(self.n_classes, self.n_classes)

    def balanced_accuracy(self, weight: NDArray) -> float:
        """Mean recall of the classes; NaN if only one is present."""
        confusion = self.confusion(weight)
        there = confusion.sum(1) > 0
        if there.sum() < 2:
            return float("nan")
        return float((confusion.diagonal()[there] / confusion.sum(1)[there]).mean())

    def kappa(self, weight: NDArray) -> float:
        """Agreement beyond chance; NaN if only one class is present."""
        confusion = self.confusion(weight)
        if (confusion.sum(1) > 0).sum() < 2:
            return float("nan")
        share = confusion / confusion.sum()
        chance = share.sum(0) @ share.sum(1)
        return float((np.trace(share) - chance) / (1 - chance)) if chance < 1 else float("nan")


_FIGURE: dict[str, Callable[[_Group, NDArray], float]] = {
    "auroc": _Group.auroc,
    "balanced_accuracy": _Group.balanced_accuracy,
    "kappa": _Group.kappa,
}


def figures(kind: str, seeds: Sequence[Scored], drawn: NDArray | None = None) -> dict[str, float]:
    """Compute all measures of a system, averaged over its seeds.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    seeds : sequence of Scored
        Predictions for the same people.
    drawn : ndarray, shape (n_people,), optional
        How many times each person counts, in sorted order; default once.

    Returns
    -------
    dict of str to float
        Pooled: all windows of a fold's people together, mean over folds. Per person: mean of each
        person's own. Folds and people with one class only are left out; NaN if none remain.
    """
    return {
        measure: float(np.mean([_figure(measure, scored, drawn) for scored in seeds]))
        for measure in MEASURES[kind]
    }


def _figure(measure: str, scored: Scored, drawn: NDArray | None) -> float:
    name, per_person = _parts(measure)
    counts = np.ones(len(scored.persons)) if drawn is None else np.asarray(drawn, float)
    if per_person:
        values = np.array(_of_persons(name, scored))
        known = ~np.isnan(values) & (counts > 0)
        return float(np.average(values[known], weights=counts[known])) if known.any() else np.nan
    values = np.array([_FIGURE[name](group, counts[group.people]) for group in scored.groups])
    # Folds are weighted by how often their people were drawn; equally without draws.
    weights = np.array([counts[np.unique(group.people)].mean() for group in scored.groups])
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else np.nan


def _parts(measure: str) -> tuple[str, bool]:
    per_person = measure.endswith("_per_person")
    return measure.removesuffix("_per_person").removesuffix("_pooled"), per_person


def person_figures(measure: str, scored: Scored) -> dict[Any, float]:
    """Compute each person's own figure; NaN for people with one class.

    Parameters
    ----------
    measure : str
        One of ``LABELS``; pooled or not makes no difference for one person.
    scored : Scored

    Returns
    -------
    dict
        By person, sorted.
    """
    people = np.unique(scored.people).tolist()
    return dict(zip(people, _of_persons(_parts(measure)[0], scored), strict=True))


@lru_cache(maxsize=256)
def _of_persons(name: str, scored: Scored) -> tuple[float, ...]:
    """Figures of persons; draws only weight them, so they are computed once."""
    return tuple(_FIGURE[name](group, np.ones(len(group.people))) for group in scored.persons)


def fold_figures(measure: str, seeds: Sequence[Scored]) -> NDArray:
    """Compute a pooled measure of each fold, averaged over seeds; shape (n_folds,)."""
    name, _ = _parts(measure)
    return np.mean(
        [[_FIGURE[name](g, np.ones(len(g.people))) for g in scored.groups] for scored in seeds], 0
    )


def people_bootstrap(
    kind: str, ours: Sequence[Scored], theirs: Sequence[Scored] | None = None, n: int = N_DRAWS
) -> dict[str, Estimate]:
    """Measures of a system, or its lead over another, with percentile intervals over people.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    ours, theirs : sequence of Scored
        One per seed. With ``theirs``, the same people are drawn for both, and the interval is that
        of their difference.
    n : int, default=2000
        Number of draws, which are always the same.

    Returns
    -------
    dict of str to Estimate

    Raises
    ------
    ValueError
        If the two were not scored on the same people.
    """
    people = np.unique(ours[0].people)
    if theirs and not np.array_equal(np.unique(theirs[0].people), people):
        raise ValueError("Systems were scored on different people; expected the same people.")
    whole = np.array([*figures(kind, ours).values()])
    drawn = np.mean([_drawn(kind, scored, n) for scored in ours], axis=0)
    if theirs:
        whole = whole - np.array([*figures(kind, theirs).values()])
        drawn = drawn - np.mean([_drawn(kind, scored, n) for scored in theirs], axis=0)
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return {
        measure: Estimate(*map(float, values))
        for measure, *values in zip(MEASURES[kind], whole, low, high, strict=True)
    }


@lru_cache(maxsize=64)
def _drawn(kind: str, scored: Scored, n: int) -> NDArray:
    """Measures of each draw, (n, n_measures); the draws are the same for the same people."""
    n_people = len(scored.persons)
    rng = np.random.default_rng(0)
    chosen = rng.integers(n_people, size=(n, n_people))
    draws = (np.bincount(row, minlength=n_people) for row in chosen)
    return np.array([[*figures(kind, [scored], drawn).values()] for drawn in draws])


def fold_difference(
    kind: str, ours: Sequence[Scored], theirs: Sequence[Scored]
) -> dict[str, Difference]:
    """Compute leads in the pooled measures, with intervals over folds.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    ours, theirs : sequence of Scored
        One per seed, for the same folds.

    Returns
    -------
    dict of str to Difference
        ``corrected`` allows for the training people that folds share (Nadeau and Bengio, 2003),
        as for folds that train on all people they do not test.
    """
    n_folds = len(ours[0].groups)
    # Ratio of people tested to people trained on, where each fold tests one n-th.
    overlap = 1 / (n_folds - 1) if n_folds > 1 else 0.0
    return {
        measure: paired_difference(
            fold_figures(measure, ours), fold_figures(measure, theirs), overlap
        )
        for measure in MEASURES[kind]
        if measure.endswith("_pooled")
    }


def scored_of(results: Sequence[Any], task: Any) -> dict[str, list[Scored]]:
    """Collect the predictions of each system by seed.

    Parameters
    ----------
    results : sequence of Result
        Results for one split.
    task : Task

    Returns
    -------
    dict
        Predictions by system; seeds that lack a fold are left out.
    """
    found: dict[str, dict[int, list[Any]]] = {}
    for result in results:
        found.setdefault(result.job.system, {}).setdefault(result.job.seed, []).append(result)
    n_folds = len({result.job.fold.name for result in results})
    return {
        system: [_joined(parts, task) for parts in seeds.values() if len(parts) == n_folds]
        for system, seeds in found.items()
        if any(len(parts) == n_folds for parts in seeds.values())
    }


def _joined(parts: Sequence[Any], task: Any) -> Scored:
    parts = sorted(parts, key=lambda result: result.job.fold.name)
    rows = np.concatenate([result.rows for result in parts])
    folds = np.concatenate([[result.job.fold.name] * len(result.rows) for result in parts])
    probability = np.concatenate([result.probability for result in parts])
    return Scored(task.y[rows], probability, task.subjects[rows], folds)


def pooled_over_datasets(leads: Mapping[str, Mapping[Any, float]], n: int = N_DRAWS) -> Estimate:
    """One interval over several datasets: people are the units, drawn within their dataset.

    Parameters
    ----------
    leads : mapping of str to mapping
        By dataset: each person's lead, such as the difference of two systems'
        :func:`person_figures`. People without one (NaN) are left out.
    n : int, default=2000
        Number of draws, which are always the same.

    Returns
    -------
    Estimate
        The mean over all people, so datasets are weighted by their numbers of people.

    Raises
    ------
    ValueError
        If a dataset has nobody with a lead.
    """
    values = {}
    for dataset, of_people in leads.items():
        own = np.array([*of_people.values()], float)
        values[dataset] = own[~np.isnan(own)]
        if not len(values[dataset]):
            raise ValueError(f"{dataset} has no person whose lead is known; leave it out.")
    rng = np.random.default_rng(0)
    drawn = [
        np.concatenate([rng.choice(own, len(own)) for own in values.values()]).mean()
        for _ in range(n)
    ]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(np.concatenate([*values.values()]).mean()), float(low), float(high))

"""From results to rows: means over seeds, intervals, differences from the best band power."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from table.metrics import PROTOCOLS, score
from table.rivals import RIVALS
from table.running import Result
from table.statistics import (
    Difference,
    Estimate,
    paired_difference,
    subject_bootstrap,
    t_interval,
)
from table.systems import BAND_POWER, SYSTEMS
from table.tasks import Task, compact

# Balanced accuracy, AUC-PR and AUROC on subjects 32-35, from the table in the BrainRVQ paper.
REPORTED = {
    "eegmat": {
        "eegnet": (0.677, 0.576, 0.732),
        "st-transformer": (0.663, 0.567, 0.713),
        "bendr": (0.568, 0.366, 0.568),
        "biot": (0.688, 0.600, 0.754),
        "labram": (0.691, 0.600, 0.772),
        "cbramod": (0.726, 0.627, 0.791),
        "fine-tuned": (0.747, 0.758, 0.862),
    }
}


# Pairs to compare: is the first ahead of the second? "" stands for the best band power.
CONTRASTS = (
    ("frozen", ""),
    ("frozen+bands", ""),
    ("fine-tuned-embedding", ""),
    ("frozen", "summaries"),
    ("frozen", "random"),
    ("frozen", "scratch"),
    ("summaries", "scratch"),
    *(("frozen", name) for name in RIVALS),
    ("fine-tuned-embedding", "frozen"),
    ("fine-tuned-embedding", "scratch-embedding"),
    ("fine-tuned-embedding", "scratch"),
    ("fine-tuned", "scratch"),
)


# A percentile interval of the mean of four normal values holds the true one in 80 % of draws.
_MANY_SUBJECTS = 8
_FEW_SUBJECTS = (
    " With so few subjects it is too narrow (with four, about four in five contain the true "
    "value): it describes these people and is not a test."
)


@dataclass(frozen=True)
class Contrast:
    """A paired difference of two systems by the primary metric.

    Attributes
    ----------
    system, rival : str
    difference : Difference
    n_folds : int
        Folds that both were scored on.
    """

    system: str
    rival: str
    difference: Difference
    n_folds: int


@dataclass(frozen=True)
class Row:
    """Line of a system in a section.

    Attributes
    ----------
    system, label : str
    estimates : dict of str to Estimate
        By metric.
    by_fold : dict of str to ndarray, shape (n_folds,)
        Means over seeds, by metric; one value in the official split.
    difference : dict of str to Difference
        From the section's best band power, by metric; empty for that row itself.
    n_folds : int
    n_seeds : tuple of int
        Smallest and largest number of seeds per fold.
    reported : tuple of float, optional
        The paper's figures, which are for other subjects.
    notes : tuple of str
    """

    system: str
    label: str
    estimates: dict[str, Estimate]
    by_fold: dict[str, NDArray]
    difference: dict[str, Difference]
    n_folds: int
    n_seeds: tuple[int, int]
    reported: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A table: all systems on the same windows.

    Attributes
    ----------
    slug, title : str
    kind : {"binary", "multiclass"}
    rows : list of Row
    best_band_power : str, optional
        Name of the row from which differences are taken.
    notes : list of str
    over_subjects : bool
        Whether intervals are over the subjects of one fold, rather than over folds.
    contrasts : list of Contrast
        Differences of other pairs.
    """

    slug: str
    title: str
    kind: str
    rows: list[Row]
    best_band_power: str | None = None
    notes: list[str] = field(default_factory=list)
    over_subjects: bool = False
    contrasts: list[Contrast] = field(default_factory=list)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the paper's columns."""
        return PROTOCOLS[self.kind].names


def sections(
    results: Sequence[Result], task: Task, exposed: Sequence[int | str] = ()
) -> list[Section]:
    """Make tables of all results: folds, folds by exposure of test subjects, official split.

    Parameters
    ----------
    results : sequence of Result
    task : Task
    exposed : sequence of int or str
        Subjects that the pretrained weights have seen, without labels.

    Returns
    -------
    list of Section
        Sections that have results.
    """
    folds = [r for r in results if r.job.fold.split == "folds"]
    official = [r for r in results if r.job.fold.split == "official"]
    seen = [r for r in folds if set(r.record["test_subjects"]) & set(exposed)]
    unseen = [r for r in folds if not set(r.record["test_subjects"]) & set(exposed)]
    found = []
    for split, title in (("develop", "People to develop on"), ("once", "People scored once")):
        own = [r for r in results if r.job.fold.split == split]
        if own:
            found.append(_section(split, title, own, task))
    if folds:
        found.append(_section("folds", "All folds", folds, task))
    if seen and unseen:
        title = "Folds whose test subjects the pretrained weights {} (without labels)"
        found.append(_section("folds-seen", title.format("have seen"), seen, task))
        found.append(_section("folds-unseen", title.format("have not seen"), unseen, task))
    if official:
        found.append(_section("official", "Official split", official, task))
    return found


def _section(slug: str, title: str, results: Sequence[Result], task: Task) -> Section:
    names = [name for name in SYSTEMS if any(r.job.system == name for r in results)]
    of = {name: [r for r in results if r.job.system == name] for name in names}
    if _on_validation(results):
        title += ": VALIDATION subjects, since no test subjects are here"
    over_subjects = len(_folds(results)) == 1
    summarise = _of_subjects if over_subjects else _of_folds
    estimates = {name: summarise(of[name], task) for name in names}
    rivals = [name for name in names if name in BAND_POWER]
    # A row with few folds may be ahead because these are easy.
    most = max((len(_folds(of[name])) for name in rivals), default=0)
    rivals = [name for name in rivals if len(_folds(of[name])) == most]
    primary = PROTOCOLS[task.kind].primary
    best = max(rivals, key=lambda name: estimates[name][0][primary].mean, default=None)
    rows = [
        _row(name, estimates[name], of, best, len(_folds(results)), task, over_subjects)
        for name in names
    ]
    contrasts = [
        contrast
        for system, rival in ((system, rival or best) for system, rival in CONTRASTS)
        if system in of and rival in of
        for contrast in _contrast(system, rival, of, task, over_subjects)
    ]
    notes = _section_notes(slug, results, task) + _unequal_seeds(of)
    return Section(slug, title, task.kind, rows, best, notes, over_subjects, contrasts)


def _on_validation(results: Sequence[Result]) -> bool:
    return results[0].record["scored"] == "validation"


def _section_notes(slug: str, results: Sequence[Result], task: Task) -> list[str]:
    """Notes on how the figures of a section were computed."""
    subjects = sorted({s for r in results for s in r.record["test_subjects"]})
    n_folds = len(_folds(results))
    notes = [
        f"{len(subjects)} subjects scored: {compact(subjects)}; {n_folds} fold"
        f"{'s' if n_folds > 1 else ''}."
    ]
    if _on_validation(results):
        notes.append(
            "Epochs and C were chosen on the same subjects that are scored: figures of systems "
            "that choose are too good, and none may be set beside the paper's."
        )
    notes.append(
        "[95 % interval] by "
        + ("bootstrap over subjects" if n_folds == 1 else "Student's t over folds")
        + ", seeds averaged first."
        + (_FEW_SUBJECTS if n_folds == 1 and len(subjects) < _MANY_SUBJECTS else "")
    )
    if task.dataset == "eegmat" and slug in ("folds", "folds-seen"):
        notes.append(
            "The parts of the default embedding were chosen with the labels of subjects 0-27 "
            "(default_choices.py); nothing was chosen on 28 and above."
        )
    return notes


def _unequal_seeds(of: dict[str, list[Result]]) -> list[str]:
    """Note of rows with more seeds on some folds than on others, if any."""
    rows = []
    for name, results in of.items():
        folds: dict[int, list[str]] = {}
        for fold, n_seeds in _seeds_by_fold(results).items():
            folds.setdefault(n_seeds, []).append(fold)
        if len(folds) > 1:
            counts = [
                f"{n} on folds {compact(map(int, folds[n]))}" for n in sorted(folds, reverse=True)
            ]
            rows.append(f"{SYSTEMS[name].label} ({'; '.join(counts)})")
    if not rows:
        return []
    return [
        f"Seeds are not as many on all folds: {', '.join(rows)}. Means weigh folds equally, seeds "
        "averaged first."
    ]


def _row(
    name: str,
    estimates: tuple[dict[str, Estimate], dict[str, NDArray]],
    of: dict[str, list[Result]],
    best: str | None,
    n_all: int,
    task: Task,
    over_subjects: bool,
) -> Row:
    """Line of a system, with its difference from the best band power on their common folds."""
    n_folds, n_seeds = len(_folds(of[name])), _seeds_by_fold(of[name]).values()
    notes, difference = _notes(of[name], n_folds, n_all), {}
    if best is not None and name != best:
        compare = _subject_difference if over_subjects else _fold_difference
        difference = compare(of[name], of[best], task)
        n_pairs = len(_folds(of[name]) & _folds(of[best]))
        if difference and n_pairs < n_folds:
            notes += (f"difference over {n_pairs} of its {n_folds} folds",)
    return Row(
        name,
        SYSTEMS[name].label,
        *estimates,
        difference,
        n_folds,
        (min(n_seeds), max(n_seeds)),
        REPORTED.get(task.dataset, {}).get(name),
        notes,
    )


def _folds(results: Sequence[Result]) -> set[str]:
    return {r.job.fold.name for r in results}


def _seeds_by_fold(results: Sequence[Result]) -> dict[str, int]:
    """Number of seeds by fold."""
    seeds: dict[str, set[int]] = {}
    for result in results:
        seeds.setdefault(result.job.fold.name, set()).add(result.job.seed)
    return {fold: len(of_fold) for fold, of_fold in seeds.items()}


def _contrast(
    system: str, rival: str, of: dict[str, list[Result]], task: Task, over_subjects: bool
) -> list[Contrast]:
    """Difference of two systems on their common folds, if any."""
    compare = _subject_difference if over_subjects else _fold_difference
    difference = compare(of[system], of[rival], task)
    if not difference:
        return []
    n_folds = len(_folds(of[system]) & _folds(of[rival]))
    return [Contrast(system, rival, difference[PROTOCOLS[task.kind].primary], n_folds)]


def _notes(results: Sequence[Result], n_folds: int, n_all: int) -> tuple[str, ...]:
    notes = []
    if n_folds < n_all:
        notes.append(f"{n_folds} of {n_all} folds")
    starts = {r.record.get("start", "from scratch") for r in results} - {"from scratch"}
    notes += [f"pretrained: {start}" for start in sorted(starts)]
    precisions = {r.record["config"].get("precision", "float32") for r in results} - {"float32"}
    notes += [f"trained in {precision}" for precision in sorted(precisions)]
    if any(r.record.get("n_epochs", 0) < r.record.get("budget", 0) for r in results):
        notes.append("cut short by the time limit")
    return tuple(notes)


def _figures_by_fold(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Means over seeds: fold to metric to figure, folds in numerical order."""
    folds: dict[str, list[dict[str, float]]] = {}
    for result in sorted(results, key=lambda r: int(r.job.fold.name)):
        folds.setdefault(result.job.fold.name, []).append(result.record["figures"])
    return {
        fold: {metric: float(np.mean([f[metric] for f in figures])) for metric in figures[0]}
        for fold, figures in folds.items()
    }


def _of_folds(
    results: Sequence[Result], task: Task
) -> tuple[dict[str, Estimate], dict[str, NDArray]]:
    figures = _figures_by_fold(results)
    metrics = PROTOCOLS[task.kind].names
    by_fold = {m: np.array([of_fold[m] for of_fold in figures.values()]) for m in metrics}
    return {m: t_interval(values) for m, values in by_fold.items()}, by_fold


def _fold_difference(
    ours: Sequence[Result], theirs: Sequence[Result], task: Task
) -> dict[str, Difference]:
    a, b = _figures_by_fold(ours), _figures_by_fold(theirs)
    common = [fold for fold in a if fold in b]
    if not common:
        return {}
    overlap = float(np.mean([_overlap(r, task) for r in ours if r.job.fold.name in common]))
    return {
        m: paired_difference([a[f][m] for f in common], [b[f][m] for f in common], overlap)
        for m in PROTOCOLS[task.kind].names
    }


def _overlap(result: Result, task: Task) -> float:
    """Ratio of test to training subjects."""
    n_train = len(np.unique(task.subjects[result.job.fold.train]))
    return len(result.record["test_subjects"]) / n_train


def _mean_figures(results: Sequence[Result], task: Task, rows: NDArray) -> NDArray:
    """Compute the paper's figures on rows of the scored windows, averaged over seeds."""
    metrics = PROTOCOLS[task.kind].names
    figures = [score(task.kind, task.y[r.rows[rows]], r.probability[rows]) for r in results]
    return np.array([np.mean([f[m] for f in figures]) for m in metrics])


def _of_subjects(
    results: Sequence[Result], task: Task
) -> tuple[dict[str, Estimate], dict[str, NDArray]]:
    estimates = subject_bootstrap(
        lambda rows: _mean_figures(results, task, rows), task.subjects[results[0].rows]
    )
    named = dict(zip(PROTOCOLS[task.kind].names, estimates, strict=True))
    return named, {m: np.array([estimate.mean]) for m, estimate in named.items()}


def _subject_difference(
    ours: Sequence[Result], theirs: Sequence[Result], task: Task
) -> dict[str, Difference]:
    estimates = subject_bootstrap(
        lambda rows: _mean_figures(ours, task, rows) - _mean_figures(theirs, task, rows),
        task.subjects[ours[0].rows],
    )
    names = PROTOCOLS[task.kind].names
    return {m: Difference(estimate) for m, estimate in zip(names, estimates, strict=True)}

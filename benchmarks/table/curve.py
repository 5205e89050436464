"""Learning curves: the same folds with fewer labelled subjects to train on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from table.metrics import LABELS, PROTOCOLS
from table.output import shown_estimate, write_lines
from table.running import Result
from table.statistics import Difference, Estimate, paired_difference, t_interval
from table.system import Settings
from table.systems import SYSTEMS
from table.tasks import Fold, Task

# Okabe and Ito's colours, safe for all kinds of colour vision; markers differ too.
_LOOKS = (
    ("#000000", "o", "--"),
    ("#0072B2", "^", "-"),
    ("#D55E00", "s", "-"),
    ("#009E73", "D", "-"),
    ("#CC79A7", "v", "-"),
    ("#E69F00", "P", "-"),
    ("#56B4E9", "X", "-"),
)
# With fewer windows an epoch has fewer steps: up to so many times more epochs make up for it.
_MOST_EPOCHS = 4


@dataclass(frozen=True)
class Point:
    """Figures of a system for a number of labelled subjects.

    Attributes
    ----------
    system : str
    n_subjects : int
        Number of training subjects; the largest stands for all.
    estimates : dict of str to Estimate
        By metric, over folds.
    difference : dict of str to Difference
        From the first system with as many subjects; empty for the first system.
    n_folds, n_seeds : int
    """

    system: str
    n_subjects: int
    estimates: dict[str, Estimate]
    difference: dict[str, Difference]
    n_folds: int
    n_seeds: int


def with_fewer_subjects(task: Task, fold: Fold, n_subjects: int, seed: int) -> Fold:
    """Reduce a fold to some of its training subjects.

    Parameters
    ----------
    task : Task
    fold : Fold
    n_subjects : int
        A larger number than available means all.
    seed : int
        Draws the subjects, different ones in every fold, so that the spread over folds includes
        that over draws; with the same seed, smaller draws are subsets of larger ones.

    Returns
    -------
    Fold
        Has the validation and test windows of ``fold``; with all subjects it is ``fold`` itself,
        whose results the table already has.

    Raises
    ------
    ValueError
        If the drawn subjects have windows of one class only.
    """
    subjects = np.unique(task.subjects[fold.train])
    if n_subjects >= len(subjects):
        return fold
    chosen = np.random.default_rng([seed, int(fold.name)]).permutation(subjects)[:n_subjects]
    train = fold.train[np.isin(task.subjects[fold.train], chosen)]
    if len(np.unique(task.y[train])) < 2:
        raise ValueError(
            f"Training subjects {chosen.tolist()} of fold {fold.name} have one class only: a "
            "learning curve needs subjects with several classes each, or larger --sizes."
        )
    return replace(fold, split=f"subjects-{n_subjects}", train=train)


def settings_of_size(
    settings: Settings, systems: Sequence[str], n_subjects: int, n_all: int
) -> Settings:
    """Use more epochs with fewer training windows, so that there are enough steps."""
    factor = min(_MOST_EPOCHS, max(1.0, n_all / n_subjects))
    epochs = {
        name: round(factor * settings.epochs_of(name, SYSTEMS[name].default_epochs))
        for name in systems
    }
    return replace(settings, epochs=epochs)


def points(
    results: Mapping[int, Sequence[Result]], systems: Sequence[str], kind: str
) -> list[Point]:
    """Figures of each system and size.

    Parameters
    ----------
    results : mapping of int to sequence of Result
        By number of training subjects.
    systems : sequence of str
        Differences are taken from the first.
    kind : {"binary", "multiclass"}

    Returns
    -------
    list of Point
        Systems in the given order, sizes in ascending order.
    """
    found = []
    for name in systems:
        for size in sorted(results):
            own = _by_fold(results[size], name, kind)
            if not own:
                continue
            first = _by_fold(results[size], systems[0], kind) if name != systems[0] else {}
            common = [fold for fold in own if fold in first]
            columns = range(len(PROTOCOLS[kind].names))
            values = np.array([*own.values()])
            estimates = [t_interval(values[:, i]) for i in columns]
            differences = [
                paired_difference([own[f][i] for f in common], [first[f][i] for f in common])
                for i in columns
                if common
            ]
            seeds = {r.job.seed for r in results[size] if r.job.system == name}
            metrics = PROTOCOLS[kind].names
            point = Point(
                name,
                size,
                dict(zip(metrics, estimates, strict=True)),
                dict(zip(metrics, differences, strict=False)),
                len(own),
                len(seeds),
            )
            found.append(point)
    return found


def _by_fold(results: Sequence[Result], system: str, kind: str) -> dict[str, NDArray]:
    """Means over seeds by fold, one number per metric in the protocol's order."""
    folds: dict[str, list[list[float]]] = {}
    for result in results:
        if result.job.system == system:
            figures = [result.record["figures"][metric] for metric in PROTOCOLS[kind].names]
            folds.setdefault(result.job.fold.name, []).append(figures)
    return {fold: np.mean(figures, axis=0) for fold, figures in folds.items()}


def exposure(folds: Sequence[Fold], task: Task, exposed: Sequence[int | str]) -> str:
    """Note of the folds that test on subjects seen by the weights; empty if there are none."""
    seen = [f.name for f in folds if set(task.subjects[f.test].tolist()) & set(exposed)]
    if not seen:
        return ""
    others = [fold.name for fold in folds if fold.name not in seen]
    hint = f"; --folds {','.join(others)} shows only the others" if others else ""
    return (
        f"- The pretrained weights have seen, without labels, test subjects of folds "
        f"{', '.join(seen)}{hint}.\n"
    )


def mixed_precision(results: Sequence[Result]) -> str:
    """Note of systems not trained in float32; empty if there are none."""
    found = {r.job.system: r.record["config"].get("precision", "float32") for r in results}
    mixed = [f"{SYSTEMS[n].label} ({p})" for n, p in found.items() if p != "float32"]
    return f"- Trained in mixed precision: {', '.join(mixed)}.\n" if mixed else ""


def _draws(number: int) -> str:
    if number == 1:
        return "one draw of training subjects in each"
    return f"{number} draws of training subjects in each averaged first"


def markdown(curve: Sequence[Point], kind: str, notes: str = "") -> str:
    """Primary figure as a Markdown table: one line per system, one column per size, then notes.

    A second table has the systems' leads over the first, paired by fold.
    """
    metric = PROTOCOLS[kind].primary
    largest = max(curve, key=lambda point: (point.n_folds, point.n_seeds))
    table = _table(
        f"{LABELS[metric]}, training subjects:",
        curve,
        lambda point: _cell(point, metric, largest.n_folds),
    )
    ahead = _table(
        f"{LABELS[metric]} ahead of: {SYSTEMS[curve[0].system].label}",
        [point for point in curve if point.difference],
        lambda point: shown_estimate(point.difference[metric].estimate, "+"),
    )
    return (
        f"{table}{ahead}- Means over {largest.n_folds} folds with 95 % intervals (Student's t), "
        f"{_draws(largest.n_seeds)}.\n- Epochs are chosen on the "
        "fold's validation subjects, whose labels are not counted.\n" + notes
    )


def _table(title: str, curve: Sequence[Point], shown: Callable[[Point], str]) -> str:
    """Points as a Markdown table, lines by system and columns by size; empty without points."""
    if not curve:
        return ""
    sizes = sorted({point.n_subjects for point in curve})
    lines = [[title, *map(str, sizes)], ["---"] * (len(sizes) + 1)]
    for name in dict.fromkeys(point.system for point in curve):
        of = {point.n_subjects: point for point in curve if point.system == name}
        cells = [shown(of[size]) if size in of else "" for size in sizes]
        lines.append([SYSTEMS[name].label, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def _cell(point: Point, metric: str, n_folds: int) -> str:
    fewer = "" if point.n_folds == n_folds else f" ({point.n_folds} of {n_folds} folds)"
    return shown_estimate(point.estimates[metric]) + fewer


def write_csv(curve: Sequence[Point], kind: str, path: Path) -> None:
    """Write all points in long form: one line per system, size and metric."""
    lines: list[dict[str, Any]] = []
    for point in curve:
        for metric in PROTOCOLS[kind].names:
            estimate, difference = point.estimates[metric], point.difference.get(metric)
            line = {
                "system": point.system,
                "n_subjects": point.n_subjects,
                "metric": metric,
                "mean": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                "compared_with": curve[0].system if difference else "",
                "difference": difference.estimate.mean if difference else "",
                "difference_low": difference.estimate.low if difference else "",
                "difference_high": difference.estimate.high if difference else "",
                "p_sign_flip": difference.sign_flip if difference else "",
                "n_folds": point.n_folds,
                "n_seeds": point.n_seeds,
            }
            lines.append(line)
    write_lines(lines, path)


def draw(curve: Sequence[Point], kind: str, path: Path) -> None:
    """Plot figures against the number of labelled subjects, one panel per metric.

    Points for only some of the folds are left out, since the other folds may be harder.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    most = max(point.n_folds for point in curve)
    curve = [point for point in curve if point.n_folds == most]
    metrics, names = PROTOCOLS[kind].names, [*dict.fromkeys(point.system for point in curve)]
    sizes = sorted({point.n_subjects for point in curve})
    fig, axes = plt.subplots(1, len(metrics), figsize=(11, 4.2), layout="constrained")
    for ax, metric in zip(axes, metrics, strict=True):
        for i, name in enumerate(names):
            # Shifted a little, so that intervals of one size stand side by side.
            shift = 1.05 ** (i - (len(names) - 1) / 2)
            _draw_line(
                ax, [p for p in curve if p.system == name], metric, _LOOKS[i % len(_LOOKS)], shift
            )
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [*map(str, sizes)])
        ax.minorticks_off()
        ax.set_xlabel("labelled subjects to train on")
        ax.set_ylabel(LABELS[metric])
        ax.grid(axis="y", color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=150)
    plt.close(fig)


def _draw_line(
    ax: Any, of: Sequence[Point], metric: str, look: tuple[str, str, str], shift: float
) -> None:
    """Draw the means of one system by number of subjects, with their intervals."""
    colour, marker, line = look
    means, low, high = np.array(
        [[e.mean, e.low, e.high] for e in (point.estimates[metric] for point in of)]
    ).T
    ax.errorbar(
        shift * np.array([point.n_subjects for point in of]),
        means,
        yerr=np.nan_to_num([means - low, high - means]),
        color=colour,
        marker=marker,
        linestyle=line,
        elinewidth=1,
        label=SYSTEMS[of[0].system].label,
    )

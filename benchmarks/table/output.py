"""Tables as Markdown and CSV, and the figure."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from table.metrics import LABELS, PROTOCOLS
from table.running import Result
from table.statistics import Estimate
from table.summary import Row, Section
from table.systems import SYSTEMS

# Okabe and Ito's colours, safe for all kinds of colour vision.
COLOURS = {"baseline": "#000000", "rival": "#D55E00", "brainrvq": "#0072B2"}
MARKERS = {"baseline": "o", "rival": "s", "brainrvq": "^"}
FAMILIES = {"baseline": "simple baselines", "rival": "networks of others", "brainrvq": "BrainRVQ"}

_CORRECTED = (
    "- Corrected: the interval that allows for training subjects which folds share (Nadeau and "
    "Bengio, 2003). Neither intervals nor p are corrected for the number of rows."
)


def shown(number: float, sign: str = "") -> str:
    """Format a figure as in papers: .747; empty for NaN."""
    if math.isnan(number):
        return ""
    return f"{number:{sign}.3f}".replace("0.", ".", 1) if abs(number) < 1 else f"{number:{sign}.3f}"


def shown_estimate(estimate: Estimate, sign: str = "") -> str:
    """Format a mean and its interval."""
    interval = f" [{shown(estimate.low, sign)}, {shown(estimate.high, sign)}]"
    return shown(estimate.mean, sign) + ("" if math.isnan(estimate.low) else interval)


def shown_seeds(row: Row) -> str:
    """Format the seeds per fold: "3", or "1–2" where some folds have more than others."""
    fewest, most = row.n_seeds
    return f"{fewest}" if fewest == most else f"{fewest}–{most}"


def markdown(section: Section) -> str:
    """Format a section as a Markdown table, with the notes below.

    Parameters
    ----------
    section : Section

    Returns
    -------
    str
    """
    primary = PROTOCOLS[section.kind].primary
    columns = ["system", *(LABELS[metric] for metric in section.metrics)]
    if any(row.reported for row in section.rows):
        columns.append("reported")
    if section.best_band_power:
        columns.append(f"{LABELS[primary]} over band power")
        columns += [] if section.over_subjects else ["p"]
    columns.append("folds × seeds")
    lines = [columns, ["---"] * len(columns)]
    marks: dict[str, int] = {}
    for row in section.rows:
        lines.append([_cell(column, row, section, marks) for column in columns])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = [*section.notes, *_column_notes(section), *(f"({n}) {t}" for t, n in marks.items())]
    text = f"### {section.title}\n\n{table}\n\n" + "".join(f"- {note}\n" for note in notes)
    return text + _contrasts(section)


def _contrasts(section: Section) -> str:
    """Format the paired differences of other pairs as a separate table."""
    if not section.contrasts:
        return ""
    primary = LABELS[PROTOCOLS[section.kind].primary]
    of_folds = [] if section.over_subjects else ["corrected", "p"]
    columns = ["paired", f"{primary} ahead by", *of_folds, "folds"]
    lines = [columns, ["---"] * len(columns)]
    for contrast in section.contrasts:
        difference = contrast.difference
        interval = shown_estimate(difference.corrected, "+").partition(" ")[2]
        of_folds = [] if section.over_subjects else [interval, shown(difference.sign_flip)]
        lines.append(
            [
                f"{SYSTEMS[contrast.system].label}, against: {SYSTEMS[contrast.rival].label}",
                shown_estimate(difference.estimate, "+"),
                *of_folds,
                str(contrast.n_folds),
            ]
        )
    note = "" if section.over_subjects else f"\n{_CORRECTED}\n"
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + note


def _cell(column: str, row: Row, section: Section, marks: dict[str, int]) -> str:
    metric = {label: name for name, label in LABELS.items()}.get(column)
    if column == "system":
        numbers = [str(marks.setdefault(note, len(marks) + 1)) for note in row.notes]
        return row.label + (f" ({', '.join(numbers)})" if numbers else "")
    if metric is not None:
        return shown_estimate(row.estimates[metric])
    if column == "reported":
        return " / ".join(shown(figure) for figure in row.reported) if row.reported else ""
    if column == "folds × seeds":
        return f"{row.n_folds} × {shown_seeds(row)}"
    if row.system == section.best_band_power:
        return "(best band power)" if column != "p" else ""
    difference = row.difference.get(PROTOCOLS[section.kind].primary)
    if difference is None:
        return ""
    return (
        shown(difference.sign_flip) if column == "p" else shown_estimate(difference.estimate, "+")
    )


def _column_notes(section: Section) -> list[str]:
    notes = []
    if section.best_band_power:
        label = SYSTEMS[section.best_band_power].label
        test = "" if section.over_subjects else "; p: change of signs over folds, two-sided"
        notes.append(
            f"Differences are to {label}, the best band power of this table in hindsight{test}."
        )
    if any(row.reported for row in section.rows):
        names = ", ".join(LABELS[metric] for metric in section.metrics)
        notes.append(
            f"Reported: {names} on the official split's test subjects; BENDR, BIOT, LaBraM and "
            "CBraMod were pretrained there, and start from scratch here unless marked. BrainRVQ's "
            "are for its paper's head on all tokens, flattened."
        )
    return notes


def write_csv(sections: Sequence[Section], path: Path) -> None:
    """Write all sections in long form: one line per section, system and metric.

    Parameters
    ----------
    sections : sequence of Section
    path : Path
    """
    lines: list[dict[str, Any]] = []
    for section in sections:
        for row in section.rows:
            for i, metric in enumerate(section.metrics):
                estimate, difference = row.estimates[metric], row.difference.get(metric)
                line = {
                    "section": section.slug,
                    "system": row.system,
                    "label": row.label,
                    "metric": metric,
                    "mean": estimate.mean,
                    "low": estimate.low,
                    "high": estimate.high,
                    "reported": row.reported[i] if row.reported else "",
                    "compared_with": section.best_band_power if difference else "",
                    "difference": difference.estimate.mean if difference else "",
                    "difference_low": difference.estimate.low if difference else "",
                    "difference_high": difference.estimate.high if difference else "",
                    "p_sign_flip": difference.sign_flip if difference else "",
                    "p_wilcoxon": difference.wilcoxon if difference else "",
                    "n_folds": row.n_folds,
                    "n_seeds": shown_seeds(row),
                    "notes": "; ".join(row.notes),
                }
                lines.append(line)
    write_lines(lines, path)


def write_runs(results: Sequence[Result], path: Path) -> None:
    """Write one line per training: fold, seed, figures, what was chosen, seconds.

    Parameters
    ----------
    results : sequence of Result
    path : Path
    """
    lines = []
    for result in results:
        record = result.record
        of_validation = {f"validation_{k}": v for k, v in record["validation_figures"].items()}
        line = {key: record[key] for key in ("system", "split", "fold", "seed", "scored")}
        line |= {**record["figures"], **of_validation}
        line |= {key: record.get(key, "") for key in ("C", "epoch", "n_epochs", "seconds")}
        lines.append(line)
    write_lines(lines, path)


def write_lines(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Write lines with equal keys as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def draw(section: Section, path: Path) -> None:
    """Draw a forest plot: one panel per metric, one line per system.

    Parameters
    ----------
    section : Section
    path : Path
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = section.rows[::-1]
    height = 1.6 + 0.32 * len(rows)
    fig, axes = plt.subplots(
        1, len(section.metrics), figsize=(11, height), sharey=True, layout="constrained"
    )
    for i, ax in enumerate(axes):
        _draw_panel(ax, section, rows, i)
    axes[0].set_yticks(range(len(rows)), [row.label for row in rows])
    axes[0].set_ylim(-0.7, len(rows) - 0.3)
    for text, row in zip(axes[0].get_yticklabels(), rows, strict=True):
        text.set_color(COLOURS[SYSTEMS[row.system].family])
    fig.legend(handles=_legend(section), loc="outside lower center", ncols=3, frameon=False)
    fig.suptitle(section.title, fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=150)
    plt.close(fig)


def _draw_panel(ax: Any, section: Section, rows: Sequence[Row], i: int) -> None:
    """Draw one metric: a line per system, from the bottom up, and the best band power."""
    metric = section.metrics[i]
    for y, row in enumerate(rows):
        _draw_row(ax, y, row, metric, row.reported[i] if row.reported else None)
    best = next((r for r in rows if r.system == section.best_band_power), None)
    if best is not None:
        ax.axvline(best.estimates[metric].mean, color="0.45", linestyle="--", linewidth=1)
    ax.set_xlabel(LABELS[metric])
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _legend(section: Section) -> list[Any]:
    """Keys of the families and of the marks that the figure has."""
    from matplotlib.lines import Line2D

    rows = section.rows
    keys = [
        Line2D([], [], color=COLOURS[f], marker=MARKERS[f], label=FAMILIES[f] + ", 95 % interval")
        for f in dict.fromkeys(SYSTEMS[row.system].family for row in rows)
    ]
    if max(row.n_folds for row in rows) > 1:
        keys.append(Line2D([], [], color="0.5", marker="|", linestyle="", label="a fold"))
    if any(row.reported for row in rows):
        keys.append(
            Line2D([], [], color="0.2", marker="D", mfc="none", linestyle="", label="reported")
        )
    if section.best_band_power:
        keys.append(Line2D([], [], color="0.45", linestyle="--", label="best band power"))
    return keys


def _draw_row(ax: Any, y: int, row: Row, metric: str, reported: float | None) -> None:
    family, estimate = SYSTEMS[row.system].family, row.estimates[metric]
    colour = COLOURS[family]
    if row.n_folds > 1:
        folds = row.by_fold[metric]
        ax.scatter(folds, np.full(len(folds), y), marker="|", color=colour, alpha=0.35, s=40)
    if not math.isnan(estimate.low):
        ax.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=2)
    ax.plot(estimate.mean, y, MARKERS[family], color=colour, markersize=6)
    if reported is not None:
        ax.plot(reported, y, "D", markerfacecolor="none", markeredgecolor="0.2", markersize=6)

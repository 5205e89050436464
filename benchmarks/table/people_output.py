"""Markdown table of figures over people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from table.features import MAY_HAVE_SEEN
from table.output import shown, shown_estimate
from table.people import (
    LABELS,
    MEASURES,
    PER_PERSON,
    Scored,
    fold_difference,
    people_bootstrap,
    person_figures,
)
from table.systems import SYSTEMS


def people_table(
    kind: str,
    systems: Mapping[str, Sequence[Scored]],
    exposed: Sequence[int | str] | None = (),
    apart: tuple[str, Sequence[Any]] | None = None,
) -> str:
    """One row per system, with intervals over people and its lead over the first.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    systems : mapping of str to sequence of Scored
        Predictions, one per seed.
    exposed : sequence of int or str, or None
        People whose EEG the pretrained weights have seen, without labels; None if unknown.
    apart : (str, sequence), optional
        Name and members of a group of people whose own figures get a column.

    Returns
    -------
    str
    """
    first = _reference(systems)
    columns = ["system", *(LABELS[measure] for measure in MEASURES[kind])]
    columns.append(f"{LABELS[PER_PERSON[kind]]}, over {SYSTEMS[first].label}")
    columns += [f"{LABELS[PER_PERSON[kind]]}: {apart[0]}"] if apart else []
    columns.append("seeds")
    lines = [columns, ["---"] * len(columns)]
    tested = {str(person) for person in np.unique(systems[first][0].people)}
    seen = tested & {str(person) for person in exposed or ()}
    for name, seeds in systems.items():
        estimates = people_bootstrap(kind, seeds)
        lead = people_bootstrap(kind, seeds, systems[first])[PER_PERSON[kind]]
        mark = " (*)" if seen and SYSTEMS[name].needs_weights() else ""
        mark += " (?)" if _may_have_seen(name) else ""
        lines.append(
            [
                SYSTEMS[name].label + mark,
                *(shown_estimate(estimates[measure]) for measure in MEASURES[kind]),
                "" if name == first else shown_estimate(lead, "+"),
                *([shown(_mean_of(kind, seeds, apart[1]))] if apart else []),
                str(len(seeds)),
            ]
        )
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = [
        _whose(kind, systems[first][0]),
        _of_folds(kind, systems, first),
        *_of_exposure(systems, len(tested), None if exposed is None else len(seen)),
    ]
    return f"### Whose figures\n\n{table}\n\n" + "".join(f"- {note}\n" for note in notes if note)


def _may_have_seen(name: str) -> bool:
    return name.removesuffix("-centred") in MAY_HAVE_SEEN


def _of_exposure(systems: Iterable[str], n_tested: int, n_seen: int | None) -> list[str]:
    """Notes on what models had seen of the tested people; ``exposed`` is None if unknown."""
    notes = []
    if any(SYSTEMS[name].needs_weights() for name in systems):
        if n_seen:
            notes.append(
                f"(*) The pretrained weights have seen the unlabelled EEG of {n_seen} of the "
                f"{n_tested} people who are tested."
            )
        else:
            known = "have seen no EEG" if n_seen == 0 else "do not say whether they saw EEG"
            notes.append(f"The pretrained weights {known} of the people who are tested.")
    if any(map(_may_have_seen, systems)):
        notes.append(
            "(?) The authors' lists of the datasets for pretraining were not at hand; NeuralBench, "
            "which tests these models on EEGMAT too, does not name it among the known overlaps."
        )
    return notes


def _mean_of(kind: str, seeds: Sequence[Scored], people: Sequence[Any]) -> float:
    """Mean of some people's own figures."""
    own = [person_figures(PER_PERSON[kind], scored) for scored in seeds]
    values = [figures[person] for figures in own for person in people if person in figures]
    return float(np.nanmean(values)) if values else float("nan")


def _reference(systems: Mapping[str, Sequence[Scored]]) -> str:
    """Row from which leads are measured: 7-band power if present, else the first."""
    return "bands7" if "bands7" in systems else next(iter(systems))


def _whose(kind: str, scored: Scored) -> str:
    own = person_figures(PER_PERSON[kind], scored)
    one_class = [str(person) for person, value in own.items() if np.isnan(value)]
    text = (
        f"Pooled: all windows of a fold's people together, mean over {len(scored.groups)} fold"
        f"{'s' * (len(scored.groups) > 1)}. Per person: mean of each person's own, "
        f"{len(own) - len(one_class)} people. [95 % interval] by bootstrap over people, the same "
        "draws for both sides of a difference; seeds averaged first. People drawn twice are of one "
        "level, so intervals of pooled figures lean upwards."
    )
    if one_class:
        text += f" Of one class only, and so without a figure of their own: {', '.join(one_class)}."
    return text


def _of_folds(kind: str, systems: Mapping[str, Sequence[Scored]], first: str) -> str:
    """Note of leads over folds, corrected for the training people that folds share."""
    if len(systems[first][0].groups) < 3:
        return ""
    measure = MEASURES[kind][0]
    leads = [
        f"{SYSTEMS[name].label} "
        f"{shown_estimate(fold_difference(kind, seeds, systems[first])[measure].corrected, '+')}"
        for name, seeds in systems.items()
        if name != first
    ]
    if not leads:
        return ""
    return (
        f"{LABELS[measure]}, over {SYSTEMS[first].label}, [95 % interval] over folds after Nadeau "
        f"and Bengio (2003): {'; '.join(leads)}."
    )

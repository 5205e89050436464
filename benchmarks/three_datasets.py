"""Is one row ahead of another over all three datasets? One interval, with people as units.

Takes rows of the project's own splits, as in ``table.py``, and reuses results that are kept. A
person's lead is the difference in their own AUROC, or in balanced accuracy for four classes; people
are drawn with replacement within their dataset.

    python benchmarks/three_datasets.py [--split once] [--results FOLDER]
        --data eegmat=FOLDER,guinea-bissau=FOLDER,ssvep=FOLDER
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from table.allowed import PROJECT_SPLITS
from table.answering import answered, described
from table.commands import Ran, run_split
from table.options import add_common_options, folders
from table.output import shown_estimate
from table.people import LABELS, PER_PERSON, Scored, person_figures, pooled_over_datasets
from table.systems import SYSTEMS

from sk_brainrvq.datasets import BENCHMARK_SPLITS, PROTOCOLS

# Pairs of a row and the row it is compared with.
CONTRASTS = (
    ("default", "random-default"),
    ("default", "bands7"),
    ("default-centred", "random-default-centred"),
    ("default-centred", "bands7-centred"),
    ("default-centred", "bands7-whitened-centred"),
    ("frozen", "random"),
    ("frozen", "bands7"),
    ("frozen+bands", "bands7"),
    ("tokens", "random-tokens"),
    ("tokens", "bands7"),
    ("tokens-centred", "random-tokens-centred"),
    ("tokens-region-centred", "random-tokens-region-centred"),
    ("tokens-region-centred", "bands7-centred"),
    ("class-token-centred", "random-class-token-centred"),
    ("class-token-centred", "random-tokens-centred"),
    ("class-token-centred", "bands7-centred"),
    ("tokens+class-centred", "random-tokens+class-centred"),
    ("tokens+class-centred", "random-tokens-centred"),
    ("tokens+class-centred", "bands7-centred"),
)


def own_figures(kind: str, seeds: Sequence[Scored]) -> dict[Any, float]:
    """Each person's own figure, averaged over seeds."""
    by_seed = [person_figures(PER_PERSON[kind], scored) for scored in seeds]
    return {person: float(np.mean([own[person] for own in by_seed])) for person in by_seed[0]}


def leads(ran: Ran, system: str, rival: str) -> dict[Any, float]:
    """Each person's lead in a dataset; NaN for people with one class only."""
    ours, theirs = (own_figures(ran.task.kind, ran.scored[name]) for name in (system, rival))
    return {person: ours[person] - theirs[person] for person in ours}


def table(ran: Mapping[str, Ran]) -> str:
    """One line per contrast: all people together, then dataset by dataset."""
    titles = [PROTOCOLS[name].title + (" (*)" if own.seen else "") for name, own in ran.items()]
    lines = [["lead", "all people", *titles], ["---"] * (len(ran) + 2)]
    for system, rival in CONTRASTS:
        found = {name: leads(own, system, rival) for name, own in ran.items()}
        each = [pooled_over_datasets({name: own}) for name, own in found.items()]
        cells = [shown_estimate(e, "+") for e in (pooled_over_datasets(found), *each)]
        lines.append([f"{SYSTEMS[system].label}, over: {SYSTEMS[rival].label}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n\n" + _notes(ran)


def _notes(ran: Mapping[str, Ran]) -> str:
    system, rival = CONTRASTS[0]
    counts, measures = [], []
    for name, own in ran.items():
        known = np.isfinite([*leads(own, system, rival).values()])
        counts.append(f"{PROTOCOLS[name].title} {int(known.sum())}")
        measures.append(f"{PROTOCOLS[name].title}: {LABELS[PER_PERSON[own.task.kind]]}")
    notes = [
        f"People: {', '.join(counts)}. [95 % interval] by bootstrap over people within their "
        "dataset, the same draws for both rows; each dataset is weighted by its number of people.",
        f"Leads are differences in the following. {'; '.join(measures)}. People with windows of "
        "only one class have no lead.",
    ]
    if any(own.seen for own in ran.values()):
        notes.append("(*) The pretrained weights have seen these people's EEG, without labels.")
    return "".join(f"- {note}\n" for note in notes)


def evaluate(arguments: argparse.Namespace) -> str:
    """Answer a command with its table."""
    ran = {}
    if arguments.systems is None:
        arguments.systems = ",".join(dict.fromkeys(name for pair in CONTRASTS for name in pair))
    for name, folder in folders(arguments.data, [*BENCHMARK_SPLITS]).items():
        # Options filled in for one dataset must not carry over to the next.
        own = argparse.Namespace(**{**vars(arguments), "dataset": name, "data": folder})
        ran[name] = run_split(own)
        if ran[name].failed:
            raise ValueError(f"{name}: {ran[name].failed[0]}")
    return table(ran)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    add_common_options(parser)
    parser.add_argument("--data", required=True, help="dataset=FOLDER, separated by commas")
    parser.add_argument("--split", choices=PROJECT_SPLITS, default="develop")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())

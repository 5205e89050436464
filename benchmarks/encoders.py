"""Which encoder is better? Tokens of several weights, on the same people and folds.

Uses the project's own splits, as ``three_datasets.py`` does: logistic regression on each person's
centred features. The rows are tokens by region, mean tokens, and the default embedding. A random
network and 7-band power stand beside them.

    python benchmarks/encoders.py --weights default,OUT/encoder [--split once] [--json FILE]
        --data eegmat=FOLDER,guinea-bissau=FOLDER,ssvep=FOLDER [--curve] [--unseen]
        [--rows class-token-centred]
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from table.allowed import PROJECT_SPLITS
from table.answering import answered, described
from table.commands import run_split
from table.options import add_common_options, choose, folders
from table.output import shown, shown_estimate
from table.people import PER_PERSON, person_figures, pooled_over_datasets
from table.systems import SYSTEMS

from sk_brainrvq.datasets import BENCHMARK_SPLITS, PROTOCOLS

# Rows of an encoder, each with the row of a random network.
ROWS = {
    "tokens-region-centred": "random-tokens-region-centred",
    "tokens-centred": "random-tokens-centred",
    "default-centred": "random-default-centred",
    "class-token-centred": "random-class-token-centred",
    "tokens+class-centred": "random-tokens+class-centred",
}
# Those that are computed unless --rows names others, and those of a curve.
BY_DEFAULT = ("tokens-region-centred", "tokens-centred", "default-centred")
OF_CURVE = BY_DEFAULT[:2]
BANDS = "bands7-centred"
RANDOM = "a random network"

# Each person's own figure, by name of the weights (or RANDOM), row and dataset.
Figures = dict[tuple[str, str, str], dict[str, float]]


def rows_of(options: argparse.Namespace) -> dict[str, str]:
    """Rows that were asked for, each with the row of a random network."""
    if options.rows is None:
        return {name: ROWS[name] for name in (OF_CURVE if options.curve else BY_DEFAULT)}
    names = options.rows.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        raise ValueError(f"--rows {unknown} is unknown; choose from {[*ROWS]}.")
    return {name: ROWS[name] for name in names}


def figures(options: argparse.Namespace) -> Figures:
    """Compute what is not kept yet, and collect each person's figure, averaged over seeds."""
    found: Figures = {}
    rows = rows_of(options)
    places = folders(options.data, [*BENCHMARK_SPLITS])
    seen = {dataset: _seen(dataset, options, rows) for dataset in places if options.unseen}
    for dataset, folder in places.items():
        for number, weights in enumerate(options.weights.split(",")):
            systems = [*rows] + ([*rows.values(), BANDS] if number == 0 else [])
            ran = run_split(_of_one(options, dataset, weights, systems, folder))
            if ran.failed:
                raise ValueError(f"{dataset}: {ran.failed[0]}")
            for system in systems:
                name = Path(weights).name if system in rows else RANDOM
                found[name, system, dataset] = _own_figures(
                    PER_PERSON[ran.task.kind], ran.scored[system]
                )
        if options.unseen:
            own = {key: people for key, people in found.items() if key[2] == dataset}
            found |= _without(seen[dataset], own)
    return found


def _of_one(
    options: argparse.Namespace,
    dataset: str,
    weights: str,
    systems: Sequence[str],
    folder: Path | None = None,
) -> argparse.Namespace:
    """Options of a command of one dataset and one encoder."""
    own = {"dataset": dataset, "data": folder, "weights": weights, "systems": ",".join(systems)}
    return argparse.Namespace(**vars(options) | own)


def _seen(dataset: str, options: argparse.Namespace, rows: Mapping[str, str]) -> set[str]:
    """People of a dataset whose EEG one of the weights has seen.

    Raises
    ------
    ValueError
        If weights do not say whom they have seen, or if nobody is left: before anything is
        computed.
    """
    seen: set[str] = set()
    for weights in options.weights.split(","):
        chosen = choose(_of_one(options, dataset, weights, [*rows]), [*rows], named=True)
        if not chosen.told:
            raise ValueError(f"--unseen: {weights} does not say whose EEG it has seen.")
        seen |= {str(person) for person in chosen.exposed}
    split = BENCHMARK_SPLITS[dataset]
    people = split.develop if options.split == "develop" else split.score_once
    if seen.issuperset(map(str, people)):
        raise ValueError(
            f"--unseen: the weights have seen everybody of {dataset} (--split {options.split}). "
            "Leave the dataset or --unseen out."
        )
    return seen


def _without(seen: set[str], found: Figures) -> Figures:
    """Leave out people whose EEG one of the weights has seen, from all rows of a dataset."""
    return {
        key: {person: value for person, value in people.items() if person not in seen}
        for key, people in found.items()
    }


def _own_figures(name: str, seeds: Sequence[Any]) -> dict[str, float]:
    by_seed = [person_figures(name, scored) for scored in seeds]
    return {
        str(person): round(float(np.mean([own[person] for own in by_seed])), 4)
        for person in by_seed[0]
    }


def _rows_in(found: Figures) -> dict[str, str]:
    return {name: random for name, random in ROWS.items() if name in {key[1] for key in found}}


def table(found: Figures) -> str:
    """Format means over people and, below them, leads with intervals over people."""
    rows = _rows_in(found)
    datasets = list(dict.fromkeys(dataset for _, _, dataset in found))
    titles = [PROTOCOLS[name].title for name in datasets]
    lines = [["features", "network", *titles], ["---"] * (2 + len(datasets))]
    for name, system in dict.fromkeys((name, system) for name, system, _ in found):
        means = [np.nanmean([*found[name, system, dataset].values()]) for dataset in datasets]
        network = "none" if system == BANDS else name
        lines.append([SYSTEMS[system].label, network, *map(shown, means)])
    names = list(dict.fromkeys(name for name, _, _ in found if name != RANDOM))
    leads = [["lead", "all people", *titles], ["---"] * (2 + len(datasets))]
    for system, random in rows.items():
        for name in names:
            rivals = [(RANDOM, random), *([(names[0], system)] if name != names[0] else [])]
            for rival in [*rivals, (RANDOM, BANDS)]:
                own = {d: _lead(found[name, system, d], found[*rival, d]) for d in datasets}
                each = [pooled_over_datasets({d: lead}) for d, lead in own.items()]
                cells = [shown_estimate(e, "+") for e in (pooled_over_datasets(own), *each)]
                over = "centred 7 bands" if rival[1] == BANDS else rival[0]
                label = SYSTEMS[system].label.removeprefix("BrainRVQ, ").replace(", LR", "")
                leads.append([f"{label}: {name}, over {over}", *cells])
    return "\n\n".join(
        "\n".join(f"| {' | '.join(line)} |" for line in part) for part in (lines, leads)
    )


def curve(found: Figures) -> str:
    """Format one line per network, for checkpoints of one training or trainings of one kind."""
    rows = _rows_in(found)
    datasets = list(dict.fromkeys(dataset for _, _, dataset in found))
    labels = [SYSTEMS[row].label.removeprefix("BrainRVQ, ") for row in rows]
    labels = [label.removesuffix(", LR, centred").removesuffix(" only") for label in labels]
    titles = [f"{label}: {PROTOCOLS[name].title}" for label in labels for name in datasets]
    lines = [["network", *titles, *(f"{label}: over a random network" for label in labels)]]
    lines.append(["---"] * len(lines[0]))
    for name in dict.fromkeys(name for name, _, _ in found if name != RANDOM):
        means, leads = [], []
        for row, rival in rows.items():
            own = {dataset: found[name, row, dataset] for dataset in datasets}
            means += [shown(np.nanmean([*people.values()])) for people in own.values()]
            random = {d: _lead(people, found[RANDOM, rival, d]) for d, people in own.items()}
            leads.append(shown_estimate(pooled_over_datasets(random), "+"))
        lines.append([name, *means, *leads])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lead(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    return {person: ours[person] - theirs[person] for person in ours}


def evaluate(options: argparse.Namespace) -> str:
    """Compute, keep and format the figures of a split."""
    found = figures(options)
    if options.json is not None:
        kept = json.loads(options.json.read_text()) if options.json.exists() else []
        kept = [each for each in kept if each["split"] != options.split]
        for (name, system, dataset), people in found.items():
            key = {"split": options.split, "weights": name, "system": system, "dataset": dataset}
            kept.append({**key, "people": people})
        lines = ",\n".join(json.dumps(each) for each in kept)
        options.json.write_text(f"[\n{lines}\n]\n")
    return curve(found) if options.curve else table(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    add_common_options(parser)
    parser.set_defaults(results=Path("results/encoders"))
    parser.add_argument("--data", required=True, help="dataset=FOLDER, separated by commas")
    parser.add_argument("--split", choices=PROJECT_SPLITS, default="develop")
    parser.add_argument("--json", type=Path, help="file for each person's figures")
    parser.add_argument(
        "--unseen", action="store_true", help="only people whose EEG none of the weights has seen"
    )
    parser.add_argument("--rows", help=f"some of {', '.join(ROWS)}, separated by commas")
    parser.add_argument("--curve", action="store_true", help="print one line per network")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())

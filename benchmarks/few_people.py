"""How well is a person read from the labels of five others? Fixed sets of six people.

40 sets of six people to develop on (``BENCHMARK_SPLITS``), leave one out within each set: the mean
of each person's own AUROC, and the balanced accuracy of all six people's windows together. The
draw of seed 0 is for figures that are reported; try designs on another one.

    python benchmarks/few_people.py --dataset eegmat --data FOLDER [--draw 1] [--systems bands7]
"""

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from table.linear import Linear
from table.options import add_common_options, choose
from table.output import shown
from table.people import LABELS, Scored, figures
from table.running import features_of
from table.system import Settings
from table.systems import PROJECT_SYSTEMS, SYSTEMS, systems_named
from table.tasks import Fold, Task, load_task

from sk_brainrvq.datasets import BENCHMARK_SPLITS

MEASURES = {name: LABELS[name] for name in ("auroc_per_person", "balanced_accuracy_pooled")}


def leave_one_out(
    system: str,
    seed: int,
    task: Task,
    people: Sequence[int],
    features: Mapping[str, NDArray],
    settings: Settings,
) -> dict[str, float]:
    """Figures of a set of people, each read by what was fitted on the others."""
    rows = np.flatnonzero(np.isin(task.subjects, people))
    probability = np.zeros((len(task.y), len(task.classes)))
    for person in people:
        test = rows[task.subjects[rows] == person]
        # Nothing is chosen, so what the person would validate is not looked at.
        fold = Fold("folds", str(person), np.setdiff1d(rows, test), test, test)
        outcome = SYSTEMS[system].run(task, fold, seed, features, settings)
        probability[test] = outcome.probability
    together = np.zeros(len(rows))
    scored = Scored(task.y[rows], probability[rows], task.subjects[rows], together)
    return figures("binary", [scored])


def table(found: Mapping[str, NDArray], n_sets: int, first: str) -> str:
    """Means over sets and the middle 95 % of sets, with the lead over the first system."""
    columns = ["system", *MEASURES.values(), f"AUROC, per person, over {SYSTEMS[first].label}"]
    lines = [columns, ["---"] * len(columns)]
    for system, values in found.items():
        lead = values[:, 0] - found[first][:, 0]
        cells = [_of_sets(values[:, i]) for i in range(len(MEASURES))]
        lines.append(
            [SYSTEMS[system].label, *cells, "" if system == first else _of_sets(lead, "+")]
        )
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{rows}\n\n- {n_sets} sets of six people, leave one out. Mean over sets [middle 95 % of "
        "sets]: sets share people, so that is the spread of small samples, and no interval of the "
        "mean. Seeds averaged first."
    )


def _of_sets(values: NDArray, sign: str = "") -> str:
    low, high = np.quantile(values, (0.025, 0.975))
    return f"{shown(values.mean(), sign)} [{shown(low, sign)}, {shown(high, sign)}]"


def evaluate(arguments: argparse.Namespace) -> str:
    """The table of a command."""
    if arguments.dataset not in ("eegmat", "guinea-bissau"):
        raise ValueError(
            f"--dataset {arguments.dataset} was given; expected eegmat or guinea-bissau, which "
            "have two classes and people enough."
        )
    named = arguments.systems is not None
    usual = [name for name in PROJECT_SYSTEMS[arguments.dataset] if not name.startswith("frozen-")]
    systems = systems_named(arguments.systems) if named else usual
    if others := [name for name in systems if not isinstance(SYSTEMS[name], Linear)]:
        raise ValueError(f"--systems {others} are not fitted in seconds; expected linear ones.")
    chosen = choose(arguments, systems, named)
    task = load_task(arguments.dataset, arguments.data, "develop")
    seeds = {name: range(arguments.seeds if SYSTEMS[name].seeded else 1) for name in chosen.systems}
    needed = [(name, seed) for name in chosen.systems for seed in seeds[name]]
    features = features_of(needed, task, chosen.settings, arguments.results)
    sets = BENCHMARK_SPLITS[arguments.dataset].few_people(arguments.draw, arguments.sets)
    found = {}
    for name in chosen.systems:
        by_seed = [
            [leave_one_out(name, seed, task, people, features, chosen.settings) for people in sets]
            for seed in seeds[name]
        ]
        found[name] = np.mean([[[f[m] for m in MEASURES] for f in own] for own in by_seed], axis=0)
        print(f"done: {name}", file=sys.stderr, flush=True)
    first = "bands7" if "bands7" in found else chosen.systems[0]
    return table(found, len(sets), first)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; a user's mistake is one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser)
    parser.add_argument("--draw", type=int, default=0, help="seed of the sets; 0 is reported")
    parser.add_argument("--sets", type=int, default=40, help="number of sets; default 40")
    warnings.simplefilter("ignore")
    try:
        print(evaluate(parser.parse_args(argv)))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

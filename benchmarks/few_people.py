"""How well is a person classified from the labels of five others? Fixed sets of six people.

Takes 40 sets of six people to develop on (``BENCHMARK_SPLITS``) and leaves one out within each
set; prints the mean of each person's own AUROC, and the balanced accuracy of all six people's
windows together. The draw of seed 0 is for reported figures; try designs on another one. Results
are kept beside those of ``table.py``.

    python benchmarks/few_people.py --dataset eegmat --data FOLDER [--draw 1] [--systems bands7]
"""

import argparse
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from table.answering import answered, described
from table.linear import Linear
from table.options import add_common_options, choose
from table.output import shown
from table.people import LABELS, Scored, figures, person_figures
from table.running import Job, features_of, plan, say, take_over
from table.store import Store
from table.system import Settings
from table.systems import PROJECT_SYSTEMS, SYSTEMS, systems_named
from table.tasks import Fold, Task, load_task

from sk_brainrvq.datasets import BENCHMARK_SPLITS

MEASURES = {name: LABELS[name] for name in ("auroc_per_person", "balanced_accuracy_pooled")}
DATASETS = ("eegmat", "guinea-bissau")


def sets_as_folds(task: Task, sets: Sequence[Sequence[int]], draw: int) -> list[Fold]:
    """Turn each set of people into a division, all of whose windows are scored."""
    folds = []
    for number, people in enumerate(sets, start=1):
        rows = np.flatnonzero(np.isin(task.subjects, people))
        folds.append(Fold(f"few-people-{draw}", str(number), rows, rows[:0], rows))
    return folds


def leave_one_out(
    system: str,
    seed: int,
    task: Task,
    rows: NDArray,
    features: Mapping[str, NDArray],
    settings: Settings,
) -> Scored:
    """Predict the windows of each person with a model fitted on the other people."""
    probability = np.zeros((len(task.y), len(task.classes)))
    for person in np.unique(task.subjects[rows]):
        test = rows[task.subjects[rows] == person]
        # Nothing is chosen, so the person's windows are not needed for validation.
        fold = Fold("folds", str(person), np.setdiff1d(rows, test), test, test)
        outcome = SYSTEMS[system].run(task, fold, seed, features, settings)
        probability[test] = outcome.probability
    together = np.zeros(len(rows))
    return Scored(task.y[rows], probability[rows], task.subjects[rows], together)


def run(jobs: Sequence[Job], task: Task, settings: Settings, results: Path) -> None:
    """Score the sets that have no result yet, and save the results."""
    store = Store(results, task.dataset)
    store.merge()  # results that a killed command has left
    waiting = [job for job in jobs if not job.done]
    say(f"{len(jobs) - len(waiting)} results are there, {len(waiting)} to go")
    features = features_of({(job.system, job.seed) for job in waiting}, task, settings, results)
    try:
        for job in waiting:
            begin = time.monotonic()
            scored = leave_one_out(job.system, job.seed, task, job.fold.test, features, settings)
            own = person_figures("auroc_per_person", scored)
            of_set = figures("binary", [scored])
            record: dict[str, Any] = {
                **job.identity,
                "scored": "test",
                "test_subjects": list(own),
                "figures": {name: of_set[name] for name in MEASURES},
                "seconds": round(time.monotonic() - begin, 2),
            }
            store.add(record, {"people": np.array([*own]), "auroc": np.array([*own.values()])})
    finally:  # Ctrl-C too
        store.merge()


def figures_of(jobs: Sequence[Job]) -> dict[str, NDArray]:
    """Figures of each system and set, seeds averaged: shape (n_sets, n_measures)."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for job in jobs:
        own = job.store.read(job.key)[0]["figures"]
        sets = found.setdefault(job.system, {})
        sets.setdefault(job.fold.name, []).append([own[name] for name in MEASURES])
    return {
        system: np.array([np.mean(by_seed, axis=0) for by_seed in sets.values()])
        for system, sets in found.items()
    }


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
    """Answer a command with its table."""
    if arguments.dataset not in DATASETS:
        raise ValueError(
            f"--dataset {arguments.dataset} was given; expected {' or '.join(DATASETS)}, which "
            "have two classes and enough people."
        )
    named = arguments.systems is not None
    usual = [name for name in PROJECT_SYSTEMS[arguments.dataset] if not name.startswith("frozen-")]
    systems = systems_named(arguments.systems) if named else usual
    if others := [name for name in systems if not isinstance(SYSTEMS[name], Linear)]:
        raise ValueError(f"--systems {others} cannot be fitted in seconds; expected linear ones.")
    chosen = choose(arguments, systems, named)
    task = load_task(arguments.dataset, arguments.data, "develop")
    sets = BENCHMARK_SPLITS[arguments.dataset].few_people(arguments.draw, arguments.sets)
    folds = sets_as_folds(task, sets, arguments.draw)
    take_over(task, arguments.results, arguments.add_results)
    seeds = range(arguments.seeds)
    jobs = plan(task, folds, chosen.systems, seeds, chosen.settings, arguments.results)
    run(jobs, task, chosen.settings, arguments.results)
    found = figures_of(jobs)
    first = "bands7" if "bands7" in found else chosen.systems[0]
    return table(found, len(sets), first)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    add_common_options(parser)
    parser.add_argument(
        "--draw", type=int, default=0, help="seed of the sets; 0 is for reported figures"
    )
    parser.add_argument("--sets", type=int, default=40, help="number of sets; default 40")
    warnings.simplefilter("ignore")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())

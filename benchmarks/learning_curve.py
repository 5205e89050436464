"""How much do few labels cost? Systems trained on 1, 2, 4, 8 and all labelled subjects.

Uses the folds and options of ``table.py``; each seed draws different training subjects, the same
for every system. Results are kept, and a killed command resumes when run again; results for all
subjects are shared with ``table.py``.

    python benchmarks/learning_curve.py --dataset eegmat [--data FOLDER] [--sizes 1,2,4,8]
        [--systems bands7,frozen,fine-tuned,scratch] [--weights PATH] [--seeds 3] [--jobs 2]
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from table.allowed import default_split
from table.answering import answered, described
from table.commands import folds_of
from table.curve import (
    Point,
    draw,
    exposure,
    markdown,
    mixed_precision,
    points,
    settings_of_size,
    with_fewer_subjects,
    write_csv,
)
from table.options import add_common_options, choose, numbers
from table.running import plan, read_result, run, take_over
from table.systems import systems_named
from table.tasks import load_task

SYSTEMS = "bands7,frozen,fine-tuned,scratch"


def make_curve(arguments: argparse.Namespace) -> int:
    """Run what is missing, print and write the results; return 1 if something failed."""
    named = arguments.systems is not None
    chosen = choose(arguments, systems_named(arguments.systems or SYSTEMS), named)
    split = arguments.split or default_split(arguments.dataset, "folds")
    task = load_task(arguments.dataset, arguments.data, split)
    sizes = sorted(set(numbers(arguments.sizes, "--sizes")))
    if not sizes or sizes[0] < 1:
        raise ValueError(f"--sizes {arguments.sizes} was given; expected numbers from 1.")
    folds = folds_of(task, split, arguments)
    n_drawn, n_all = (
        min(len(np.unique(task.subjects[rows])) for rows in of_folds)
        for of_folds in ([fold.train for fold in folds], [fold.fitted for fold in folds])
    )
    sizes = [*(size for size in sizes if size < n_drawn), n_all]
    take_over(task, arguments.results, arguments.add_results)
    limit = arguments.max_minutes
    deadline = time.time() + 60 * (float("inf") if limit is None else limit)
    results, failed = {}, []
    for size in sizes:
        settings = settings_of_size(chosen.settings, chosen.systems, size, n_all)
        jobs, seeds = [], range(1 if arguments.quick else arguments.seeds)
        if size == n_all:  # nothing is drawn: same jobs as in table.py
            jobs = plan(task, folds, chosen.systems, seeds, settings, arguments.results)
        for seed in seeds if size < n_all else ():
            fewer = [with_fewer_subjects(task, fold, size, seed) for fold in folds]
            jobs += plan(task, fewer, chosen.systems, [seed], settings, arguments.results)
        minutes = (deadline - time.time()) / 60
        failed += run(
            jobs, task, settings, arguments.results, n_jobs=arguments.jobs, max_minutes=minutes
        )
        results[size] = [read_result(job) for job in jobs if job.done]
    if not any(results.values()):
        return 1 if failed else 0
    everything = [result for of_size in results.values() for result in of_size]
    notes = exposure(folds, task, chosen.exposed) + mixed_precision(everything)
    curve = points(results, chosen.systems, task.kind)
    _show(curve, task.kind, notes, arguments.output or arguments.results / task.dataset)
    return 1 if failed else 0


def _show(curve: Sequence[Point], kind: str, notes: str, output: Path) -> None:
    """Print the curve, and write it as a table and as a figure."""
    print(markdown(curve, kind, notes), flush=True)
    write_csv(curve, kind, output / "learning_curve.csv")
    draw(curve, kind, output / "learning_curve.png")
    print(f"figure and table are in {output}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    add_common_options(parser)
    parser.add_argument(
        "--sizes", default="1,2,4,8", help="numbers of training subjects; all is added"
    )
    parser.add_argument(
        "--split",
        choices=("develop", "folds"),
        help="develop: the project's folds over people to develop on, the default where a dataset "
        "has them; folds: grouped folds over everybody who may be read",
    )
    return answered(parser, argv, make_curve)


if __name__ == "__main__":
    sys.exit(main())

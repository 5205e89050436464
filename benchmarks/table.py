"""Train and score the paper's systems, and simple ones, under one protocol; print its columns.

The same folds and seeds for every system, choices on validation subjects alone. What is done is
kept in a folder of results: a killed command goes on when it is given again, and commands for
single systems add up to one table. README.md says how to read it.

    python benchmarks/table.py --dataset eegmat [--data FOLDER] [--systems bands7,eegnet]
        [--folds 1-4] [--seeds 3] [--split folds] [--weights PATH] [--jobs 2] [--quick]
        [--add-results FOLDER]
"""

import argparse
import sys
from collections.abc import Sequence

from table.options import add_common_options, choose, numbers
from table.output import draw, markdown, write_csv, write_runs
from table.running import plan, read_result, run, take_over
from table.summary import sections
from table.systems import DEFAULT_SYSTEMS, systems_named
from table.tasks import (
    Fold,
    Task,
    compact,
    grouped_folds,
    load_task,
    missing_subjects,
    official_fold,
)

# Datasets whose published test subjects are too few.
FEW_SUBJECTS = ("eegmat", "simulated")


def folds_of(task: Task, arguments: argparse.Namespace) -> list[Fold]:
    """The divisions that were asked for."""
    folds: list[Fold] = []
    # Elsewhere the published split has subjects enough to decide something.
    split = arguments.split or ("both" if task.dataset in FEW_SUBJECTS else "official")
    if split in ("folds", "both"):
        folds = grouped_folds(task, arguments.subjects_per_fold)
        wanted = numbers(arguments.folds, "--folds") or range(1, 3 if arguments.quick else 10**6)
        folds = [fold for fold in folds if int(fold.name) in wanted]
        if not folds:
            raise ValueError(f"--folds {arguments.folds}: no such folds.")
    if split == "official" or (split == "both" and task.parts is not None):
        folds.append(official_fold(task))
        for part, missing in missing_subjects(task).items():
            print(f"note: {part} subjects {compact(missing)} are not here", file=sys.stderr)
    return folds


def make_table(arguments: argparse.Namespace) -> int:
    """Run what is not done yet, print and write what there is; 1 if something failed."""
    named = arguments.systems is not None
    systems = systems_named(arguments.systems) if named else DEFAULT_SYSTEMS
    chosen = choose(arguments, systems, named)
    task = load_task(arguments.dataset, arguments.data)
    seeds = range(1 if arguments.quick else arguments.seeds)
    folds = folds_of(task, arguments)
    take_over(task, arguments.results, arguments.add_results)
    jobs = plan(task, folds, chosen.systems, seeds, chosen.settings, arguments.results)
    failed = run(
        jobs,
        task,
        chosen.settings,
        arguments.results,
        n_jobs=arguments.jobs,
        max_minutes=arguments.max_minutes,
    )
    results = [read_result(job) for job in jobs if job.done]
    if not results:
        return 1 if failed else 0
    output = arguments.output or arguments.results / task.dataset
    tables = sections(results, task, chosen.exposed)
    for table in tables:
        print(markdown(table), flush=True)
        suffix = "" if table is tables[0] else f"-{table.slug}"
        draw(table, output / f"table{suffix}.png")
    write_csv(tables, output / "table.csv")
    write_runs(results, output / "runs.csv")
    print(f"figures and tables are in {output}", file=sys.stderr)
    return 1 if failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; a user's mistake is one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser)
    parser.add_argument(
        "--split",
        choices=("folds", "official", "both"),
        help="grouped folds over all subjects, the published split, or both; "
        f"by default both for {', '.join(FEW_SUBJECTS)}, else the published one",
    )
    try:
        return make_table(parser.parse_args(argv))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

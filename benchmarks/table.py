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
from pathlib import Path

from table.features import FROZEN_RIVALS
from table.options import add_common_options, choose, numbers
from table.output import draw, markdown, write_csv, write_runs
from table.people import scored_of
from table.people_output import people_table
from table.running import plan, read_result, run, take_over
from table.summary import sections
from table.systems import DEFAULT_SYSTEMS, PROJECT_SYSTEMS, systems_named
from table.tasks import (
    PROJECT_SPLITS,
    Fold,
    Task,
    compact,
    grouped_folds,
    load_task,
    missing_subjects,
    official_fold,
    project_folds,
)

from sk_brainrvq.datasets import GuineaBissau

# Datasets whose published test subjects are too few.
FEW_SUBJECTS = ("eegmat", "simulated")
NO_PUBLISHED_SPLIT = ("guinea-bissau", "ssvep")


def split_of(arguments: argparse.Namespace) -> str:
    """The split that was asked for, or that of the dataset."""
    if arguments.dataset in NO_PUBLISHED_SPLIT:
        if arguments.split not in (None, *PROJECT_SPLITS):
            raise ValueError(
                f"--split {arguments.split} was given; nobody has published a split of "
                f"{arguments.dataset}, and some of its people are never read: expected "
                f"{' or '.join(PROJECT_SPLITS)}."
            )
        return arguments.split or "develop"
    # Elsewhere the published split has subjects enough to decide something.
    return arguments.split or ("both" if arguments.dataset in FEW_SUBJECTS else "official")


def folds_of(task: Task, arguments: argparse.Namespace) -> list[Fold]:
    """The divisions that were asked for."""
    folds: list[Fold] = []
    split = split_of(arguments)
    if split in PROJECT_SPLITS:
        folds = project_folds(task, split)
        wanted = numbers(arguments.folds, "--folds")
        return [fold for fold in folds if not wanted or fold.name in map(str, wanted)]
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


def opened_first(task: Task, folder: Path | None) -> tuple[str, list[int]] | None:
    """People of Guinea-Bissau for whom the time of a window tells the opposite label."""
    if task.dataset != "guinea-bissau" or folder is None:
        return None
    people = sorted(set(GuineaBissau().opened_first(folder)) & set(task.subjects.tolist()))
    return f"{len(people)} who opened their eyes first", people


def make_table(arguments: argparse.Namespace) -> int:
    """Run what is not done yet, print and write what there is; 1 if something failed."""
    named = arguments.systems is not None
    split = split_of(arguments)
    project = split in PROJECT_SPLITS
    usual = PROJECT_SYSTEMS.get(arguments.dataset, ()) if project else DEFAULT_SYSTEMS
    if arguments.frozen_rivals is None:
        usual = tuple(name for name in usual if name not in FROZEN_RIVALS)
    systems = systems_named(arguments.systems) if named else usual
    chosen = choose(arguments, systems, named)
    task = load_task(arguments.dataset, arguments.data, split if project else None)
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
    if project:
        scored = scored_of(results, task)
        apart = opened_first(task, arguments.data)
        print(people_table(task.kind, scored, chosen.exposed, apart), flush=True)
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
        choices=("folds", "official", "both", *PROJECT_SPLITS),
        help="grouped folds over all subjects, the published split, or both; develop: the "
        "project's folds over people to develop on; once: those who are scored once for each "
        f"released model. By default both for {', '.join(FEW_SUBJECTS)}, develop for "
        f"{', '.join(NO_PUBLISHED_SPLIT)}, else the published one",
    )
    try:
        return make_table(parser.parse_args(argv))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

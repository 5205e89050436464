"""Train and score the paper's systems, and simple ones, under one protocol; print its columns.

Every system uses the same folds and seeds, and choices are made only on validation subjects.
Results are kept in a folder: a killed command resumes when run again, and commands for single
systems add up to one table. details/table.md explains how to read it.

    python benchmarks/table.py --dataset eegmat [--data FOLDER] [--systems bands7,eegnet]
        [--folds 1-4] [--seeds 3] [--split folds] [--people] [--weights PATH] [--jobs 2] [--quick]
        [--add-results FOLDER]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from table.allowed import PROJECT_SPLITS
from table.answering import answered, described
from table.commands import Ran, run_split, split_of
from table.options import add_common_options
from table.output import draw, markdown, write_csv, write_runs
from table.people_output import people_table
from table.summary import sections

from sk_brainrvq.datasets import BENCHMARK_SPLITS, GuineaBissau


def opened_first(ran: Ran, folder: Path | None) -> tuple[str, list[int]] | None:
    """People of Guinea-Bissau for whom the time of a window indicates the opposite label."""
    if ran.task.dataset != "guinea-bissau" or folder is None:
        return None
    people = sorted(set(GuineaBissau().opened_first(folder)) & ran.tested)
    return f"{len(people)} who opened their eyes first", people


def make_table(arguments: argparse.Namespace) -> int:
    """Run what is missing, print and write the results; return 1 if something failed."""
    split = split_of(arguments)
    if arguments.people and split in ("official", "both"):
        raise ValueError(f"--people was given with --split {split}; expected --split folds.")
    ran = run_split(arguments)
    if not ran.results:
        return 1 if ran.failed else 0
    task, exposed = ran.task, ran.chosen.exposed
    output = arguments.output or arguments.results / task.dataset
    if split in PROJECT_SPLITS or arguments.people:
        apart = opened_first(ran, arguments.data)
        seen = exposed if ran.chosen.told else None
        print(people_table(task.kind, ran.scored, seen, apart), flush=True)
    # People scored once have no folds, and their intervals over people are printed above.
    tables = [] if split == "once" else sections(ran.results, task, exposed)
    for table in tables:
        print(markdown(table), flush=True)
        suffix = "" if table is tables[0] else f"-{table.slug}"
        draw(table, output / f"table{suffix}.png")
    if tables:
        write_csv(tables, output / "table.csv")
    write_runs(ran.results, output / "runs.csv")
    print(f"tables and figures are in {output}", file=sys.stderr)
    return 1 if ran.failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    add_common_options(parser)
    parser.add_argument(
        "--split",
        choices=("folds", "official", "both", *PROJECT_SPLITS),
        help="develop: the project's folds over people to develop on; once: those who are scored "
        "once for each released model; folds: grouped folds over everybody who may be read; "
        "official: the published split; both: the last two. By default develop for "
        f"{', '.join(BENCHMARK_SPLITS)}, both for simulated, else the published one",
    )
    parser.add_argument(
        "--people",
        action="store_true",
        help="print figures over people for folds too, as develop and once always do",
    )
    return answered(parser, argv, make_table)


if __name__ == "__main__":
    sys.exit(main())

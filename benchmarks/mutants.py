"""Whether tests notice small changes of the code: a random sample of mutants, the share killed.

First every test runs once, while it is recorded which lines of the package it runs; ``--recording``
keeps that. Then places of the code are drawn at random, each is changed (``mutation/sites.py`` says
how), and the tests that run it are tried until one fails: one of each file of tests in turn, and
four of the file with the module's name. ``--seconds`` bounds what they may take together for one
mutant. Code that no recorded test runs may be run in processes that tests start: it is tried with
the files ``--apart``. A mutant that takes three times as long as it should is killed.

``--output`` holds a row for each mutant, and the command goes on where it stopped. A reason written
by hand into the last column says why no test could tell the mutant from the code. With ``--again``
those that survived without such a reason are tried once more, wherever their lines are now. A
recording is of the package as it was: after a change of it, delete the file; after a change of some
files of tests, name them with ``--new-tests``, and they are tried first.

    python benchmarks/mutants.py --output FILE --recording FILE [--n 300] [--seed 0] [--jobs 1]
"""

import argparse
import csv
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mutation.recording import Recording, record
from mutation.sites import Mutant, sites
from mutation.trials import Laboratory, Outcome

ROOT = Path(__file__).parents[1]
FOLDERS = ["nn", "training", "estimators"]
# Tests of memory and of several processes take long and say little of single lines.
TESTS = [
    *(f"tests/{name}" for name in ("nn", "training", "estimators", "weights")),
    *(
        f"--ignore=tests/estimators/test_{name}.py"
        for name in ("memory", "many_processes", "sklearn_checks_variants", "real_eeg")
    ),
]
# They start processes of their own, in which nothing is recorded.
APART = ["tests/nn/test_parallel.py", "tests/estimators/test_many_processes.py"]
COLUMNS = ["file", "function", "line", "kind", "before", "after", "occurrence"]
COLUMNS += ["outcome", "by", "tests", "covering", "reason"]


@dataclass(frozen=True)
class Asked:
    """What the command is asked for, beside files: see its help."""

    package: Path
    folders: list[str]
    tests: list[str]
    apart: list[str]
    new_tests: list[str]
    n: int
    seed: int
    seconds: float
    jobs: int


def drawn(asked: Asked) -> list[Mutant]:
    """The sample: places drawn without replacement, one change of each."""
    places = sites(asked.package, asked.folders)
    rng = np.random.default_rng(asked.seed)
    chosen = [places[number] for number in rng.permutation(len(places))]
    return [variants[rng.integers(len(variants))] for variants in chosen][: asked.n]


def recorded(asked: Asked, path: Path) -> Recording:
    """The recording that a file keeps: made if there is none, with files of tests made anew."""
    if not path.exists():
        _record(asked, asked.tests, path)
    elif asked.new_tests:
        with tempfile.TemporaryDirectory() as folder:
            of_new = Path(folder, "new.json")
            _record(asked, asked.new_tests, of_new)
            Recording.read(path).updated(Recording.read(of_new)).write(path)
    return Recording.read(path)


def _record(asked: Asked, tests: list[str], path: Path) -> None:
    """Run tests in a process that has not imported the package."""
    child = os.fork()
    if child == 0:
        os.chdir(asked.package.parent)
        record(asked.package, tests).write(path)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("The tests could not be recorded; the message is above.")


def read_rows(path: Path) -> dict[tuple, dict[str, str]]:
    """Rows of a file of results, by what finds the mutant again; of two the later one."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {tuple(row[name] for name in _KEY): row for row in rows}


_KEY = ["file", "function", "kind", "before", "after", "occurrence"]


def _key(mutant: Mutant) -> tuple[str, ...]:
    return tuple(str(part) for part in mutant.key)


def _row(mutant: Mutant, outcome: Outcome) -> dict[str, str]:
    values = [mutant.file, mutant.function, mutant.start[0], mutant.kind, mutant.before]
    values += [mutant.after, mutant.occurrence, outcome.word, outcome.by]
    values += [outcome.n_tests, outcome.n_covering, ""]
    return dict(zip(COLUMNS, map(str, values), strict=True))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """A file of results from the start."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def try_all(mutants: list[Mutant], recording: Recording, asked: Asked, output: Path) -> None:
    """Add a row for each mutant to a file, from ``jobs`` processes."""
    children = []
    for number in range(asked.jobs):
        child = os.fork()
        if child == 0:
            _work(mutants[number :: asked.jobs], recording, asked, output)
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise RuntimeError("A process that tried mutants failed; its message is above.")


def _work(mutants: list[Mutant], recording: Recording, asked: Asked, output: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(
            asked.package, recording, Path(folder), asked.apart, asked.new_tests
        )
        for mutant in mutants:
            row = _row(mutant, laboratory.try_out(mutant, asked.seconds))
            with output.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)


def run(asked: Asked, output: Path, recording: Path, again: bool) -> list[dict[str, str]]:
    """Try what has not been tried; rows of the whole sample."""
    kept = read_rows(output)
    if again:
        order, mutants = list(kept), _survivors(kept, asked)
    else:
        sample = {_key(mutant): mutant for mutant in drawn(asked)}
        order = list(sample)
        mutants = [mutant for key, mutant in sample.items() if key not in kept]
    write_rows(output, list(kept.values()))
    if mutants:
        try_all(mutants, recorded(asked, recording), asked, output)
    kept = read_rows(output)
    rows = [kept[key] for key in order]
    write_rows(output, rows)
    return rows


def _survivors(kept: dict[tuple, dict[str, str]], asked: Asked) -> list[Mutant]:
    """Mutants to try again; rows of those whose code is no longer there say so from now on."""
    places = sites(asked.package, asked.folders)
    everywhere = {_key(mutant): mutant for variants in places for mutant in variants}
    left = [key for key, row in kept.items() if row["outcome"] == "survived" and not row["reason"]]
    for key in left:
        if key not in everywhere:
            kept[key]["outcome"] = "gone"
    return [everywhere[key] for key in left if key in everywhere]


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.96
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return float(centre - half), float(centre + half)


def print_table(rows: list[dict[str, str]]) -> None:
    """A line for each folder; then the survivors that nothing explains."""
    print("| folder | mutants | killed | by time | explained | survived | share killed (95 %) |")
    print("|---|---|---|---|---|---|---|")
    folders = sorted({row["file"].split("/")[0] for row in rows})
    for folder in [*folders, "all"]:
        group = [row for row in rows if folder in ("all", row["file"].split("/")[0])]
        print(_table_line(folder, group))
    print()
    for row in rows:
        if row["outcome"] == "survived" and not row["reason"]:
            place = f"{row['file']}:{row['line']} {row['function']}"
            change = f"{row['before'][:60]!r} -> {row['after'][:60]!r}"
            print(f"{place}: {row['kind']}: {change} ({row['tests']} of {row['covering']} tests)")


def _table_line(name: str, rows: list[dict[str, str]]) -> str:
    rows = [row for row in rows if row["outcome"] != "gone"]
    by_time = sum(row["outcome"] == "timeout" for row in rows)
    killed = sum(row["outcome"] == "killed" for row in rows) + by_time
    explained = sum(bool(row["reason"]) for row in rows)
    low, high = wilson(killed, len(rows))
    share = f"{killed / len(rows):.1%} ({low:.1%}-{high:.1%})"
    if explained:
        low, high = wilson(killed, len(rows) - explained)
        share += f"; without those explained {killed / (len(rows) - explained):.1%}"
        share += f" ({low:.1%}-{high:.1%})"
    survived = len(rows) - killed - explained
    cells = [name, len(rows), killed, by_time, explained, survived, share]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """The command; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="file of results, a CSV")
    parser.add_argument(
        "--recording", type=Path, required=True, help="file, made if it is not there"
    )
    parser.add_argument("--n", type=int, default=300, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--package", type=Path, default=ROOT / "sk_brainrvq", help="its folder")
    parser.add_argument("--folders", nargs="+", default=FOLDERS, help="of the package; . is all")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="what pytest is told to run")
    parser.add_argument("--apart", nargs="*", default=APART, help="tests of processes")
    parser.add_argument("--new-tests", nargs="*", default=[], help="files to record anew")
    parser.add_argument("--seconds", type=float, default=20, help="of tests for one mutant")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--again", action="store_true", help="try those that survived")
    given = parser.parse_args()
    asked = Asked(
        given.package.resolve(),
        given.folders,
        given.tests,
        given.apart,
        given.new_tests,
        given.n,
        given.seed,
        given.seconds,
        given.jobs,
    )
    output, recording = given.output.resolve(), given.recording.resolve()
    print_table(run(asked, output, recording, given.again))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Do tests notice small changes of the code? The share of mutants killed in a random sample.

First every test runs once, and the lines of the package that it executes are recorded;
``--recording`` keeps them. Then places in the code are drawn at random, each is changed (see
``mutation/sites.py``), and the tests that execute it are run until one fails: one from each test
file in turn, and four from the file named after the module. ``--seconds`` limits their total time
for one mutant. Code that no recorded test executes may run in processes that tests start: it is
tested with the files given by ``--apart``. A mutant that takes three times as long as it should is
killed.

``--output`` holds one row per mutant, and the command resumes where it stopped. A reason written
by hand in the last column explains why no test could tell the mutant from the code. With
``--again``, survivors without such a reason are tried once more, wherever their lines are now. A
recording describes the package at the time: after you change the package, delete the file; after
you change some test files, name them with ``--new-tests``, and they are tried first.

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
# Tests of memory and of several processes take long and show little about single lines.
TESTS = [
    *(f"tests/{name}" for name in ("nn", "training", "estimators", "weights")),
    *(
        f"--ignore=tests/estimators/test_{name}.py"
        for name in ("memory", "many_processes", "sklearn_checks_variants", "real_eeg")
    ),
]
# These tests start other processes, in which nothing is recorded.
APART = ["tests/nn/test_parallel.py", "tests/estimators/test_many_processes.py"]
COLUMNS = ["file", "function", "line", "kind", "before", "after", "occurrence"]
COLUMNS += ["outcome", "by", "tests", "covering", "reason"]


@dataclass(frozen=True)
class Asked:
    """Options of the command other than files; see its help."""

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
    """Draw the sample: places without replacement, one change of each."""
    places = sites(asked.package, asked.folders)
    rng = np.random.default_rng(asked.seed)
    chosen = [places[number] for number in rng.permutation(len(places))]
    return [variants[rng.integers(len(variants))] for variants in chosen][: asked.n]


def recorded(asked: Asked, path: Path) -> Recording:
    """Read the recording from its file, or make one; record the given test files anew."""
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
    """Rows of a result file by the identity of the mutant; the later of duplicates."""
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
    """Write a new result file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def try_all(mutants: list[Mutant], recording: Recording, asked: Asked, output: Path) -> None:
    """Add one row per mutant to a file, from ``jobs`` processes."""
    children = []
    for number in range(asked.jobs):
        child = os.fork()
        if child == 0:
            _work(mutants[number :: asked.jobs], recording, asked, output)
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise RuntimeError("A process that tested mutants failed; its message is above.")


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
    """Test the remaining mutants; return the rows of the whole sample."""
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
    """Mutants to test again; rows whose code no longer exists are marked so."""
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
    """One line per folder; then the survivors without a reason."""
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
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="CSV file of results")
    parser.add_argument("--recording", type=Path, required=True, help="file, made if missing")
    parser.add_argument("--n", type=int, default=300, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--package", type=Path, default=ROOT / "sk_brainrvq", help="folder of the package"
    )
    parser.add_argument("--folders", nargs="+", default=FOLDERS, help="subfolders; . for all")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="tests to run, for pytest")
    parser.add_argument("--apart", nargs="*", default=APART, help="tests that start processes")
    parser.add_argument("--new-tests", nargs="*", default=[], help="test files to record anew")
    parser.add_argument("--seconds", type=float, default=20, help="limit of tests per mutant")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--again", action="store_true", help="test survivors again")
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

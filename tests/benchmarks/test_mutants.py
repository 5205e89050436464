"""The command that changes the code and asks the tests: on a package of two functions."""

import ast
import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutants import wilson
from mutation.recording import Recording
from mutation.sites import sites_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CODE = '''"""A clipped number, and one that no test looks at."""

from functools import cache


@cache
def clipped(x):
    """Not above ten."""
    if x > 10:
        return 10
    return x


def halved(x):
    return x / 2


def unseen(x):
    return x + 1
'''
TESTS = """
from small.sizes import clipped, halved


def test_clipped__below_at_and_above__ten_at_most():
    assert [clipped(x) for x in (9, 10, 11, 12)] == [9, 10, 10, 10]


def test_clipped__twelve__again():
    assert clipped(12) == 10


def test_halved__any__is_something():
    assert halved(3) is not None
"""
WITHOUT_MUTANTS = '''"""A docstring."""
import os
from typing import Literal
__all__ = ["f"]
Mode = Literal["a", "b"]


def f(x: "int", mode: Literal["a"]) -> "int":
    """1 + 1."""
    if TYPE_CHECKING:
        x = 2
    raise ValueError(f"{x + 1} of " + str(x + 2))


def __repr__(x):
    pass
'''


@pytest.fixture
def project(tmp_path):
    for name, text in {
        "small/__init__.py": "",
        "small/sizes.py": CODE,
        "test_sizes.py": TESTS,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project, *options):
    command = [sys.executable, "mutants.py", "--package", project / "small", "--folders", "."]
    command += ["--tests", "test_sizes.py", "--apart", "--output", project / "mutants.csv"]
    command += ["--recording", project / "recording.json", *options]
    # Plugins of pytest are slow to import.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=BENCHMARKS, env=alone, check=True, capture_output=True, text=True
    )
    with (project / "mutants.csv").open(newline="") as file:
        return list(csv.DictReader(file)), done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_command__in_parts_then_again__kills_what_tests_look_at(project):
    first, _ = run(project, "--n", "4")
    rows, printed = run(project, "--n", "100")
    assert rows[:4] == first
    found = {(row["function"], row["before"], row["outcome"]) for row in rows}
    # One is equivalent: ten stays ten.
    of_clipped = {(row["after"], row["outcome"]) for row in rows if row["function"] == "clipped"}
    assert [after for after, word in of_clipped if word == "survived"] == ["(x >= 10)"]
    assert {word for function, _, word in found if function == "unseen"} == {"survived"}
    assert {("halved", "x / 2", "survived"), ("halved", "return x / 2", "killed")} <= found
    assert {row["by"].split("::")[0] for row in rows} == {"", "test_sizes.py"}
    assert f"| all | {len(rows)} |" in printed
    # A better test, and lines that have moved.
    better = TESTS.replace("halved(3) is not None", "halved(3) == 1.5")
    (project / "test_sizes.py").write_text(better)
    (project / "small" / "sizes.py").write_text("# One more line.\n" + CODE)
    (project / "recording.json").unlink()
    again, _ = run(project, "--again")
    row = next(row for row in again if row["before"] == "x / 2")
    assert row["outcome"] == "killed"
    assert int(row["line"]) == CODE.splitlines().index("    return x / 2") + 2
    assert len(again) == len(rows)


def test_sites__every_change__is_another_program():
    found = [mutant for variants in sites_of(CODE, "sizes.py") for mutant in variants]
    sources = {mutant.source(CODE) for mutant in found}
    assert len(sources) == len(found) > 10
    plain = ast.dump(ast.parse(CODE))
    assert all(ast.dump(ast.parse(source)) != plain for source in sources)
    assert {mutant.function for mutant in found} == {"clipped", "halved", "unseen"}


def test_sites__docstrings_types_messages__have_none():
    assert sites_of(WITHOUT_MUTANTS, "f.py") == []


def test_recording__files_recorded_anew__take_the_place_of_their_tests():
    old = Recording(
        {"a.py::x": 1.0, "b.py::y": 2.0, "a.py::z": 3.0}, {"f.py": {1: [0, 1, 2], 2: [2]}}
    )
    new = Recording({"a.py::x": 4.0, "c.py::w": 5.0}, {"f.py": {1: [1], 3: [0]}, "g.py": {1: [0]}})
    both = old.updated(new)
    assert both.seconds == {"b.py::y": 2.0, "a.py::x": 4.0, "c.py::w": 5.0}
    assert both.covering("f.py", range(1, 2)) == {"b.py::y", "c.py::w"}
    assert both.covering("f.py", range(2, 4)) == both.covering("g.py", range(9)) == {"a.py::x"}


def test_wilson__known_interval__as_published():
    # Newcombe (1998), table I: 81 of 263, and 1 of 29.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)

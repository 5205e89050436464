"""Whom the commands of ``benchmarks/``, the examples and the pages read, and whom they refuse."""

import ast
import re
from contextlib import suppress
from pathlib import Path

import pytest
from corpora.pieces import wanted
from table.allowed import eegmat_windows
from table.tasks import load_task

from sk_brainrvq.datasets import BENCHMARK_SPLITS, EEGMAT

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
# Classes and functions that read the people of datasets with a split of the project.
READERS = {
    *("EEGMAT", "GuineaBissau", "SSVEPExoskeleton", "PROTOCOLS", "Zyma2019"),
    *("load_eegmat", "fetch_eegmat", "eegmat", "guinea_bissau", "ssvep"),
}
# Modules that name them, each of which asks the split, and what reads no signals.
ASKING = {
    *("table/allowed.py", "table/tasks.py", "pretrain_default.py", "moabb_eegmat.py"),
    *("corpora/readers.py",),
}
NO_SIGNALS = {
    "table.py": {"GuineaBissau"},
    "three_datasets.py": {"PROTOCOLS"},
    "encoders.py": {"PROTOCOLS"},
}


def imported(path):
    """Names that a file takes from the datasets of the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "sk_brainrvq.datasets"
        ):
            yield from (alias.name for alias in node.names)


def test_commands__all_files__read_people_only_where_the_split_is_asked():
    found = {}
    for path in sorted(BENCHMARKS.rglob("*.py")):
        name = path.relative_to(BENCHMARKS).as_posix()
        used = READERS.intersection(imported(path)) - NO_SIGNALS.get(name, set())
        if used and name not in ASKING:
            found[name] = used
    assert not found
    # A file that no longer reads has no place among those that ask.
    assert all(READERS.intersection(imported(BENCHMARKS / name)) for name in ASKING)


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory, eegmat_folder):
    """EEGMAT with two people to develop on and one scored once; whoever else is read, fails."""
    folder = tmp_path_factory.mktemp("eegmat")
    for subject in range(36):
        for task in (1, 2):
            name = f"Subject{subject:02d}_{task}.edf"
            if subject in (3, 27, 29):
                (folder / name).symlink_to((eegmat_folder / name).resolve())
            elif subject > 31:
                (folder / name).write_bytes(b"not to be opened")
    return folder


def test_load_task__people_never_read__stay_closed_in_every_split(poisoned, capsys):
    assert set(load_task("eegmat", poisoned, "develop").subjects.tolist()) == {3, 27}
    for split in ("once", "folds", None):
        assert set(load_task("eegmat", poisoned, split).subjects.tolist()) == {3, 27, 29}
    assert "[32, 33, 34, 35] of eegmat are never read" in capsys.readouterr().err
    for split in ("official", "both"):
        with pytest.raises(ValueError, match=r"tests on people \[32, 33, 34, 35\] of eegmat"):
            load_task("eegmat", poisoned, split)
    # The class itself binds nobody: it tries, and the file is no recording.
    with pytest.raises(ValueError, match=r"Subject32_1\.edf cannot be read"):
        EEGMAT().load(poisoned, splits=["test"])


def test_eegmat_windows__others_than_to_develop_on__refused_before_a_file_is_opened(poisoned):
    assert set(eegmat_windows(poisoned, [3, 27]).subjects.tolist()) == {3, 27}
    with pytest.raises(ValueError, match=r"People \[29\] of eegmat are scored once"):
        eegmat_windows(poisoned, [3, 29])
    with pytest.raises(ValueError, match=r"People \[33\] of eegmat are never read"):
        eegmat_windows(poisoned, [3, 33])


def test_corpus__datasets_that_models_are_tested_on__people_to_develop_on_alone():
    for name, split in BENCHMARK_SPLITS.items():
        may = wanted(name)
        assert all(may(str(person)) for person in split.develop)
        assert not any(may(str(person)) for person in (*split.score_once, *split.never_read))


def people_read(path):
    """People whose windows a file loads, and those whose files it names."""
    tree, names = ast.parse(path.read_text()), {"range": range}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with suppress(Exception):  # what is no list of people is not wanted
                names[node.targets[0].id] = eval(ast.unparse(node.value), dict(names))
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", "")
        if called == "load_eegmat":
            # Without a second argument it loads everybody.
            people = ast.unparse(node.args[1]) if len(node.args) > 1 else "range(36)"
            subjects = [*names["UNLABELLED"], *names["UNSEEN"]] if "UNSEEN" in names else ()
            yield from eval(people, {**names, "subjects": names.get("subjects", subjects)})
    yield from map(int, re.findall(r"Subject(\d\d)_", path.read_text()))


def test_examples_and_pictures__of_eegmat__people_to_develop_on():
    paths = [*(ROOT / "examples").rglob("*.py"), *(ROOT / "docs" / "_pictures").glob("*.py")]
    read = {path.name: set(people_read(path)) for path in paths}
    assert sum(map(bool, read.values())) >= 10
    for name, people in read.items():
        assert people <= set(BENCHMARK_SPLITS["eegmat"].develop), name

"""The command that counts the house: what a fit passes stays within bounds."""

import json
import sys

import pytest
from benchmark_commands import BENCHMARKS
from house import main, passed_files

# Files in which a function is called during a second fit: reached, and not to be lost again. Three
# say beforehand what will not fit into memory, and what to do if it does not.
MOST_PASSED = {"BrainRVQEmbedder": 30, "BrainRVQClassifier": 51}


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """What the command writes of the embedder."""
    file = tmp_path_factory.mktemp("house") / "house.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["", "--estimators", "BrainRVQEmbedder", "--json", str(file)])
        assert main() == 0
    return json.loads(file.read_text())


def test_fit__on_an_array_with_default_weights__passes_few_files(figures):
    passed = {name: found["second"] for name, found in figures["files"].items()}
    # A second fit needs no process of its own.
    passed["BrainRVQClassifier"] = passed_files("BrainRVQClassifier").second
    assert passed.keys() == MOST_PASSED.keys()
    for name, most in MOST_PASSED.items():
        # The network itself has to be among them, or nothing was counted.
        assert "nn/encoder.py" in passed[name]
        assert len(passed[name]) <= most, passed[name]


def test_folders__counted__every_file_of_the_package_once(figures):
    *folders, total = figures["folders"]
    package = BENCHMARKS.parent / "sk_brainrvq"
    files = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    counts = [row["files beside `__init__`"] for row in folders]
    assert sum(counts) == total["files beside `__init__`"] == len(files)
    assert total["lines"] == sum(
        len(path.read_text().splitlines()) for path in package.rglob("*.py")
    )

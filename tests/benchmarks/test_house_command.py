"""The command that counts the house: what a fit passes stays within bounds."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# Files in which a function is called during a second fit: reached, and not to be lost again.
MOST_PASSED = {"BrainRVQEmbedder": 29, "BrainRVQClassifier": 48}


def test_fit__on_an_array_with_default_weights__passes_few_files(tmp_path):
    figures = tmp_path / "house.json"
    names = ",".join(MOST_PASSED)
    command = [sys.executable, "house.py", "--estimators", names, "--json", str(figures)]
    subprocess.run(command, cwd=BENCHMARKS, check=True, capture_output=True)
    files = json.loads(figures.read_text())["files"]
    passed = {name: found["second"] for name, found in files.items()}
    assert passed.keys() == MOST_PASSED.keys()
    for name, most in MOST_PASSED.items():
        # The network itself has to be among them, or nothing was counted.
        assert "nn/encoder.py" in passed[name]
        assert len(passed[name]) <= most, passed[name]


def test_folders__counted__every_file_of_the_package_once(tmp_path):
    figures = tmp_path / "house.json"
    command = [sys.executable, "house.py", "--estimators", "none", "--json", str(figures)]
    subprocess.run(command, cwd=BENCHMARKS, check=True, capture_output=True)
    *folders, total = json.loads(figures.read_text())["folders"]
    package = BENCHMARKS.parent / "sk_brainrvq"
    files = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    counts = [row["files beside `__init__`"] for row in folders]
    assert sum(counts) == total["files beside `__init__`"] == len(files)
    assert total["lines"] == sum(
        len(path.read_text().splitlines()) for path in package.rglob("*.py")
    )

"""How large the code is: files, lines, parameters, and the files that a fit passes through.

The first table counts the Python files of each folder of ``sk_brainrvq`` and their lines, and
names the longest file and the longest function of the folder; the lines of a function are those of
its body, without the docstring.

The second table counts, for each public estimator, the parameters of its constructor and the files
of ``sk_brainrvq`` in which a function is called during ``fit``. Code that runs on import (the
bodies of modules and classes) does not count as a function call. All threads of the process count;
other processes do not. The estimator is fitted on an array of 12 epochs, 19 channels named by the
10-20 system and 5 s at 200 Hz, with the default weights and parameters, and with one training epoch
if it trains. Files are counted in the first fit of a fresh process, and in a second fit of the
same process, when weights and MNE's electrode positions are already in memory.

    python benchmarks/house.py [--files] [--estimators NAME,NAME] [--json FILE]
"""

import argparse
import ast
import inspect
import json
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from speed.measuring import CH_NAMES, Table, in_fresh_process

import sk_brainrvq

ROOT = Path(sk_brainrvq.__file__).parent
N_EPOCHS, SFREQ, SECONDS = 12, 200.0, 5
# Parameters that a fit with the default weights needs, beyond those shared by all.
SETTINGS: dict[str, dict[str, Any]] = {
    "BrainRVQEmbedder": {},
    "BrainRVQClassifier": {"max_epochs": 1},
    "BrainRVQRegressor": {"max_epochs": 1},
    "DDRVQTransformer": {"weights": "default", "max_epochs": 1},
    "BrainRVQPretrainer": {"tokenizer": "default", "weights": "default", "max_epochs": 1},
}


@dataclass(frozen=True)
class Passed:
    """Files in which a function is called during a fit.

    Attributes
    ----------
    first, second : list of str
        Files of the first and of the second fit in a process; paths below ``sk_brainrvq``.
    """

    first: list[str]
    second: list[str]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and body length of each function in a file, with methods and inner functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node, clean=False) is not None
            body = node.body[documented:]
            yield node.name, body[-1].end_lineno - body[0].lineno + 1 if body else 0


def folder_rows(root: Path = ROOT) -> list[dict[str, Any]]:
    """Return one row per folder with Python files, and one for all of them.

    Parameters
    ----------
    root : Path
        Folder of a package.

    Returns
    -------
    list of dict
    """
    files = sorted(root.rglob("*.py"))
    rows = []
    for folder in sorted({path.parent for path in files}):
        name = folder.relative_to(root.parent).as_posix() + "/"
        rows.append(_folder_row(name, [path for path in files if path.parent == folder]))
    return [*rows, _folder_row("all", files)]


def _folder_row(name: str, files: list[Path]) -> dict[str, Any]:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    longest = max(files, key=lines.__getitem__)
    bodies = [(length, f"{path.name}: {f}") for path in files for f, length in functions(path)]
    length, function = max(bodies, default=(0, ""))
    return {
        "folder": name,
        "files beside `__init__`": sum(path.name != "__init__.py" for path in files),
        "lines": sum(lines.values()),
        "longest file": f"{longest.name} ({lines[longest]})",
        "longest function": f"{function} ({length})" if function else "",
    }


def public_estimators() -> dict[str, type]:
    """Public classes that can be fitted."""
    named = {name: getattr(sk_brainrvq, name) for name in sk_brainrvq.__all__}
    return {
        name: value
        for name, value in named.items()
        if inspect.isclass(value) and hasattr(value, "fit") and hasattr(value, "get_params")
    }


def passed_files(name: str) -> Passed:
    """Fit an estimator twice; call this in a fresh process.

    Parameters
    ----------
    name : str
        One of ``SETTINGS``.

    Returns
    -------
    Passed
    """
    import numpy as np

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    X = rng.normal(scale=20, size=(N_EPOCHS, len(CH_NAMES), round(SECONDS * SFREQ)))
    y = {
        "BrainRVQClassifier": np.arange(N_EPOCHS) % 2,
        "BrainRVQRegressor": rng.normal(size=N_EPOCHS),
    }.get(name)
    common = {"sfreq": SFREQ, "ch_names": CH_NAMES, "random_state": 0}

    def counted() -> list[str]:
        estimator = getattr(sk_brainrvq, name)(**common, **SETTINGS[name])
        return called_files(lambda: estimator.fit(X, y))

    return Passed(first=counted(), second=counted())


def called_files(run: Callable[[], Any]) -> list[str]:
    """Files of ``sk_brainrvq`` in which a function is called while ``run`` runs."""
    names: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        # Code objects of functions are flagged as optimised; those of modules and classes are not.
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            names.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    below = [Path(name) for name in names if Path(name).is_relative_to(ROOT)]
    return sorted(path.relative_to(ROOT).as_posix() for path in below)


def estimator_rows(passed: dict[str, Passed]) -> list[dict[str, Any]]:
    """Return one row per public estimator; those not fitted have no counts."""
    return [
        {
            "estimator": name,
            "parameters": len(inspect.signature(estimator).parameters),
            "files of a second fit": len(passed[name].second) if name in passed else "",
            "files of the first fit": len(passed[name].first) if name in passed else "",
        }
        for name, estimator in public_estimators().items()
    ]


def estimator_names(text: str) -> list[str]:
    """Parse names of estimators, separated by commas; "none" stands for no estimator."""
    names = [] if text == "none" else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown} are not estimators; choose from {[*SETTINGS]}")
    return names


def main() -> int:
    """Count, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--files", action="store_true", help="list the files that a fit passes through"
    )
    parser.add_argument(
        "--estimators",
        type=estimator_names,
        default=[*SETTINGS],
        help=f"some of {','.join(SETTINGS)}, or none; default all",
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    asked = parser.parse_args()
    passed = {name: in_fresh_process(passed_files, name) for name in asked.estimators}
    tables = [
        Table("Folders", folder_rows()),
        Table("Estimators", estimator_rows(passed)),
    ]
    print("\n".join(table.markdown() for table in tables))
    if asked.files:
        print(_listing(passed))
    if asked.json is not None:
        figures = {table.title.lower(): table.rows for table in tables}
        files = {name: asdict(found) for name, found in passed.items()}
        asked.json.write_text(json.dumps({**figures, "files": files}, indent=1) + "\n")
    return 0


def _listing(passed: dict[str, Passed]) -> str:
    """List the files of each estimator's fit; a plus marks those of the first fit only."""
    lines = []
    for name, found in passed.items():
        lines += [f"{name}:", *(f"    {file}" for file in found.second)]
        lines += [f"  + {file}" for file in found.first if file not in found.second]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

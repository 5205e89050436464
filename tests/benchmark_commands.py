"""Commands of the folder ``benchmarks``, which is no package, for tests of them."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import matplotlib as mpl

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# Commands are beside each other in one folder and import what lies there.
sys.path.append(str(BENCHMARKS))


@cache
def module_of(name):
    """The module of a command, read once; drawing is left as it was set."""
    spec = importlib.util.spec_from_file_location(f"{name}_command", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with mpl.rc_context():
        spec.loader.exec_module(module)
    return module


def main_of(name):
    """``main`` of a command."""
    return module_of(name).main

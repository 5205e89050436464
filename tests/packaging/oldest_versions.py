"""Print pip's constraints for the oldest versions that setup.py allows: ``make test-oldest``."""

import ast
import re
from pathlib import Path

SETUP = Path(__file__).parents[2] / "setup.py"
# torchaudio says of some versions only that it needs a torch, but is built for the same one.
BUILT_FOR_TORCH = "torchaudio"


def requirements(setup=SETUP):
    """What the package needs, and each of its extras: lists of requirements by extra, "" first."""
    needed = {}
    for node in ast.walk(ast.parse(setup.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXTRAS":
            needed |= ast.literal_eval(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "install_requires":
            needed = {"": ast.literal_eval(node.value), **needed}
    return {extra: needed[extra] for extra in sorted(needed)}


def parsed(requirement):
    """Name of the package, without its own extras, and the lowest version, if there is one."""
    match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:>=([\w.]+))?", requirement)
    if match is None:
        raise ValueError(f"{requirement!r} in {SETUP}: expected a name, or a name>=version.")
    return match[1], match[2]


def oldest(needed):
    """Lowest version of each package of the lists given."""
    bounds = dict(parsed(requirement) for listed in needed for requirement in listed)
    bounds[BUILT_FOR_TORCH] = bounds["torch"]
    return {name: version for name, version in sorted(bounds.items()) if version}


if __name__ == "__main__":
    lists = requirements()
    for package, lowest in oldest([lists["dev"], lists[""]]).items():
        print(f"{package}=={lowest}")

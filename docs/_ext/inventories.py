"""Inventories of other projects for intersphinx, written from a list beside the pages.

intersphinx usually downloads the inventory of each project. The site is to be built without a
network, and names a few dozen objects, so these stand in ``docs/inventories.txt``.
"""

import os
import zlib
from pathlib import Path

DOCS = Path(__file__).parents[1]
FOLDER = DOCS / "_build" / "inventories"


def local_inventories() -> dict[str, tuple[str, str]]:
    """What ``intersphinx_mapping`` takes: name to (address, inventory file)."""
    mapping = {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (address, lines) in _projects().items():
        file = FOLDER / f"{name}.inv"
        head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        body = zlib.compress("".join(f"{line}\n" for line in lines).encode())
        content = head.encode() + body
        if not file.exists() or file.read_bytes() != content:
            # Two builds may start at the same time.
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(content)
            part.replace(file)
        mapping[name] = (address, str(file))
    return mapping


def _projects() -> dict[str, tuple[str, list[str]]]:
    """Of each project its address and its lines: name, role, page."""
    projects: dict[str, tuple[str, list[str]]] = {}
    lines: list[str] = []
    for line in (DOCS / "inventories.txt").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "project":
            lines = []
            projects[words[1]] = (words[2], lines)
        else:
            name, role, page = words
            lines.append(f"{name} {role} 1 {page} -")
    return projects

"""Markdown files of the repository as pages: the few forms they use, as reStructuredText."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).parents[2]
# What stands in place of a page, and what follows the text of one.
PAGES = {
    "changelog": ("CHANGELOG.md",),
    "three_datasets": ("benchmarks/three_datasets.md",),
    **{
        f"details/{file.stem}": (f"benchmarks/details/{file.name}",)
        for file in (ROOT / "benchmarks" / "details").glob("*.md")
    },
}
APPENDED = {"benchmarks": ("benchmarks/README.md",)}
_UNDERLINES = {1: "=", 2: "-", 3: "~", 4: "^"}


def to_rst(markdown: str, *, shift: int = 0) -> str:
    """Headings, lists, tables, code and links of Markdown as reStructuredText.

    Parameters
    ----------
    markdown : str
    shift : int, default=0
        Levels by which headings are lowered.

    Returns
    -------
    str
    """
    lines: list[str] = []
    rows: list[str] = []
    in_code, depth = False, shift
    for line in [*re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines(), ""]:
        if rows and not line.startswith("|"):
            lines += _table(rows)
            rows = []
        if line.startswith("```"):
            in_code = not in_code
            lines += ["", f".. code-block:: {line[3:] or 'console'}", ""] if in_code else [""]
        elif in_code:
            lines.append(f"   {line}")
        elif line.startswith("|"):
            rows.append(line)
        elif heading := re.fullmatch(r"(#{1,4}) (.+)", line):
            title = _inline(heading[2])
            # Tables that commands print skip levels, which reStructuredText does not allow.
            depth = min(4, len(heading[1]) + shift, depth + 1)
            underline = _UNDERLINES[depth]
            lines += ["", title, underline * len(title), ""]
        else:
            # reStructuredText wants an empty line before a list that is nested.
            nested = re.match(r"( +)- ", line)
            if nested and lines and not lines[-1].startswith(f"{nested[1]}- "):
                lines.append("")
            lines.append(_inline(line))
    return "\n".join(lines) + "\n"


def _table(rows: list[str]) -> list[str]:
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    header, body = cells[0], cells[2:]
    lines = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *body]:
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {_inline(cell)}".rstrip())
    return [*lines, ""]


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", text)


def _read(app: Sphinx, docname: str, name: str) -> str:
    file = ROOT / name
    app.env.note_dependency(str(file), docname=docname)
    return file.read_text(encoding="utf-8")


def fill_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put Markdown files in place of a page, or after its text."""
    for name in PAGES.get(docname, ()):
        source[0] = to_rst(_read(app, docname, name))
    for name in APPENDED.get(docname, ()):
        source[0] += "\n" + to_rst(_read(app, docname, name), shift=1)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("source-read", fill_source)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}

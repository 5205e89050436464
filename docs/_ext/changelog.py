"""CHANGELOG.md as a page: the few Markdown forms it uses, turned into reStructuredText."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
_UNDERLINES = {1: "=", 2: "-", 3: "~"}


def to_rst(markdown: str) -> str:
    """Headings, lists, code and links of Markdown as reStructuredText."""
    lines: list[str] = []
    for line in markdown.splitlines():
        if heading := re.fullmatch(r"(#{1,3}) (.+)", line):
            title = _inline(heading[2])
            lines += ["", title, _UNDERLINES[len(heading[1])] * len(title), ""]
            continue
        # reStructuredText wants an empty line before a list that is nested.
        nested = re.match(r"( +)- ", line)
        if nested and lines and not lines[-1].startswith(f"{nested[1]}- "):
            lines.append("")
        lines.append(_inline(line))
    return "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", text)


def replace_source(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "changelog":
        app.env.note_dependency(str(CHANGELOG), docname=docname)
        source[0] = to_rst(CHANGELOG.read_text(encoding="utf-8"))


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("source-read", replace_source)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

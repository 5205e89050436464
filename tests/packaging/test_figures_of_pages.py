"""Figures on pages: each is one that the benchmarks, or a model card, state."""

import re

import pytest
from package_files import ROOT

CHECKOUT = ROOT.parent
SOURCES = (
    CHECKOUT / "benchmarks" / "README.md",
    CHECKOUT / "benchmarks" / "three_datasets.md",
    *(CHECKOUT / "benchmarks" / "details").glob("*.md"),
    *(ROOT / "weights" / "bundled").glob("*/README.md"),
)
# ".031 [.014, .047]", over two lines or not, with signs or not.
INTERVAL = re.compile(r"(\.\d{3})\s+\[([-+−]?\.\d{3}),\s+([-+−]?\.\d{3})\]")
SINGLE = re.compile(r"(?<!\d)\.\d{3}(?!\d)")


def plain(text):
    return text.replace("−", "-").replace("+", "")


def intervals(text):
    return {match.groups() for match in INTERVAL.finditer(plain(text))}


def singles(text):
    return set(SINGLE.findall(text))


def pages():
    return ["README.md", *(f"docs/{page.name}" for page in (CHECKOUT / "docs").glob("*.rst"))]


@pytest.fixture(scope="module")
def stated():
    return "\n".join(source.read_text() for source in SOURCES)


@pytest.mark.parametrize("read", [intervals, singles])
def test_pages__figures__stand_in_the_benchmarks_or_on_a_card(read, stated):
    known = read(stated)
    assert len(known) > 50
    left = {page: read((CHECKOUT / page).read_text()) - known for page in pages()}
    assert {page: sorted(figures) for page, figures in left.items() if figures} == {}

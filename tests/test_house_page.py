"""The page for contributors that says where things are: all that it names is there."""

import re
from pathlib import Path

import sk_brainrvq

PACKAGE = Path(sk_brainrvq.__file__).parent
ROOT = PACKAGE.parent
PAGE = (ROOT / "docs" / "house.rst").read_text()


def test_house_page__files_it_names__exist():
    names = set(re.findall(r"``([\w/]+\.py)``", PAGE))
    assert len(names) > 30
    assert [
        name
        for name in sorted(names)
        if not (PACKAGE / name).exists() and not (ROOT / name).exists()
    ] == []


def test_house_page__table__has_every_folder():
    named = set(re.findall(r"\* - ``(\w+)``", PAGE))
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert named == folders


def test_house_page__functions_and_classes_it_names__stand_in_the_file_beside_them():
    # "``name`` in ``file``" and "``name`` (``file``)"
    pairs = re.findall(r"``(\w+)(?:\(X\))?``\s+(?:in|of)\s+``([\w/]+\.py)``", PAGE)
    pairs += re.findall(r"``(\w+)``(?:\\ s)?\s+\(``([\w/]+\.py)``\)", PAGE)
    assert len(pairs) > 15
    files = {file: (PACKAGE / file).read_text() for _, file in pairs}
    assert [pair for pair in pairs if not re.search(rf"\b{pair[0]}\b", files[pair[1]])] == []

"""Pages of the user guide: their length, what they promise, and the messages that they explain."""

import ast
import re

from package_files import FILES, ROOT

DOCS = ROOT.parent / "docs"
GUIDE = (DOCS / "guide.rst").read_text()


def of_the_guide():
    """Texts of the pages in the guide's tables of contents, by name."""
    names = re.findall(r"^   ([a-z_]+)$", GUIDE, re.MULTILINE)
    return {name: (DOCS / f"{name}.rst").read_text() for name in names}


def prose(text):
    """A page without code and tables' rules."""
    text = re.sub(r"^(?:>>>|\.\.\.) .*\n(?:(?!\n|>>>).*\n)*", "", text, flags=re.MULTILINE)
    hidden = r"testsetup|testcleanup|testcode|testoutput|code-block|plot|raw|math|toctree"
    text = re.sub(rf"^\.\. (?:{hidden})::.*\n(?:\n|   .*\n)*", "", text, flags=re.MULTILINE)
    return re.sub(r"[=~-]{3,}", " ", text)


def templates():
    """Texts in the package's code; a formatted value is an ellipsis."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                parts = node.values
                yield "".join(p.value if isinstance(p, ast.Constant) else "…" for p in parts)


def headlines(text):
    """Headlines of the lowest level."""
    return re.findall(r"^(\S.*)\n~{3,}$", text, re.MULTILINE)


def test_troubleshooting__each_headline__is_a_message_of_the_package():
    told = headlines((DOCS / "troubleshooting.rst").read_text())
    assert len(told) == len(set(told)) > 50
    known = list(templates())
    missing = []
    for headline in told:
        pattern = re.escape(headline.strip("… ")).replace("…", ".*?")
        if not any(re.search(pattern, message, re.DOTALL) for message in known):
            missing.append(headline)
    assert missing == []


def test_guide__each_page__begins_with_code():
    late = {}
    for name, text in of_the_guide().items():
        # What sets the example up is not shown.
        shown = re.sub(
            r"^\.\. test(?:setup|cleanup)::.*\n(?:\n|   .*\n)*", "", text, flags=re.MULTILINE
        )
        before = re.split(
            r"^(?:>>>|\.\. (?:testcode|code-block|plot)::)", shown, flags=re.MULTILINE
        )[0]
        late[name] = len(before.split())
    # Tables and lists.
    without = {"should_i", "glossary"}
    assert {name: words for name, words in late.items() if words > 100} == {
        name: late[name] for name in without
    }


def test_guide__each_page__read_in_five_minutes():
    pages = of_the_guide()
    assert len(pages) > 40
    lengths = {name: len(prose(text).split()) for name, text in pages.items()}
    # Messages are looked up, not read.
    assert {name: n for name, n in lengths.items() if n > 1300} == {
        "troubleshooting": lengths["troubleshooting"]
    }

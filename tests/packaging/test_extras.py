"""Extras: what messages and pages tell users to type works from a checkout."""

import ast
import re

from oldest_versions import oldest, parsed, requirements
from package_files import FILES, ROOT
from packaging.version import Version

from sk_brainrvq.extras import how_to_install

CHECKOUT = ROOT.parent
PAGES = ("*.md", "docs/*.rst", "benchmarks/*.md")


def extras():
    """Packages of each extra, without versions, as setup.py names them."""
    return {
        extra: {parsed(package)[0] for package in packages}
        for extra, packages in requirements().items()
        if extra
    }


def asked_for():
    """(extra, packages) of each message in the package."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "how_to_install":
                yield tuple(argument.value for argument in node.args)


def test_messages__each__name_an_extra_and_what_it_brings():
    told = list(asked_for())
    assert len(told) >= 4
    for extra, packages in told:
        assert set(packages.split()) <= extras()[extra]


def test_how_to_install__message__both_ways():
    told = how_to_install("lora", "peft")
    assert told == 'pip install peft, or pip install ".[lora]" in a checkout of sk_brainrvq'


def test_texts__any__install_from_a_checkout_and_name_extras_that_are_there():
    pages = [
        *CHECKOUT.glob("*.md"),
        *CHECKOUT.glob("docs/*.rst"),
        *CHECKOUT.glob("benchmarks/*.md"),
    ]
    named = set()
    for path in [*pages, *FILES]:
        text = path.read_text()
        # The package is on no index.
        assert "sk_brainrvq[" not in text, path
        for listed in re.findall(r'pip install "\.\[([\w,]+)\]"', text):
            named |= set(listed.split(","))
    assert {"corpus", "lora"} <= named <= set(extras())


def test_lowest_versions__of_the_package_and_its_extras__stated_and_the_same_everywhere():
    needed = requirements()
    assert all(parsed(requirement)[1] for requirement in needed[""])
    # Extras for users: those for developers are pinned in constraints.txt.
    users = [extra for extra in needed if extra not in ("dev", "docs")]
    versions = {}
    for extra in users:
        for name, lowest in map(parsed, needed[extra]):
            versions.setdefault(name, set()).add(lowest)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    tested = oldest([needed["dev"], needed[""]])
    for name, (lowest,) in versions.items():
        # What only benchmarks or an example need is tested with its newest version.
        assert tested.get(name) == lowest or name in ("mne-lsl", "vector-quantize-pytorch")
    assert tested["torchaudio"] == tested["torch"]


def test_pinned_versions__each__at_least_the_lowest():
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if "==" in line)
    needed = requirements()
    for name, lowest in oldest([needed["dev"], needed[""]]).items():
        assert Version(pins[name]) >= Version(lowest)

"""Extras: what messages and pages tell users to type works from a checkout."""

import ast
import re

from package_files import FILES, ROOT

from sk_brainrvq.extras import how_to_install

CHECKOUT = ROOT.parent
PAGES = ("*.md", "docs/*.rst", "benchmarks/*.md")


def extras():
    """Packages of each extra, without versions, as setup.py names them."""
    tree = ast.parse((CHECKOUT / "setup.py").read_text())
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "EXTRAS"
    )
    return {
        extra: {re.split(r"[\[<>=]", package)[0] for package in packages}
        for extra, packages in ast.literal_eval(value).items()
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

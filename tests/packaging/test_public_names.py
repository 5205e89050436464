"""Every public name is on the API page, and every name on the page is public."""

import importlib
import re

from package_files import ROOT

PAGE = ROOT.parent / "docs" / "api.rst"
# Autosummary has no page for these; the text names them.
DICTS = ("PROTOCOLS", "BENCHMARK_SPLITS", "BANDS")

MODULES = ("sk_brainrvq", "sk_brainrvq.datasets", "sk_brainrvq.explain", "sk_brainrvq.viz")


def documented():
    """Full names in the tables of the API page."""
    module = ""
    for line in PAGE.read_text().splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   ([A-Za-z_]\w*)", line):
            yield f"{module}.{match[1]}"


def test_names_of_the_package__each__on_the_api_page():
    named = set(documented())
    missing = [
        f"{module}.{name}"
        for module in (
            "sk_brainrvq",
            *(f"sk_brainrvq.{part}" for part in ("datasets", "explain", "viz")),
        )
        for name in importlib.import_module(module).__all__
        if f"{module}.{name}" not in named and name not in ("__version__", *DICTS)
    ]
    assert missing == []
    assert all(f"``{name}``" in PAGE.read_text() for name in DICTS)


def test_names_on_the_api_page__each__can_be_imported():
    named = list(documented())
    assert len(named) > 40
    absent = []
    for full_name in named:
        module, name = full_name.rsplit(".", 1)
        if not hasattr(importlib.import_module(module), name):
            absent.append(full_name)
    assert absent == []

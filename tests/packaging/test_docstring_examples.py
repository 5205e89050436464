"""Every example in a docstring is run by pytest, in every module."""

import ast
import doctest
import importlib
import tomllib

from package_files import FILES, ROOT

CHECKOUT = ROOT.parent
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def written(path):
    """Examples in the docstrings of a file, by its text."""
    docstrings = [
        ast.get_docstring(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, DOCUMENTED)
    ]
    return sum(len(doctest.DocTestParser().get_examples(text)) for text in docstrings if text)


def found(path):
    """Examples that doctest finds in a module."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    tests = doctest.DocTestFinder().find(importlib.import_module(name), name)
    return sum(len(test.examples) for test in tests)


def test_examples__in_every_module__found_by_doctest():
    counts = {path: n for path in FILES if (n := written(path))}
    assert len(counts) > 20
    overlooked = {str(p): (n, found(p)) for p, n in counts.items() if found(p) != n}
    assert overlooked == {}


def test_examples__any__neither_skipped_nor_left_out_of_the_suite():
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["pytest"]
    settings = settings["ini_options"]
    assert "--doctest-modules" in settings["addopts"].split()
    assert "sk_brainrvq" in settings["testpaths"]
    assert "--ignore" not in settings["addopts"]
    assert "--deselect" not in settings["addopts"]
    skipping = [str(path) for path in FILES if "doctest: +SKIP" in path.read_text()]
    assert skipping == []

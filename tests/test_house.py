"""The house: sizes of files, functions and folders, names of modules, and private folders."""

import ast
from collections import defaultdict

from package_files import FILES, ROOT

MOST_FILES, MOST_LINES, LONGEST_BODY = 14, 400, 40


def shown(path):
    """A path as a report names it."""
    return path.relative_to(ROOT.parent).as_posix()


def report(offenders):
    """All offenders, a line each: pytest would cut a list short."""
    return "\n".join(["", *offenders])


def functions(path):
    """(name, line, lines of the body without its docstring) of each function in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[ast.get_docstring(node, clean=False) is not None :]
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            yield node.name, node.lineno, length


def imported_names(path):
    """(name, line) of each module that a file imports, and of each name it takes from one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT.parent).with_suffix("").parts
            base = package[: len(package) - node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def private_folders(name):
    """Private folders on the way to an imported name, as paths."""
    parts = name.split(".")
    for n, part in enumerate(parts):
        folder = ROOT.parent.joinpath(*parts[: n + 1])
        if part.startswith("_") and parts[0] == ROOT.name and folder.is_dir():
            yield folder


def test_modules__of_the_whole_package__have_names_of_their_own():
    places = defaultdict(list)
    for path in FILES:
        if path.stem != "__init__":
            places[path.stem].append(shown(path))
    shared = [", ".join(paths) for paths in places.values() if len(paths) > 1]
    assert not shared, report(shared)


def test_folders__any__hold_at_most_14_files_beside_init():
    crowded = [
        f"{shown(folder)}: {n} files"
        for folder in sorted({path.parent for path in FILES})
        if (n := sum(path.name != "__init__.py" for path in folder.glob("*.py"))) > MOST_FILES
    ]
    assert not crowded, report(crowded)


def test_files__any__have_at_most_400_lines():
    long = [
        f"{shown(path)}: {n} lines"
        for path in FILES
        if (n := len(path.read_text().splitlines())) > MOST_LINES
    ]
    assert not long, report(long)


def test_functions__any__have_bodies_of_at_most_40_lines():
    long = [
        f"{shown(path)}:{line}: {name} has {length} lines"
        for path in FILES
        for name, line, length in functions(path)
        if length > LONGEST_BODY
    ]
    assert not long, report(long)


def test_private_folders__any__are_imported_only_in_the_folder_that_holds_them():
    assert any(path.parent.name.startswith("_") for path in FILES)
    strangers = [
        f"{shown(path)}:{line} imports {name}"
        for path in FILES
        for name, line in imported_names(path)
        for folder in private_folders(name)
        if not path.is_relative_to(folder.parent)
    ]
    assert not strangers, report(strangers)

"""Places of a package where one small change makes a mutant.

Mutants change comparisons, ``and``/``or``, ``not``, arithmetic, numbers (by one), ``True`` and
``False``, strings without a space, conditions (negated), ``return`` (to None), ``min``/``max`` and
``any``/``all``; or delete a call whose result is not used, or an assignment to an attribute or an
item.

They never change docstrings, annotations, imports, ``if TYPE_CHECKING``, overloads, f-strings,
texts of errors and warnings, strings of ``__repr__``, or ``__all__``.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
# Changing one of these comparisons negates the whole expression.
_NEGATED = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TEXTS_ONLY = ("__repr__", "__str__", "_repr_html_")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes
    ----------
    file : str
        Path below the package's folder.
    function : str
        Name that holds the change, such as ``Class.method``; empty at module level.
    kind, before, after : str
        Kind of change, and its source before and after, with single spaces.
    start, end : tuple of int
        Line, counted from one, and byte in the line.
    lines : range or None
        Lines that a test runs if it runs the changed code; None for what runs on import.
    occurrence : int
        Number among equal changes in this function, counted from zero.
    """

    file: str
    function: str
    kind: str
    before: str
    after: str
    start: tuple[int, int]
    end: tuple[int, int]
    lines: range | None
    occurrence: int = 0

    @property
    def key(self) -> tuple[str, str, str, str, str, int]:
        """Identity that stays the same when lines have moved."""
        return (self.file, self.function, self.kind, self.before, self.after, self.occurrence)

    def source(self, original: str) -> str:
        """The file with the change."""
        lines = original.encode().splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        first = starts[self.start[0] - 1] + self.start[1]
        last = starts[self.end[0] - 1] + self.end[1]
        content = b"".join(lines)
        return (content[:first] + self.after.encode() + content[last:]).decode()


def sites(package: Path, folders: list[str]) -> list[list[Mutant]]:
    """List all places by file and line, each with the changes to choose from.

    Parameters
    ----------
    package : Path
        Folder of the package.
    folders : list of str
        Folders of it to search, with all below; "." for everything.

    Returns
    -------
    list of list of Mutant
    """
    places = [package / folder for folder in folders]
    paths = sorted({path for place in places for path in [place, *place.rglob("*.py")]})
    found = []
    for path in (path for path in paths if path.suffix == ".py"):
        found += sites_of(path.read_text(encoding="utf-8"), path.relative_to(package).as_posix())
    return found


def sites_of(source: str, file: str) -> list[list[Mutant]]:
    """Places of one file; see ``sites``."""
    seen: Counter = Counter()
    found = []
    for variants in _Finder(source, file).visit_body(ast.parse(source).body, "", None):
        counted = []
        for mutant in variants:
            counted.append(replace(mutant, occurrence=seen[mutant.key]))
            seen[mutant.key] += 1
        found.append(counted)
    return found


class _Finder:
    """Walks through the statements of a file."""

    def __init__(self, source: str, file: str) -> None:
        self.text = source
        self.file = file

    def visit_body(
        self, body: list[ast.stmt], function: str, lines: range | None
    ) -> Iterator[list[Mutant]]:
        """Places in statements; ``lines`` is None where they run on import."""
        for statement in body:
            yield from self.visit_statement(statement, function, lines)

    def visit_statement(
        self, node: ast.stmt, function: str, lines: range | None
    ) -> Iterator[list[Mutant]]:
        if _is_left(node):
            return
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield from self._visit_definition(node, function, lines)
            return
        blocks = ["body", "orelse", "finalbody", "handlers", "cases"]
        compound = any(hasattr(node, name) for name in blocks)
        for kind, target, text in _statement_changes(node):
            yield [self._mutant(function, kind, target, text, _own(lines, node))]
        for field, value in ast.iter_fields(node):
            if field in blocks and compound:
                for inner in value:
                    yield from self._visit_inner(inner, function, lines)
            elif field not in ("annotation", "exc", "cause"):
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, ast.AST):
                        ran = _own(lines, part if compound else node)
                        yield from self.visit_expression(part, function, ran)

    def _visit_inner(
        self, node: ast.AST, function: str, lines: range | None
    ) -> Iterator[list[Mutant]]:
        if isinstance(node, ast.stmt):
            yield from self.visit_statement(node, function, lines)
        else:  # "except", or a "case"
            yield from self.visit_body(node.body, function, lines)  # type: ignore[attr-defined]

    def _visit_definition(
        self, node: ast.stmt, function: str, lines: range | None
    ) -> Iterator[list[Mutant]]:
        name = f"{function}.{node.name}".lstrip(".")
        inside = range(node.body[0].lineno, node.end_lineno + 1)
        for decorator in node.decorator_list:
            yield from self.visit_expression(decorator, name, inside)
        if isinstance(node, ast.ClassDef):
            yield from self.visit_body(node.body, name, None)
            return
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                yield from self.visit_expression(default, name, inside)
        yield from self.visit_body(node.body, name, inside)

    def visit_expression(
        self, node: ast.AST, function: str, lines: range | None
    ) -> Iterator[list[Mutant]]:
        """Places in an expression and its parts."""
        variants = [
            self._mutant(function, kind, target, text, lines)
            for kind, target, text in _expression_changes(node)
        ]
        if isinstance(node, (ast.Constant, ast.UnaryOp)):
            texts = function.rsplit(".", 1)[-1] in _TEXTS_ONLY
            if variants and not (texts and variants[0].kind == "string"):
                yield variants  # a number is one place, up or down
        else:
            yield from ([variant] for variant in variants)
        if not _is_number(node):
            for part in _parts(node):
                yield from self.visit_expression(part, function, lines)

    def _mutant(
        self, function: str, kind: str, node: ast.AST, after: str, lines: range | None
    ) -> Mutant:
        before = " ".join((ast.get_source_segment(self.text, node) or "").split())
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        return Mutant(self.file, function, kind, before, after, start, end, lines)


def _own(lines: range | None, node: ast.AST) -> range | None:
    """Lines of a node, unless it runs on import."""
    if lines is None or not hasattr(node, "lineno"):
        return lines
    return range(node.lineno, node.end_lineno + 1)


def _is_left(node: ast.stmt) -> bool:
    """Whether a statement has no mutants."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) in ("__all__", "__slots__")
    if isinstance(node, _FUNCTIONS):
        return any("overload" in ast.unparse(item) for item in node.decorator_list)
    return False


def _statement_changes(node: ast.stmt) -> Iterator[tuple[str, ast.AST, str]]:
    """Changes of a statement itself: (kind, replaced node, replacement)."""
    if (
        isinstance(node, ast.Return)
        and node.value is not None
        and ast.unparse(node.value) != "None"
    ):
        yield "return", node, "return None"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call left out", node, "pass"
    targets = node.targets if isinstance(node, ast.Assign) else []
    if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets):
        yield "assignment left out", node, "pass"
    if isinstance(node, ast.AugAssign):
        yield "assignment left out", node, "pass"
        if type(node.op) in _OPERATORS:
            yield "arithmetic", node, ast.unparse(_with(node, op=_OPERATORS[type(node.op)]()))
    if isinstance(node, (ast.If, ast.While)):
        yield from _negation(node.test)


def _expression_changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """Changes of an expression itself: (kind, replaced node, replacement)."""
    if isinstance(node, ast.Compare):
        for n, operator in enumerate(node.ops):
            operators = [*node.ops]
            operators[n] = _COMPARISONS[type(operator)]()
            yield "comparison", node, _text(_with(node, ops=operators))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and, or", node, _text(_with(node, op=other))
    elif isinstance(node, ast.BinOp):
        if type(node.op) in _OPERATORS and not _is_text(node.left) and not _is_text(node.right):
            yield "arithmetic", node, _text(_with(node, op=_OPERATORS[type(node.op)]()))
    elif isinstance(node, ast.Constant) or _is_number(node):
        yield from _constant_changes(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        kind = "not" if isinstance(node.op, ast.Not) else "arithmetic"
        yield kind, node, _text(node.operand)
    elif isinstance(node, ast.IfExp):
        yield from _negation(node.test)
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield from _negation(test)
    elif isinstance(node, ast.Call):
        yield from _swap(node.func)


def _constant_changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    value = ast.literal_eval(node)  # type: ignore[arg-type]
    if isinstance(value, bool):
        yield "True, False", node, str(not value)
    elif isinstance(value, (int, float)):
        yield "number", node, f"({value + 1!r})"
        yield "number", node, f"({value - 1!r})"
    elif isinstance(value, str) and " " not in value:
        yield "string", node, repr(value + "XX")


def _negation(test: ast.expr) -> Iterator[tuple[str, ast.AST, str]]:
    """Negation of a condition, unless another change is the same."""
    same = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        same = isinstance(test.ops[0], _NEGATED)
    if not same:
        yield "condition", test, f"(not ({ast.unparse(test)}))"


def _swap(called: ast.expr) -> Iterator[tuple[str, ast.AST, str]]:
    name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
    if name in _SWAPPED:
        field = "id" if isinstance(called, ast.Name) else "attr"
        yield "min, max, any, all", called, ast.unparse(_with(called, **{field: _SWAPPED[name]}))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of an expression, without messages, types and f-strings."""
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
        return
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rsplit(".", 1)[-1]
        if name in ("warn", "TypeVar"):
            return
        yield node.func
        yield from node.args[name == "cast" :]
        yield from (keyword.value for keyword in node.keywords)
    elif isinstance(node, ast.Lambda):
        yield from (default for default in node.args.defaults)
        yield node.body
    else:
        yield from ast.iter_child_nodes(node)


def _is_number(node: ast.AST) -> bool:
    """Whether a node is a number with a minus."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _text(node: ast.AST) -> str:
    return f"({ast.unparse(node)})"

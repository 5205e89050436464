"""The Python files of the package, and what each of them imports."""

import ast
from pathlib import Path

import sk_brainrvq

ROOT = Path(sk_brainrvq.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def imports(path):
    """(module name, whether at module level) of each import in a file."""
    tree = ast.parse(path.read_text())
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in inner
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT.parent).with_suffix("").parts
            base = list(package[: len(package) - node.level]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            yield module, node not in inner
            if module == "sk_brainrvq":
                for alias in node.names:
                    yield f"{module}.{alias.name}", node not in inner

"""Which error codes the product raises and with which HTTP status, read from its syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.testkit.places import ROOT

KEPT = "Impossible"
"""An error that nobody is answered with: its code is kept as the state of a comparison."""


@cache
def statuses() -> dict[str, int]:
    """HTTP status by the name of each class of the error tree."""
    found = {"HanseError": 500}
    classes = [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(4):  # a class may stand before the one it is made of
        for node in classes:
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in found:
                    found[node.name] = own_status(node) or found[base.id]
    return found


def own_status(node: ast.ClassDef) -> int | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "status":
            assert isinstance(line.value, ast.Constant)
            return int(str(line.value.value))
    return None


@cache
def trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "connector").rglob("*.py")))


def literals(node: ast.expr) -> Iterator[str]:
    """What a code may be where it is written out, on either side of a condition too."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


@cache
def raised() -> dict[str, frozenset[int]]:
    """The statuses of each code, from every place where an error of the tree is made with its code written out."""
    found: dict[str, set[int]] = {}
    classes = statuses().keys() - {KEPT}
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes:
                for code in literals(node.args[0]) if node.args else ():
                    found.setdefault(code, set()).add(statuses()[node.func.id])
    return {code: frozenset(some) for code, some in found.items()}

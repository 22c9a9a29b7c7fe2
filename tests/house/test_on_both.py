"""Whoever asks which database its towns live on runs on both: on SQLite alone half of it would never be seen."""

import ast
from collections.abc import Iterator

from tests.testkit.places import ROOT

ASKS = "towns.db.dialect"
SAYS = ("on_both", "towns")
"""What one of the decorators names: the marker, or the databases themselves."""


def silent(source: str) -> Iterator[str]:
    """The tests of a module that ask and say neither."""
    for node in ast.parse(source).body if ASKS in source else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            said = " ".join(map(ast.unparse, node.decorator_list))
            if ASKS in ast.unparse(node) and not any(word in said for word in SAYS):
                yield node.name


def test_who_asks_for_the_database_runs_on_both() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    found = {file.name: [*silent(file.read_text(encoding="utf-8"))] for file in files}
    assert {name: tests for name, tests in found.items() if tests} == {}

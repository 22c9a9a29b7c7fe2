"""Whoever measures how soon something happens runs while nothing else does (decision 0039)."""

import ast
import re

from tests.testkit.places import ROOT

FILES = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if "load" not in path.parts)
BOUND_S = 60
"""A wait shorter than this is a measurement, unless its test says that it is alone."""


CLOCKS = ("monotonic", "perf_counter", "time")
LOOKED_AT = re.compile(rf"\.\s*(?:{'|'.join((*CLOCKS, 'timeout', 'wait_for'))})\b")
"""Without one of these names behind a dot there is nothing to find, and reading the syntax takes time itself."""


def measures(test: ast.AST) -> bool:
    """Whether it subtracts readings of a clock that others' work moves on."""
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and any(isinstance(part, ast.Attribute) and part.attr in CLOCKS for part in ast.walk(node))
        for node in ast.walk(test)
    )


def waits_shortly(test: ast.AST) -> bool:
    """Whether it gives up by a number of its own instead of by `patience.PATIENCE_S`."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("timeout", "wait_for")
        and isinstance(node.args[-1], ast.Constant)
        and 0.2 < node.args[-1].value < BOUND_S
        for node in ast.walk(test)
    )


def timed(source: str) -> list[object]:
    """What measures time or has a short bound, in a module without the marker."""
    if "pytest.mark.alone" in source or not LOOKED_AT.search(source):
        return []
    nodes = [node for node in ast.parse(source).body if measures(node) or waits_shortly(node)]
    return [getattr(node, "name", node.lineno) for node in nodes]


def test_what_is_timed_is_alone() -> None:
    """>> a clock's difference or a short bound in a test << the module or the test carries the marker `alone`."""
    found = {path.relative_to(ROOT).as_posix(): timed(path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: nodes for name, nodes in found.items() if nodes} == {}


def test_the_two_readings_find_what_they_look_for() -> None:
    """>> a measurement, a short bound, a patient one << found, found, not found."""
    assert measures(ast.parse("assert time.monotonic() - begun < 2"))
    assert waits_shortly(ast.parse("asyncio.timeout(5)"))
    assert waits_shortly(ast.parse("asyncio.wait_for(answer, 2.5)"))
    assert timed("async def test_it() -> None:\n    asyncio.timeout(5)\n") == ["test_it"]
    patient = ast.parse("asyncio.timeout(PATIENCE_S); time.monotonic() > deadline")
    assert not measures(patient)
    assert not waits_shortly(patient)

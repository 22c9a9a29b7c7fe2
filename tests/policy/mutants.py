"""Mutation testing of the policy room, by hand: `python -m tests.policy.mutants [--seconds N] [--every N] MODULE ...`.

Every mutant is one small change in one module of `connector/policy` (a comparison turned, `and` for `or`, a condition
negated, a number moved by one, a call of `any` for `all`, a statement left out). Its tests run in a forked process that
reads the changed source instead of the file, so nothing on the disk is ever touched. A mutant that no test notices
survives and is printed with its line; what survivors mean is judged in `connector/docs/mutants.md`.
"""

import argparse
import ast
import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
SLOWEST = 90
"""Seconds after which a mutant counts as noticed: it made something endless."""

NARROW = ("test_keeping.py", "test_narrow.py", "test_conflict.py")
TESTS = dict.fromkeys(("regions", "logic", "concepts", "encode", "keeping", "norms", "comparing", "narrow"), NARROW)
TESTS |= dict.fromkeys(("regions", "logic"), ("test_regions.py", "test_logic.py", *NARROW))
TESTS |= {"conflict": ("test_conflict.py",), "objections": ("test_objections.py",), "witness": NARROW}
ENGINE = (
    "test_operators.py",
    "test_evaluate.py",
    "test_program.py",
    "test_deontic.py",
    "test_duty.py",
    "test_properties.py",
)
TESTS |= dict.fromkeys(("checks", "deontic", "matching", "operators", "program", "ranges", "rules"), ENGINE)


class Mutant(NamedTuple):
    line: int
    change: str
    tree: ast.Module


_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_MIXED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Mult: ast.Add,
}  # fmt: skip
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}

Change = Callable[[], None]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed at this node: a word for it, and the change, which works on the node in place."""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _TURNED:
            yield f"{type(op).__name__} turned", lambda: node.ops.__setitem__(0, _TURNED[type(op)]())
        case ast.BoolOp(op=op):
            turned = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{type(op).__name__} turned", lambda: setattr(node, "op", turned)
        case ast.If(test=test) | ast.IfExp(test=test):
            yield "condition negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.BinOp(op=op) if type(op) in _MIXED:
            yield f"{type(op).__name__} turned", lambda: setattr(node, "op", _MIXED[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub()):
            yield (
                "sign dropped",
                lambda: (
                    setattr(node, "op", ast.UAdd())
                    if not isinstance(node.op, ast.Not)
                    else setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
                ),
            )
        case ast.Constant(value=bool() as value):
            yield f"{value} turned", lambda: setattr(node, "value", not value)
        case ast.Constant(value=int() as value):
            yield f"{value} + 1", lambda: setattr(node, "value", value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield f"{name} turned", lambda: setattr(node.func, "id", _CALLED[name])


def _dropped(node: ast.AST) -> Iterator[tuple[int, str, list[ast.stmt], int]]:
    """Statements that can be left out: calls, yields and leaps, but no docstring."""
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            for index, statement in enumerate(block):
                called = isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)
                if called or isinstance(statement, ast.Continue | ast.Break | ast.AugAssign):
                    yield statement.lineno, "statement left out", block, index


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    original = ast.parse(source)
    types = _annotations(original)
    for number, node in enumerate(ast.walk(original)):
        if id(node) in types:
            continue
        for which, (change, _) in enumerate(_changes(node)):
            tree = copy.deepcopy(original)
            list(_changes(list(ast.walk(tree))[number]))[which][1]()
            yield Mutant(getattr(node, "lineno", 0), change, ast.fix_missing_locations(tree))
        for which, (line, change, _, _) in enumerate(_dropped(node)):
            tree = copy.deepcopy(original)
            _, _, block, index = list(_dropped(list(ast.walk(tree))[number]))[which]
            block[index] = ast.Pass()
            yield Mutant(line, change, ast.fix_missing_locations(tree))


def _annotations(tree: ast.Module) -> set[int]:
    """Types are not run; a change in them means nothing."""
    spots: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg):
            spots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            spots.append(node.returns)
    return {id(part) for spot in spots if spot is not None for part in ast.walk(spot)}


class _Changed(importlib.machinery.SourceFileLoader):
    """Reads one module from a tree instead of its file."""

    tree: ast.Module

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.tree, self.path, "exec")


class _Finder:
    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self._module, self._path, self._tree = module, path, tree

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != self._module:
            return None
        loader = _Changed(fullname, str(self._path))
        loader.tree = self._tree
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def _child(module: str, path: Path, tree: ast.Module, tests: list[str]) -> int:
    import pytest

    sys.meta_path.insert(0, _Finder(module, path, tree))  # type: ignore[arg-type]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "--no-header", *tests]))


def noticed(module: str, path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Whether the tests fail with this source; one that hangs is noticed as well."""
    child = os.fork()
    if child == 0:
        try:
            code = _child(module, path, tree, tests)
        except BaseException:
            code = 3
        os._exit(1 if code else 0)
    end = time.monotonic() + SLOWEST
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def run(name: str, every: int, until: float) -> None:
    """Try the mutants of one module, all or a share of them, as long as there is time."""
    path = ROOT / "connector" / "policy" / f"{name}.py"
    found = list(mutants(path.read_text(encoding="utf-8")))
    random.Random(name).shuffle(found)
    chosen = found[::every]
    tests = [str(ROOT / "tests" / "policy" / test) for test in TESTS[name] if (ROOT / "tests/policy" / test).exists()]
    begun = time.monotonic()
    if noticed(f"connector.policy.{name}", path, ast.parse(path.read_text(encoding="utf-8")), tests):
        print(f"{name}: its tests fail without any change", flush=True)
        return
    print(f"{name}: {time.monotonic() - begun:.1f} s for its tests without any change", flush=True)
    survived, tried = [], 0
    for mutant in chosen:
        if time.monotonic() > until:
            break
        tried += 1
        if not noticed(f"connector.policy.{name}", path, mutant.tree, tests):
            survived.append(mutant)
    killed = tried - len(survived)
    print(f"{name}: {len(found)} mutants, {tried} tried, {killed} noticed, {len(survived)} survived", flush=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    for mutant in sorted(survived, key=lambda each: each.line):
        print(f"  {name}:{mutant.line} {mutant.change}: {lines[mutant.line - 1].strip()}", flush=True)


EXAMPLES = 15


def _prepare() -> None:
    """Load once, before the forks, what every run needs; a counterexample is enough, it need not be small."""
    import hypothesis
    import hypothesis.strategies
    import pytest

    import connector.storage

    given = hypothesis.settings.__init__

    def bounded(self: Any, parent: Any = None, **kwargs: Any) -> None:
        kwargs["max_examples"] = min(kwargs.get("max_examples", EXAMPLES), EXAMPLES)
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        given(self, parent, **{**kwargs, "database": None, "derandomize": True, "phases": phases})

    hypothesis.settings.__init__ = bounded  # type: ignore[method-assign]
    assert pytest
    assert connector.storage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.policy.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", default=sorted(TESTS), choices=[*sorted(TESTS), []])
    parser.add_argument("--seconds", type=int, default=600, help="for each module")
    parser.add_argument("--every", type=int, default=1, help="try every n-th mutant")
    args = parser.parse_args()
    _prepare()
    for name in args.modules:
        run(name, args.every, time.monotonic() + args.seconds)


if __name__ == "__main__":
    main()

"""What can be changed in a module, one thing at a time, and how a change gets into functions that are already loaded.

A change is small: a comparison turned, `and` for `or`, a condition negated, a number moved by one, `any` for `all`, a
statement left out. Types are left alone, because they are not run. `tests/mutants` tries the changes.
"""

import ast
import gc
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """`first` and `last`: the lines that a test must run to see anything of the change; `spot`: where in the tree."""

    line: int
    change: str
    first: int
    last: int
    spot: tuple[int, int, bool]


_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
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
_MIXED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Mult: ast.Add,
}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}

Change = Callable[[], None]


def _compared(node: ast.Compare, index: int) -> Change:
    return lambda: node.ops.__setitem__(index, _TURNED[type(node.ops[index])]())


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed at this node: a word for it, and the change, which works on the node in place."""
    match node:
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                if type(op) in _TURNED:
                    yield f"{type(op).__name__} turned", _compared(node, index)
        case ast.BoolOp(op=op):
            turned = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{type(op).__name__} turned", lambda: setattr(node, "op", turned)
        case ast.If(test=test) | ast.IfExp(test=test):
            yield "condition negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.BinOp(op=op) if type(op) in _MIXED:
            yield f"{type(op).__name__} turned", lambda: setattr(node, "op", _MIXED[type(op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield "sign dropped", lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
        case ast.UnaryOp(op=ast.Invert() | ast.USub()):
            yield "sign dropped", lambda: setattr(node, "op", ast.UAdd())
        case ast.Constant(value=bool() as value):
            yield f"{value} turned", lambda: setattr(node, "value", not value)
        case ast.Constant(value=int() as value):
            yield f"{value} + 1", lambda: setattr(node, "value", value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield f"{name} turned", lambda: setattr(node.func, "id", _CALLED[name])


def _dropped(node: ast.AST) -> Iterator[tuple[ast.stmt, list[ast.stmt], int]]:
    """Statements that can be left out: calls, yields and leaps, but no docstring."""
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            for index, statement in enumerate(block):
                called = isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)
                if called or isinstance(statement, ast.Continue | ast.Break | ast.AugAssign):
                    yield statement, block, index


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of the lines."""
    original = ast.parse(source)
    types, homes = _annotations(original), _homes(original)
    found: list[Mutant] = []
    for number, node in enumerate(ast.walk(original)):
        if id(node) in types:
            continue
        for which, (change, _) in enumerate(_changes(node)):
            found.append(Mutant(getattr(node, "lineno", 0), change, *homes[id(node)], (number, which, False)))
        for which, (statement, _, _) in enumerate(_dropped(node)):
            home = homes[id(statement)]
            found.append(Mutant(statement.lineno, "statement left out", *home, (number, which, True)))
    return sorted(found, key=lambda mutant: mutant.line)


def changed(source: str, mutant: Mutant) -> ast.Module:
    """The module with the change."""
    tree = ast.parse(source)
    number, which, dropped = mutant.spot
    node = list(ast.walk(tree))[number]
    if dropped:
        _, block, index = list(_dropped(node))[which]
        block[index] = ast.copy_location(ast.Pass(), block[index])
    else:
        list(_changes(node))[which][1]()
    return ast.fix_missing_locations(tree)


def _annotations(tree: ast.Module) -> set[int]:
    """Types are not run; a change in them means nothing."""
    spots: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg):
            spots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            spots.append(node.returns)
    return {id(part) for spot in spots if spot is not None for part in ast.walk(spot)}


def _homes(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """For each node the lines of its statement; of one with a body, those before the body."""
    found: dict[int, tuple[int, int]] = {}

    def visit(node: ast.AST, home: tuple[int, int]) -> None:
        if isinstance(node, ast.stmt | ast.match_case):
            start = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            body = getattr(node, "cases", None) or getattr(node, "body", None)
            end = getattr(node, "end_lineno", start)
            if body:
                inside = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
                end = max(start, inside.lineno - 1)
            home = start, end
        found[id(node)] = home
        for child in ast.iter_child_nodes(node):
            visit(child, home)

    visit(tree, (0, 0))
    return found


def _paired(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Every code object of `old` that is another one in `new`, with what stands in its place."""
    if old == new:
        return
    yield old, new
    mine = [const for const in old.co_consts if isinstance(const, CodeType)]
    theirs = [const for const in new.co_consts if isinstance(const, CodeType)]
    for one, other in zip(mine, theirs, strict=True):
        yield from _paired(one, other)


def _runs_once(old: CodeType, new: CodeType) -> bool:
    """Whether something changed that is only run while the module is loaded: its own lines or those of a class."""
    return any(_own(a) != _own(b) for a, b in _paired(old, new) if not a.co_flags & inspect.CO_NEWLOCALS)


def _own(code: CodeType) -> tuple[object, ...]:
    """What a code object does itself; those that it holds are compared by themselves."""
    inner = tuple(repr(const) for const in code.co_consts if not isinstance(const, CodeType))
    return code.co_code, inner, code.co_names, code.co_varnames, code.co_freevars


def patched(module: ModuleType, path: str, source: str, tree: ast.Module) -> Callable[[], None] | None:
    """Puts the change into all loaded functions of the module; None if it must be there when the module is loaded."""
    old, new = compile(source, path, "exec"), compile(tree, path, "exec")
    try:
        pairs = list(_paired(old, new))
        if not pairs or _runs_once(old, new):
            return None
    except ValueError:
        return None
    found: list[tuple[FunctionType, CodeType]] = []
    for each in loaded(module):
        for one, other in pairs:
            if each.__code__ == one:
                if one.co_freevars != other.co_freevars:
                    return None
                found.append((each, other))
    if not found:
        return None

    def apply() -> None:
        for function, code in found:
            function.__code__ = code

    return apply


_KEPT: dict[str, list[Any]] = {}


def loaded(module: ModuleType) -> list[Any]:
    """All functions of the module, also those inside others; asked before `gc.freeze`, which hides them."""
    if (found := _KEPT.get(module.__name__)) is None:
        everything = gc.get_objects()
        found = [f for f in everything if isinstance(f, FunctionType) and f.__globals__ is module.__dict__]
        _KEPT[module.__name__] = found
    return found

"""Every SQL statement of the product, read from its source: what stands at each `tx.one`, `tx.all` and `tx.run`.

A statement that is put together has several forms (with a lock or without, narrower or wider); all of them are given.
What only a call can say (how many names stand in an `IN`) is filled in by `SAMPLES`.
"""

import ast
import importlib
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from connector.foundation.storage.database import Dialect
from tests.testkit.places import ROOT

PACKAGE = ROOT / "connector"
METHODS = frozenset({"one", "all", "run"})
MOST_FORMS = 64
_ROWS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")


class Statement(NamedTuple):
    """`place` is `module.function`, as `exchange.contracts.store.case`."""

    place: str
    sql: str


class Unread(Exception):
    """A part of a statement that this reader cannot follow; `SAMPLES` has to say what may stand there."""


def statements(dialect: Dialect, samples: Mapping[str, tuple[str, ...]]) -> list[Statement]:
    """All of them, each form once. `samples` are by `place`, `place:expression`, or by the expression alone."""
    found: dict[Statement, None] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "tx." in text:
            reader = _Reader(path, dialect, samples)
            reader.visit(ast.parse(text))
            found |= dict.fromkeys(reader.found)
    return list(found)


class _Reader(ast.NodeVisitor):
    def __init__(self, path: Path, dialect: Dialect, samples: Mapping[str, tuple[str, ...]]) -> None:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self._name = name.removeprefix("connector.").removesuffix(".__init__")
        self._full, self._dialect, self._samples = name.removesuffix(".__init__"), dialect, samples
        self._functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        self.found: list[Statement] = []

    @property
    def place(self) -> str:
        return f"{self._name}.{self._functions[-1].name}" if self._functions else self._name

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Up to where this database has had its answer."""
        self._functions.append(node)
        for one in node.body:
            self.visit(one)
            if isinstance(one, ast.If) and isinstance(one.body[-1], ast.Return) and not self._need_not(one.test):
                break
        self._functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_If(self, node: ast.If) -> None:
        """Only the branch of this database, where the code asks which it is."""
        self.visit(node.test)
        for one in (*(node.body if self._may(node.test) else ()), *(node.orelse if self._need_not(node.test) else ())):
            self.visit(one)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr in METHODS
            and ast.unparse(called.value) in ("tx", "self._tx")
            and node.args
        ):
            forms = self._samples.get(self.place) or tuple(self._forms(node.args[0]))
            self.found += [Statement(self.place, form) for form in dict.fromkeys(forms) if _ROWS.match(form)]
        self.generic_visit(node)

    def _forms(self, node: ast.expr, deep: int = 0) -> list[str]:
        """What the expression may be. Raises Unread."""
        if (said := self._sample(node)) is not None:
            return list(said)
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return self._joined(parts, deep)
            case ast.FormattedValue(value=inner):
                return self._forms(inner, deep)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right], deep)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                taken = [*([body] if self._may(test) else []), *([orelse] if self._need_not(test) else [])]
                return [form for one in taken for form in self._forms(one, deep)]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=", "), attr="join")):
                return [":one, :another"]
            case ast.Call(func=ast.Name(id="for_update")):
                return [" FOR UPDATE"] if self._dialect == "postgres" else [""]
            case ast.Call(func=ast.Attribute(value=text, attr="format"), keywords=keywords):
                return self._filled(text, keywords, deep)
            case ast.Name(id=name) if deep < 8 and (assigned := self._assigned(name)):
                return [form for one in assigned for form in self._forms(one, deep + 1)]
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._constant(node)
        raise Unread(f"{self.place}: {ast.unparse(node)}")

    def _sample(self, node: ast.expr) -> tuple[str, ...] | None:
        text = ast.unparse(node)
        return self._samples.get(f"{self.place}:{text}", self._samples.get(text))

    def _joined(self, parts: list[ast.expr], deep: int) -> list[str]:
        every = itertools.product(*(dict.fromkeys(self._forms(part, deep)) for part in parts))
        return ["".join(one) for one in itertools.islice(every, MOST_FORMS)]

    def _filled(self, text: ast.expr, keywords: list[ast.keyword], deep: int) -> list[str]:
        names = [str(word.arg) for word in keywords]
        fillings = itertools.product(*(dict.fromkeys(self._forms(word.value, deep)) for word in keywords))
        patterns = self._forms(text, deep)
        return [
            pattern.format(**dict(zip(names, filling, strict=True))) for filling in fillings for pattern in patterns
        ]

    def _assigned(self, name: str) -> list[ast.expr]:
        """What the function, or the one around it, puts under that name; what is added to it counts as a form too."""
        for function in reversed(self._functions):
            found: list[ast.expr] = []
            for node in ast.walk(function):
                found += _values(node, name, found)
            if found:
                return found
        return []

    def _constant(self, node: ast.expr) -> list[str]:
        """A name of the module, or what stands in a table of it."""
        match node:
            case ast.Subscript(value=table, slice=ast.Attribute(attr="dialect")):
                return [str(self._value(table)[self._dialect])]
            case ast.Subscript(value=table):
                value = self._value(table)
                return [str(one) for one in (value.values() if isinstance(value, Mapping) else value)]
        value = self._value(node)
        if isinstance(value, str | int):
            return [str(value)]
        raise Unread(f"{self.place}: {ast.unparse(node)}")

    def _value(self, node: ast.expr) -> Any:
        module = importlib.import_module(self._full)
        match node:
            case ast.Name(id=name) if hasattr(module, name):
                return getattr(module, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if hasattr(module, name):
                return getattr(getattr(module, name), attribute)
        raise Unread(f"{self.place}: {ast.unparse(node)}")

    def _may(self, test: ast.expr) -> bool:
        """Whether the test may hold on this database."""
        match test:
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._may(one) for one in values)
            case ast.BoolOp(op=ast.Or(), values=values):
                return any(self._may(one) for one in values)
            case ast.Compare(left=ast.Attribute(attr="dialect"), ops=[op], comparators=[ast.Constant(value=name)]):
                return (name == self._dialect) is isinstance(op, ast.Eq)
        return True

    def _need_not(self, test: ast.expr) -> bool:
        """Whether it may fail there."""
        match test:
            case ast.BoolOp(op=ast.And(), values=values):
                return any(self._need_not(one) for one in values)
            case ast.BoolOp(op=ast.Or(), values=values):
                return all(self._need_not(one) for one in values)
            case ast.Compare(left=ast.Attribute(attr="dialect")):
                return not self._may(test)
        return True


def _values(node: ast.AST, name: str, before: list[ast.expr]) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _of_target(target, value, name)
        case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
            yield value
        case ast.AugAssign(target=ast.Name(id=found), op=ast.Add(), value=value) if found == name:
            for one in list(before):
                yield ast.BinOp(left=one, op=ast.Add(), right=value)
        case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
            yield value
        case (
            ast.For(target=ast.Name(id=found), iter=ast.Tuple(elts=values))
            | ast.comprehension(target=ast.Name(id=found), iter=ast.Tuple(elts=values))
        ) if found == name:
            yield from values


def _of_target(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    match target, value:
        case ast.Name(id=found), _ if found == name:
            yield value
        case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
            for one, said in zip(names, values, strict=True):
                yield from _of_target(one, said, name)

"""Which error codes the product raises and with which HTTP status, read from its syntax trees."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from tests.testkit.places import ROOT

KEPT = "Impossible"
"""An error that nobody is answered with: its code is kept as the state of a comparison."""
_BRACKET = re.compile(r"[()]|#[^\n]*|\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
"""Round ones, and what may hold some that count for nothing: comments and texts."""
_CLASS = re.compile(r"^class (\w+)\(([^)]*)\)", re.MULTILINE)


@cache
def statuses() -> dict[str, int]:
    """HTTP status by the name of each class of the error tree."""
    found = {"HanseError": 500}
    classes = [node for text in _deriving() for node in tree(text).body if isinstance(node, ast.ClassDef)]
    for _ in range(4):  # a class may stand before the one it is made of
        for node in classes:
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in found:
                    found[node.name] = own_status(node) or found[base.id]
    return found


def _deriving() -> set[str]:
    """The texts with a class that may be of the tree, by the names in their first lines."""
    lines = [
        (text, name, {*re.findall(r"\w+", bases)}) for text in texts().values() for name, bases in _CLASS.findall(text)
    ]
    names = {"HanseError"}
    for _ in range(4):
        names |= {name for _, name, bases in lines if bases & names}
    return {text for text, name, _ in lines if name in names}


def own_status(node: ast.ClassDef) -> int | None:
    for line in node.body:
        named = line.targets[0] if isinstance(line, ast.Assign) else None
        if isinstance(line, ast.Assign) and isinstance(named, ast.Name) and named.id == "status":
            assert isinstance(line.value, ast.Constant)
            return int(str(line.value.value))
    return None


@cache
def texts() -> dict[str, str]:
    paths = sorted((ROOT / "connector").rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@cache
def tree(text: str) -> ast.Module:
    """Only of what is looked at: the whole product takes seconds."""
    return ast.parse(text)


def literals(node: ast.expr) -> Iterator[str]:
    """What a code may be where it is written out, on either side of a condition too."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


class Made(NamedTuple):
    """One place where an error of the tree is made."""

    where: str
    cls: str
    call: ast.Call


@cache
def made() -> tuple[Made, ...]:
    """Every such place in the package. Only what stands in its brackets is parsed: whole files take seconds."""
    making = re.compile(rf"(?<![\w.`])(?<!class )({'|'.join(sorted(statuses().keys() - {KEPT}))})\(")
    found = []
    for name, text in texts().items():
        for start in making.finditer(text):
            if text[text.rfind("\n", 0, start.start()) + 1 : start.start()].lstrip().startswith("case "):
                continue
            with suppress(SyntaxError):  # a sentence about one
                call = ast.parse(text[start.start() : _closed(text, start.end())], mode="eval").body
                if isinstance(call, ast.Call):
                    found.append(Made(f"{name}:{text.count(chr(10), 0, start.start()) + 1}", start[1], call))
    return tuple(found)


def _closed(text: str, at: int) -> int:
    """Behind the bracket that closes the one before this place."""
    depth = 1
    for part in _BRACKET.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if not depth:
            return part.end()
    return len(text)


@cache
def raised() -> dict[str, frozenset[int]]:
    """The statuses of each code, from every place where an error of the tree is made with its code written out."""
    found: dict[str, set[int]] = {}
    for one in made():
        for code in literals(one.call.args[0]) if one.call.args else ():
            found.setdefault(code, set()).add(statuses()[one.cls])
    return {code: frozenset(some) for code, some in found.items()}

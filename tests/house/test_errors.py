"""The handbook's list of error codes is drawn from the code that raises them and from the catalogues, and is current.

`python tests/house/test_errors.py` draws it anew.
"""

import ast
from collections.abc import Iterator
from functools import cache

from connector.language import catalogue
from tests.testkit.places import ROOT

PAGE = ROOT / "connector/docs/errors.md"
KEPT = "Impossible"
"""An error that nobody is answered with: its code is kept as the state of a comparison."""
HEAD = """\
# Error codes

Every answer that is an error has a `code`. It is stable: programs branch on it, people read the sentence beside it
(`reason`, in German and English). The management surface answers with `application/problem+json` (RFC 9457: `type`,
`status`, `code`, `reason`, and where known `pointer` and `request`), partners get the same code in the form of the
Dataspace Protocol, the command line shows the sentence. Which codes a route answers with stands in its OpenAPI
description (`hanse api`, `GET /api/openapi.json`).

Drawn from the code and the message catalogues by `python tests/house/test_errors.py`; a test fails when they differ. A
code with several statuses is raised for different reasons: what a caller can mend is 4xx, what has to wait is 503.
`400` as a word of ours to our own operator, or to a partner that broke the protocol, says who has to mend it by the
surface on which it is said. A code without a status is a sentence inside another answer.

| Code | Status | Sentence |
|---|---|---|
"""


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
    for tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in statuses().keys() - {KEPT}
            ):
                for code in literals(node.args[0]) if node.args else ():
                    found.setdefault(code, set()).add(statuses()[node.func.id])
    return {code: frozenset(some) for code, some in found.items()}


def page() -> str:
    """The whole page: every sentence of an error, with the statuses that its code is raised with."""
    said = {key.removeprefix("error."): text for key, text in catalogue("en").items() if key.startswith("error.")}
    lines = [
        f"| `{code}` | {', '.join(map(str, sorted(raised().get(code, ())))) or '–'} | {cell(said[code])} |"
        for code in sorted(said)
    ]
    return HEAD + "\n".join(lines) + "\n"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/house/test_errors.py"


def test_every_code_that_is_raised_has_a_sentence() -> None:
    assert {code for code in raised() if f"error.{code}" not in catalogue("de")} == set()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Tests mirror the package: whoever looks for the test of a rule goes by the name of the module that holds it.

`connector/SLICE/MODULE.py` is tested in `tests/SLICE/test_MODULE.py`, and a further aspect of it in
`test_MODULE_ASPECT.py` beside that. What several test files need stands in a module that is no test.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testkit.places import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "connector"
ABOUT_THE_WHOLE = frozenset(
    {"cities", "conformance", "fuzz", "house", "load", "nasty", "plugins", "suites", "testkit", "vocab"}
)
"""Folders whose tests are about the product or the repository, and those that are the tools of tests."""
SHORT = 40
"""A module with no more lines of code than this is proven by whoever uses it."""
PROVED_BY: dict[str, str] = {}
"""Modules without a test of their own name: the test that fails if they are wrong."""


def mirrored() -> list[Path]:
    """The test files that are about one module each."""
    found = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return sorted(path for path in found if path.parts[0] not in ABOUT_THE_WHOLE)


def module_of(test: Path) -> str | None:
    """The module, as `SLICE/MODULE.py`, with the longest name that the name of the test file begins with."""
    words = test.stem.removeprefix("test_").split("_")
    names = ("_".join(words[:count]) for count in range(len(words), 0, -1))
    found = (test.with_name(f"{name}.py") for name in names)
    return next((path.as_posix() for path in found if (PACKAGE / path).is_file()), None)


def lines_of_code(module: Path) -> int:
    """Lines on which something of the program begins: no blank lines, no comments, no closing brackets."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return len({node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)})


def with_logic() -> Iterator[str]:
    """The modules that need a test; the demonstration is one, and each test is run on a tree of its own."""
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.name != "__init__.py" and not name.startswith("cli/demo/") and lines_of_code(path) > SHORT:
            yield name


def borrowed(path: Path) -> Iterator[str]:
    """Test modules that a file imports, or names of which it imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("test", mirrored(), ids=Path.as_posix)
def test_a_test_file_is_named_after_its_module(test: Path) -> None:
    assert module_of(test), f"no module connector/{test.parent}/… that {test.name} is named after"


def test_a_module_with_logic_has_a_test_of_its_name() -> None:
    """>> a new module << its test, or a row that says which other test proves it."""
    tested = {module_of(test) for test in mirrored()}
    assert sorted(set(with_logic()) - tested - set(PROVED_BY)) == []


@pytest.mark.parametrize("module", PROVED_BY)
def test_what_proves_a_module_exists(module: str) -> None:
    """A row goes when its module gets a test of its own, or is gone."""
    assert (PACKAGE / module).is_file()
    assert (TESTS / PROVED_BY[module]).is_file()
    assert module not in {module_of(test) for test in mirrored()}


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_nothing_is_imported_from_a_test_module(path: Path) -> None:
    """What two files need has a name of its own: whoever changes a test changes no other."""
    tests = {f"tests.{'.'.join(test.relative_to(TESTS).with_suffix('').parts)}" for test in TESTS.rglob("test_*.py")}
    assert [name for name in borrowed(path) if name in tests or name.rpartition(".")[0] in tests] == []

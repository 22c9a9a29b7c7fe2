"""Imports go downwards only, and the kernel is pure (spec/architecture.md 1.1, 1.2)."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.testkit.places import ROOT

CANONICAL = ROOT / "connector/foundation/canonical_json.py"
PURE = sorted(
    [*(ROOT / "connector/kernel/protocol").rglob("*.py"), *(ROOT / "connector/kernel/policy").rglob("*.py"), CANONICAL]
)
OWN = (
    "connector.kernel.protocol",
    "connector.kernel.policy",
    "connector.foundation.zone",
    "connector.foundation.canonical_json",
    "connector.foundation.normal_form",
)
IMPURE = {
    "time",
    "random",
    "secrets",
    "uuid",
    "logging",
    "asyncio",
    "socket",
    "os",
    "subprocess",
    "threading",
    "sqlite3",
}
VERIFIER = sorted((ROOT / "connector/verify").rglob("*.py"))
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path: Path) -> set[str]:
    """Dotted names of what a file imports."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level] if node.level else ()
            names.add(".".join([*package, *([node.module] if node.module else [])]))
    return names


def test_import_linter_keeps_every_contract() -> None:
    done = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_kernel_is_pure() -> None:
    """Only msgspec, the constant zone, canonical JSON, normal forms and harmless parts of Python; nothing awaits."""
    assert len(PURE) > 50
    for path in PURE:
        for name in imported(path):
            top = name.partition(".")[0]
            own = name.startswith(OWN)
            assert own or top == "msgspec" or (top in sys.stdlib_module_names and top not in IMPURE), (path, name)
        kinds = {type(node) for node in nodes(path)}
        assert not kinds & {ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith}, path


def test_the_verifier_stands_alone() -> None:
    """An auditor needs `cryptography` and Python, nothing of ours."""
    assert len(VERIFIER) > 30
    for path in VERIFIER:
        for name in imported(path):
            own, top = name.startswith("connector.verify"), name.partition(".")[0]
            assert own or top == "cryptography" or top in sys.stdlib_module_names, (path, name)

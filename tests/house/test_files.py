"""The shape of the house: what lies where, how long files get, which names and words are not used."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.testkit.places import ROOT

LONGEST = 600
"""A stop, not a goal: split by noun where a reader loses the thread, and never into crumbs."""
TOP = {
    ".ci",
    ".gitignore",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "certs",
    "compose",
    "connector",
    "hanse",
    "npm",
    "policies",
    "pyproject.toml",
    "tests",
    "vocab",
}
NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "lib"}
WORDS = re.compile("TO" + r"DO|FIX" + r"ME|\bXX" + r"X\b|/wo" + r"rk/|/ho" + r"me/\w|/Us" + "ers/")
SOURCES = sorted([*(ROOT / "connector").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def named(path: Path) -> str:
    """The path as the test's id."""
    return path.relative_to(ROOT).as_posix()


def test_a_source_file_is_introduced() -> None:
    others = [path for path in SOURCES if not re.match(r'"""[^\s"]', path.read_text("utf-8"))]
    assert [named(path) for path in others if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_the_formatter_writes_every_line() -> None:
    kept = re.compile(r"#\s*fmt:" + r"\s*(skip|off)")
    assert [named(path) for path in SOURCES if kept.search(path.read_text(encoding="utf-8"))] == []


def test_a_source_file_is_no_longer_than_a_reader_can_follow() -> None:
    lines = {named(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert {name: count for name, count in lines.items() if count >= LONGEST} == {}


def test_a_name_says_what_is_in_it() -> None:
    parts = {named(path): {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} for path in SOURCES}
    assert [name for name, words in parts.items() if words & NAMES] == []


def tracked() -> list[Path]:
    """The files of the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: apt-get install git, then clone the repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def test_nothing_else_lies_at_the_top() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_file_holds_a_forbidden_word_or_a_private_key() -> None:
    """No open ends, no paths of one machine, no key."""
    found = []
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if WORDS.search(text) or re.search(r"BEGIN (EC |RSA )?PRIVATE KEY-----\n[A-Za-z0-9+/]{60}", text):
            found.append(named(path))
    assert not found

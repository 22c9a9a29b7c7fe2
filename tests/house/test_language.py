"""The message catalogues are complete: both languages, the same placeholders, a sentence for every error code."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.language import catalogue
from connector.language.rooms import flat_keys
from tests.testkit.places import ROOT

ERRORS = {"PeerError", "Unauthenticated", "Unknown", "Mistake", "Refusal", "Unavailable", "Defect"}


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name.partition(".")[0] for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def folders() -> list[Path]:
    """Every folder that holds a catalogue per language."""
    return sorted({path.parents[1] for path in (ROOT / "connector").rglob("de/*.toml")})


@pytest.mark.parametrize("folder", folders(), ids=lambda path: path.parent.name)
def test_english_says_all_that_german_says(folder: Path) -> None:
    """Same files, same keys, same placeholders; no empty sentence."""
    assert [path.name for path in sorted(folder.glob("de/*.toml"))] == [
        p.name for p in sorted(folder.glob("en/*.toml"))
    ]
    for german in folder.glob("de/*.toml"):
        de = flat_keys(tomllib.loads(german.read_text(encoding="utf-8")))
        en = flat_keys(tomllib.loads((folder / "en" / german.name).read_text(encoding="utf-8")))
        assert de.keys() == en.keys(), german.name
        assert {k: placeholders(v) for k, v in de.items()} == {k: placeholders(v) for k, v in en.items()}, german.name
        assert all([*de.values(), *en.values()]), german.name


class Raised(NamedTuple):
    """One place where an error of the tree is made with a literal code."""

    where: str
    code: str
    facts: set[str]


@cache
def raised() -> tuple[Raised, ...]:
    """Every such place in the package."""
    return tuple(_raised())


def _raised() -> Iterator[Raised]:
    made = re.compile(rf"\b(?:{'|'.join(sorted(ERRORS))})\(")
    for path in sorted((ROOT / "connector").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if made.search(text) else ():
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args
            ):
                continue
            if isinstance(code := node.args[0], ast.Constant) and all(keyword.arg for keyword in node.keywords):
                facts = {str(keyword.arg) for keyword in node.keywords} - {"reasons"}
                yield Raised(f"{path.relative_to(ROOT)}:{node.lineno}", str(code.value), facts)


def test_every_error_code_has_a_sentence() -> None:
    missing = [f"{one.where} {one.code}" for one in raised() if f"error.{one.code}" not in catalogue("de")]
    assert not missing


def test_every_placeholder_of_an_error_is_filled() -> None:
    """A sentence must not ask for a fact that the place which raises it does not give."""
    said = catalogue("de")
    short = [
        f"{one.where} {one.code}: {sorted(missing)}"
        for one in raised()
        if (missing := placeholders(said.get(f"error.{one.code}", "")) - one.facts)
    ]
    assert not short


def programs() -> list[Path]:
    """The package, and the programs of a checkout, which speak through its catalogues too."""
    tests = ROOT / "tests"
    folders = (ROOT / "connector", tests / "conformance", tests / "suites")
    found = [path for folder in folders for path in folder.rglob("*.py") if not path.stem.startswith("test_")]
    return [*sorted(found), tests / "bench.py"]


def spoken() -> tuple[set[str], re.Pattern[str]]:
    """What may be said: every literal, and a pattern for the keys that are put together from parts."""
    literal, built = set(), []
    for path in programs():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literal.add(node.value)
            elif isinstance(node, ast.JoinedStr) and (key := _key(node)):
                built.append(key)
    for template in (ROOT / "connector/web").rglob("*.html"):  # what a template says stands in quotes in it
        literal |= set(re.findall(r"""["']([a-z][\w.-]*)["']""", template.read_text(encoding="utf-8")))
    prefixes = {text for text in literal if re.fullmatch(r"[a-z]+([.-][a-z]+)*\.", text)} - {
        "cli.",
        "error.",
        "cli.help.",
    }
    built += [re.escape(prefix) + ".+" for prefix in prefixes]
    return literal, re.compile("|".join(sorted(set(built))))


def _key(text: ast.JoinedStr) -> str:
    """The pattern of a key that begins with the name of its room; "" for any other text."""
    parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in text.values]
    room = str(text.values[0].value) if isinstance(text.values[0], ast.Constant) else ""
    return "".join(parts) if re.match(r"[a-z-]+\.", room) and room not in ("error.", "cli.", "cli.help.") else ""


def test_no_sentence_is_left_over() -> None:
    """A sentence that nobody says is a sentence that nobody keeps true. Help texts: `tests/cli/test_usage.py`."""
    literal, built = spoken()
    left = [
        key
        for key in catalogue("de")
        if not key.startswith("cli.help.")
        and not any(
            name in literal or built.fullmatch(name)
            for name in (key, key.removeprefix("error."), key.removeprefix("cli."))
        )
    ]
    assert not left


def test_no_file_speaks_for_another_room() -> None:
    """A key stands in one file only; otherwise the later file would win silently."""
    for lang in ("de", "en"):
        seen: dict[str, str] = {}
        for path in sorted((ROOT / "connector/language" / lang).glob("*.toml")):
            for key in flat_keys(tomllib.loads(path.read_text(encoding="utf-8"))):
                assert key not in seen, f"{key} in {path.name} and {seen[key]}"
                seen[key] = path.name

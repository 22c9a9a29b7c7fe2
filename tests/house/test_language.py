"""The message catalogues are complete: both languages, the same placeholders, no sentence that nobody says.

That every error has its sentence, and every sentence of an error its facts, stands in `test_errors.py`.
"""

import ast
import re
import string
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.foundation.language import catalogue
from connector.foundation.language.rooms import flat_keys
from tests.testkit.places import ROOT

QUOTED, BUILT = re.compile(r'"([a-z][\w.-]*)"'), re.compile(r'\bf"([a-z-]+\.[^"]*)"')


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


def programs() -> list[Path]:
    """The package, and the programs of a checkout, which speak through its catalogues too."""
    tests = ROOT / "tests"
    folders = (ROOT / "connector", tests / "conformance", tests / "suites")
    found = [path for folder in folders for path in folder.rglob("*.py") if not path.stem.startswith("test_")]
    return [*sorted(found), tests / "bench.py"]


def quoted() -> tuple[set[str], set[str]]:
    """What may be said: every word in quotes, and a pattern for each key that is put together from parts."""
    literal, built = set(), set()
    for path in programs():
        text = path.read_text(encoding="utf-8")
        literal |= set(QUOTED.findall(text))
        for key in BUILT.findall(text):
            built.add(_key([None if part.startswith("{") else part for part in re.split(r"(\{[^{}]*\})", key)]))
    return literal, built - {""}


def written() -> tuple[set[str], set[str]]:
    """The same as a compiler reads it, so that nothing counts which only a comment says."""
    literal, built = set(), set()
    for path in programs():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literal.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                built.add(_key([str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]))
    return literal, built - {""}


def _key(parts: list[str | None]) -> str:
    """The pattern of a key that begins with the name of its room; "" for any other text. None is what varies."""
    room = parts[0] or ""
    pattern = "".join(".+" if part is None else re.escape(part) for part in parts)
    return pattern if re.match(r"[a-z-]+\.", room) and room not in ("error.", "cli.", "cli.help.") else ""


def spoken(literal: set[str], built: set[str]) -> tuple[set[str], re.Pattern[str]]:
    """With what templates say, and with the rooms that stand alone, to which a key is added."""
    said = set(literal)
    for template in (ROOT / "connector/surfaces/web").rglob("*.html"):  # what a template says stands in quotes in it
        said |= set(re.findall(r"""["']([a-z][\w.-]*)["']""", template.read_text(encoding="utf-8")))
    rooms = {text for text in said if re.fullmatch(r"[a-z]+([.-][a-z]+)*\.", text)} - {"cli.", "error.", "cli.help."}
    return said, re.compile("|".join(sorted(built | {re.escape(room) + ".+" for room in rooms})))


@pytest.mark.parametrize("read", [quoted, pytest.param(written, marks=pytest.mark.long)])
def test_no_sentence_is_left_over(read: Callable[[], tuple[set[str], set[str]]]) -> None:
    """A sentence that nobody says is a sentence that nobody keeps true. Help texts: `tests/cli/test_usage.py`."""
    literal, built = spoken(*read())
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
        for path in sorted((ROOT / "connector/foundation/language" / lang).glob("*.toml")):
            for key in flat_keys(tomllib.loads(path.read_text(encoding="utf-8"))):
                assert key not in seen, f"{key} in {path.name} and {seen[key]}"
                seen[key] = path.name

"""What a sentence or a page tells people to type exists: commands and switches, in both languages."""

import argparse
import re
from pathlib import Path

import pytest

from connector.cli.main import parser
from connector.foundation.language import catalogue
from tests.testkit.places import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "connector/docs").glob("*.md"))]
Tree = dict[str, "Tree"]


def tree(of: argparse.ArgumentParser) -> Tree:
    """The commands below a command."""
    inner = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: tree(command) for action in inner for name, command in action.choices.items()}


def switches(of: argparse.ArgumentParser) -> set[str]:
    """The switches of a command and of all below it."""
    found = {name for action in of._actions for name in action.option_strings}
    inner = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    return found.union(*(switches(command) for action in inner for command in action.choices.values()))


COMMANDS, SWITCHES = tree(parser("en")), switches(parser("en"))


def unknown(text: str) -> list[str]:
    """Commands in code or quotation marks that the command line does not have."""
    wrong = []
    for first, second in re.findall(r"[`“„\"]hanse (?:--\w+ )*([a-z][\w-]*)(?: ([a-z][\w-]*))?", text):
        below = COMMANDS.get(first)
        if below is None or (below and second and second not in below):
            wrong.append(f"{first} {second}".strip())
    return wrong


@pytest.mark.parametrize("lang", ["de", "en"])
def test_sentences_name_commands_and_switches_that_exist(lang: str) -> None:
    """<< “hanse …” and --… in every sentence of the catalogue."""
    assert {key: unknown(text) for key, text in catalogue(lang).items() if unknown(text)} == {}
    named = {one for text in catalogue(lang).values() for one in re.findall(r"(?<![\w-])--[a-z][\w-]*", text)}
    assert named - SWITCHES == set()


STEWARDS = (
    "accounts",
    "api",
    "approvals",
    "catalogue",
    "contracts",
    "duties",
    "endings",
    "peer",
    "policy",
    "reading",
    "search",
    "transfer",
    "web",
)
"""Rooms whose refusals people read at the desk, too: a switch or a command that helps stands in `cli.hint.CODE`."""
OPERATORS = ("error.accounts.unknown-login", "error.api.no-token", "error.catalogue.shapes-")
"""Said on the command line, or to a program, alone."""


@pytest.mark.parametrize("lang", ["de", "en"])
def test_what_the_desk_shows_names_no_command(lang: str) -> None:
    told = [
        key
        for key, text in catalogue(lang).items()
        if key.startswith(tuple(f"error.{room}." for room in STEWARDS))
        and not key.startswith(OPERATORS)
        and re.search(r"(?<![\w-])--[a-z]|\bhanse [a-z]", text)
    ]
    assert told == []
    hints = [key.removeprefix("cli.hint.") for key in catalogue(lang) if key.startswith("cli.hint.")]
    assert [code for code in hints if f"error.{code}" not in catalogue(lang)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_commands_that_exist(page: Path) -> None:
    assert unknown(page.read_text(encoding="utf-8")) == []


def test_an_unknown_command_is_noticed() -> None:
    """The pattern finds what it looks for."""
    assert unknown("run “hanse participant revoke SLUG”, `hanse nothing` or `hanse --json participant list`") == [
        "participant revoke",
        "nothing",
    ]

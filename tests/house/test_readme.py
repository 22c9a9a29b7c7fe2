"""The README leads to what is there."""

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from connector.cli.main import parser
from connector.verify.bundle import verify_bundle
from tests.testkit.places import ROOT
from tests.verify.forge import Case

README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 150
"""Lines; more of it is a page of the handbook."""
LINKS = sorted(set(re.findall(r"\]\(([^):#]+)\)", README + (ROOT / "SECURITY.md").read_text(encoding="utf-8"))))
TYPED = README + (ROOT / "connector/docs/second-operator.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\./hanse ((?:dev|participant|space) \w+|(?!demo|test)\w+)(.*?)(?:\s#.*)?$", TYPED, re.MULTILINE
)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_a_file_or_folder(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(("command", "rest"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_is_one_that_the_command_line_understands(command: str, rest: str) -> None:
    """Argparse leaves by SystemExit if it does not."""
    assert parser("en").parse_args([*command.split(), *shlex.split(rest)]).run


def test_it_is_read_in_one_sitting() -> None:
    assert README.count("\n") <= LONGEST


def test_every_step_of_the_demonstration_is_shown() -> None:
    assert len(re.findall(r"^ ?\d+/10 ", README, re.MULTILINE)) == 10


def commands(of: argparse.ArgumentParser, *path: str) -> Iterator[str]:
    """Every command of the command line that does something, with its words."""
    inner = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield " ".join(path)
    for action in inner:
        for name, command in action.choices.items():
            yield from commands(command, *path, name)


def test_every_command_is_told_somewhere() -> None:
    """In the README or a page of the handbook; revoke-key, csr and seven more were in none."""
    pages = [README, *(page.read_text(encoding="utf-8") for page in (ROOT / "connector/docs").glob("*.md"))]
    told = "\n".join(page for page in pages if not page.startswith("# Changelog"))
    missing = [name for name in commands(parser("en")) if not re.search(rf"hanse {re.escape(name)}\b", told)]
    assert missing == []


def test_the_number_of_checks_is_that_of_a_contract_like_it() -> None:
    """Bug: a check was added, and the demonstration in the README still told of fourteen."""
    case = Case()
    checks = verify_bundle(case.bundle(), case.roots).checks
    assert f"BESTANDEN: {len(checks)} Prüfungen" in README

"""The README leads to what is there."""

import re
from pathlib import Path

import pytest

from connector.cli.main import parser

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = sorted(set(re.findall(r"\]\(([^):#]+)\)", README)))
COMMANDS = re.findall(r"^\./hanse ((?:dev|participant) \w+|(?!demo|test)\w+)(.*?)(?:\s#.*)?$", README, re.MULTILINE)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_a_file_or_folder(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(("command", "rest"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_is_one_that_the_command_line_understands(command: str, rest: str) -> None:
    """Argparse leaves by SystemExit if it does not."""
    assert parser("en").parse_args([*command.split(), *rest.split()]).run


def test_every_step_of_the_demonstration_is_shown() -> None:
    assert len(re.findall(r"^ ?\d+/10 ", README, re.MULTILINE)) == 10

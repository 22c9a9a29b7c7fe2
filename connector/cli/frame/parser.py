"""Argparse in German and English: every help text comes from the message catalogues, argparse's own words as well.

The help of argument `x` of command `c` is the message `cli.help.c.x`; the command's own line is `cli.help.c.about`.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from connector.language import say

# What argparse says about wrong usage -> our message and the names of its groups. Anything else is shown as it comes.
_COMPLAINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"the following arguments are required: (?P<what>.+)"), "cli.usage.required"),
    (re.compile(r"unrecognized arguments: (?P<what>.+)"), "cli.usage.unrecognized"),
    (
        re.compile(r"argument (?P<name>.+?): invalid choice: (?P<what>.+?) \(choose from (?P<choices>.+)\)"),
        "cli.usage.choice",
    ),
    (re.compile(r"argument (?P<name>.+?): expected (?:one|at least one) argument"), "cli.usage.value"),
    (re.compile(r"argument (?P<name>.+?): invalid \w+ value: (?P<what>.+)"), "cli.usage.invalid"),
    (re.compile(r"argument (?P<name>.+?): not allowed with argument (?P<what>.+)"), "cli.usage.together"),
)


def complaint(message: str, lang: str) -> str:
    """Argparse's English complaint in the chosen language."""
    for pattern, key in _COMPLAINTS:
        if found := pattern.fullmatch(message):
            return say(key, lang, **found.groupdict())
    return message


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with a translated `usage:`."""

    lang = "de"

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, say("cli.usage.usage", self.lang) if prefix is None else prefix)


class _German(_Formatter):
    lang = "de"


class _English(_Formatter):
    lang = "en"


_FORMATTERS: Mapping[str, type[_Formatter]] = {"de": _German, "en": _English}


class Words(argparse.ArgumentParser):
    """A parser that finds its texts by the name of its command."""

    def __init__(self, *, lang: str, topic: str = "", **options: Any) -> None:
        self.lang = lang
        self.topic = topic
        options["description"] = say(f"cli.help.{topic or 'hanse'}.about", lang)
        super().__init__(add_help=False, formatter_class=_FORMATTERS[lang], allow_abbrev=False, **options)
        self._places = self.add_argument_group(say("cli.usage.arguments", lang))
        self._switches = self.add_argument_group(say("cli.usage.options", lang))
        self._switches.add_argument("-h", "--help", action="help", help=say("cli.help.common.help", lang))

    def word(self, *flags: str, common: bool = False, **options: Any) -> None:
        """Add an argument; its help is looked up by its long name."""
        long = flags[-1].lstrip("-").replace("-", "_")
        text = say(f"cli.help.{'common' if common else self.topic or 'hanse'}.{long}", self.lang)
        group = self._switches if flags[0].startswith("-") else self._places
        group.add_argument(*flags, help=text, **options)

    def sure(self) -> None:
        """`--yes` of commands that ask before they do what cannot be taken back."""
        self.word("--yes", common=True, action="store_true")

    def commands(self, dest: str) -> "argparse._SubParsersAction[Words]":
        """Room for sub-commands."""
        return self.add_subparsers(
            title=say("cli.usage.commands", self.lang),
            dest=dest,
            metavar=say("cli.usage.command", self.lang),
            required=True,
        )

    def command(self, places: "argparse._SubParsersAction[Words]", name: str) -> "Words":
        """A sub-command of this one; its line in the list is the same as its description."""
        full = f"{self.topic}.{name}" if self.topic else name
        made = places.add_parser(name, lang=self.lang, topic=full, help=say(f"cli.help.{full}.about", self.lang))
        made.common(top=False)
        return made

    def common(self, *, top: bool) -> None:
        """The options of every command; they may stand before and after its name, so only the top has defaults."""
        nothing = None if top else argparse.SUPPRESS
        self.word("--data", common=True, metavar="DIR", default=nothing)
        self.word("--lang", common=True, choices=("de", "en"), default=nothing)
        self.word("--json", common=True, action="store_true", default=False if top else argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {complaint(message, self.lang)}\n")

"""Argparse in German and English: every help text comes from the message catalogues, argparse's own words as well.

The help of argument `x` of command `c` is the message `cli.help.c.x`; the command's own line is `cli.help.c.about`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from connector.foundation.language import say

_SAID: Mapping[str, str] = {
    "usage: ": "usage",
    "the following arguments are required: %s": "required",
    "unrecognized arguments: %s": "unrecognized",
    "argument %(argument_name)s: %(message)s": "argument",
    "invalid choice: %(value)r (choose from %(choices)s)": "choice",
    "expected one argument": "value",
    "expected at least one argument": "value",
    "invalid %(type)s value: %(value)r": "invalid",
    "not allowed with argument %s": "together",
}
"""What argparse has translated before it fills it -> our message under `cli.usage`, with the same places to fill."""


def translate(lang: str) -> None:
    """Argparse takes its words from gettext by this name; what we do not know is shown as it comes."""
    vars(argparse)["_"] = lambda text: say(f"cli.usage.{_SAID[text]}", lang) if text in _SAID else text


class Words(argparse.ArgumentParser):
    """A parser that finds its texts by the name of its command."""

    def __init__(self, *, lang: str, topic: str = "", **options: Any) -> None:
        self.lang = lang
        self.topic = topic
        self.helped: list[str] = []
        translate(lang)
        options["description"] = say(f"cli.help.{topic or 'hanse'}.about", lang)
        super().__init__(
            add_help=False, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )
        self._places = self.add_argument_group(say("cli.usage.arguments", lang))
        self._switches = self.add_argument_group(say("cli.usage.options", lang))
        self._switches.add_argument("-h", "--help", action="help", help=say("cli.help.common.help", lang))

    def word(self, *flags: str, common: bool = False, of: str = "", **options: Any) -> None:
        """Add an argument; its help is looked up by its long name: its command's, or that of what several share."""
        long = flags[-1].lstrip("-").replace("-", "_")
        key = f"cli.help.{'common' if common else of or self.topic or 'hanse'}.{long}"
        self.helped.append(key)
        group = self._switches if flags[0].startswith("-") else self._places
        group.add_argument(*flags, help=say(key, self.lang), **options)

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

    def of_participant(
        self, places: "argparse._SubParsersAction[Words]", name: str, run: Callable[[Any], int], of: str = "space"
    ) -> "Words":
        """A sub-command for the participant that `--as` names, whose help is that of what several share (`of`)."""
        made = self.command(places, name)
        made.word("--as", of=of, dest="participant", required=True, metavar="SLUG")
        made.set_defaults(run=run)
        return made

    def common(self, *, top: bool) -> None:
        """The options of every command; they may stand before and after its name, so only the top has defaults."""
        nothing = None if top else argparse.SUPPRESS
        self.word("--data", common=True, metavar="DIR", default=nothing)
        self.word("--lang", common=True, choices=("de", "en"), default=nothing)
        self.word("--json", common=True, action="store_true", default=False if top else argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\n")

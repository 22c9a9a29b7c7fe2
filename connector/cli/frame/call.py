"""One call of the command line: its arguments, its language, the settings it reads and the two ways it answers."""

import argparse
import io
import json
import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from connector.foundation.errors import Mistake
from connector.foundation.language import decimal, say
from connector.foundation.language.system_words import system_words
from connector.foundation.settings.load import DEFAULT_FOLDER, Settings, load

_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

# Exit codes, documented in `hanse --help`.
OK = 0
REFUSED = 1
UNDECIDED = WRONG_USAGE = 2
NO_SERVER = 3
PEER_UNAVAILABLE = 4
SKIPPED = 77


def language(argv: list[str], environ: Mapping[str, str]) -> str:
    """`--lang` wins; then the locale; German if it names no language."""
    for here, after in zip(argv, [*argv[1:], ""], strict=False):
        wanted = here.removeprefix("--lang=") if here.startswith("--lang=") else after if here == "--lang" else ""
        if wanted in ("de", "en"):
            return wanted
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "de" if locale.partition(".")[0] in ("", "C", "POSIX") or locale.startswith("de") else "en"


def unusable(path: Path, problem: OSError) -> Mistake:
    """What to raise when a file that the caller named cannot be read or written."""
    if isinstance(problem, FileNotFoundError):
        return Mistake("cli.no-file", path=path)
    if isinstance(problem, IsADirectoryError):
        return Mistake("cli.folder", path=path)
    if isinstance(problem, PermissionError):
        return Mistake("cli.forbidden", path=path)
    return Mistake("cli.file", path=path, problem=system_words(problem))


def named_file(path: Path, most: int) -> bytes:
    """At most `most` bytes of a file that the caller named; raises Mistake. Pipes and devices are none: they may never
    end, or never begin."""
    with opened(path) as file:
        return file.read(most)


def opened(path: Path) -> io.BufferedReader:
    """The file itself, for whoever reads it in pieces; raises Mistake unless it is a regular file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as problem:
        raise unusable(path, problem) from problem
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise Mistake("cli.folder" if stat.S_ISDIR(mode) else "cli.no-regular-file", path=path)
    return os.fdopen(handle, "rb")


def visible(text: str) -> str:
    """The text with control and direction characters spelled out; line breaks stay."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Call(NamedTuple):
    """What a command gets; `args` holds what argparse found."""

    args: argparse.Namespace
    lang: str
    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The data folder: `--data`, `HANSE_DATA`, else `./hanse-data`."""
        return Path(self.args.data or self.environ.get("HANSE_DATA") or DEFAULT_FOLDER).expanduser().absolute()

    def settings(self) -> Settings:
        return load(self.folder, self.environ)

    def say(self, key: str, /, **facts: object) -> str:
        """The sentence; facts may come from strangers, so nothing in them steers the terminal."""
        shown = {name: visible(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        return say(f"cli.{key}", self.lang, **shown)

    def tell(self, key: str, /, **facts: object) -> None:
        """A line for people on standard output; nothing with `--json`."""
        if not self.args.json:
            print(self.say(key, **facts))

    def note(self, key: str, /, **facts: object) -> None:
        """A line beside the result, on standard error."""
        print(self.say(key, **facts), file=sys.stderr)

    def result(self, value: object) -> None:
        """The one JSON document of `--json`; nothing without it."""
        if self.args.json:
            print(json.dumps(value, ensure_ascii=False))

    def sure(self, key: str, /, **facts: object) -> bool:
        """Asks the person at the terminal, unless `--yes` answers; raises Mistake where nobody can be asked."""
        if self.args.yes:
            return True
        if self.args.json or not sys.stdin.isatty():
            raise Mistake("cli.needs-yes")
        print(self.say("sure.question", question=self.say(key, **facts)), end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().casefold() in self.say("sure.answers").split():
            return True
        self.note("sure.no")
        return False

    def size(self, count: object) -> str:
        """A number of bytes with separators of the language."""
        return decimal(int(str(count)), self.lang, 0)

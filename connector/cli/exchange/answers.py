"""What is said of a dataset on the command line: the options that `publish`, `change` and `replace` share."""

import argparse
import sys
from typing import Any, Final

from connector.cli.frame.call import Call
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake

TEXTS: Final = (
    "title",
    "description",
    "licence",
    "attribution",
    "frequency",
    "access",
    "start",
    "end",
    "concept",
    "series",
    "label",
    "notes",
)
NO: Final = ("no", "nein", "-")


def register(command: Words) -> None:
    """The options that `publish`, `change` and `replace` have in common."""

    def word(*flags: str, **options: Any) -> None:
        command.word(*flags, of="answers", **options)

    word("--title", metavar="TITLE")
    word("--title-in", action="append", default=[], metavar="LANG=TEXT")
    word("--description", metavar="TEXT")
    word("--description-in", action="append", default=[], metavar="LANG=TEXT")
    word("--keyword", action="append", metavar="WORD")
    word("--keyword-in", action="append", default=[], metavar="LANG=WORD")
    word("--licence", metavar="CODE")
    word("--attribution", metavar="TEXT")
    word("--theme", action="append", metavar="CODE")
    word("--frequency", metavar="CODE")
    word("--access", choices=("open", "announced", "contract"))
    word("--start", metavar="DAY")
    word("--end", metavar="DAY")
    word("--hvd", action="append", metavar="CATEGORY")
    word("--api", metavar="URL")
    word("--api-description", default="", metavar="URL")
    word("--api-page", default="", metavar="URL")
    word("--url", action="append", metavar="URL")
    word("--concept", metavar="CODE")
    word("--series", metavar="TITLE")
    word("--label", metavar="NAME")
    word("--notes", metavar="TEXT")


def said(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, as the management API takes them; raises Mistake."""
    found: dict[str, Any] = {name: getattr(args, name) for name in TEXTS if getattr(args, name) is not None}
    if args.keyword is not None:
        found["keywords"] = args.keyword
    if args.theme is not None:
        found["themes"] = args.theme
    if args.hvd is not None:
        found["hvd"] = [] if [one.casefold() for one in args.hvd] in ([no] for no in NO) else args.hvd
    if args.api is not None:
        api = {"endpoint": args.api, "description": args.api_description, "page": args.api_page}
        found["api"] = api
    if args.url is not None:
        found["files"] = [{"url": url} for url in args.url if url.strip()]
    if translations := _translations(args):
        found["translations"] = translations
    return found


def _translations(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, pairs in (("title", args.title_in), ("description", args.description_in)):
        for lang, text in map(_pair, pairs):
            found.setdefault(lang, {})[name] = text
    for lang, text in map(_pair, args.keyword_in):
        found.setdefault(lang, {}).setdefault("keywords", []).append(text)
    return found


def _pair(text: str) -> tuple[str, str]:
    lang, equals, rest = text.partition("=")
    if not (lang and equals):
        raise Mistake("cli.translation", pair=text[:80])
    return lang, rest


def interactive(call: Call) -> bool:
    """Whether somebody can be asked."""
    return not call.args.json and sys.stdin.isatty()

"""The verifier's own sentences, German (the source) and English, from the TOML files below `language/`.

Instants are said in German time, or in UTC and as such where this machine has no time zone database.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LANGUAGES = ("de", "en")
_PLACES = re.compile(r"\[\[([^|\]]*)\|?([^\]]*)\]\]")
LONGEST = 300
"""Characters of a fact in a sentence."""
_INSTANTS = frozenset(
    {"at", "begin", "claimed", "effective", "end", "issued", "known", "notice", "seen", "since", "until"}
)
"""Facts that are instants where they have the form of one."""


@cache
def _catalogue(lang: str) -> Mapping[str, Mapping[str, str]]:
    text = files("connector.verify").joinpath("language", lang, "verify.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)
    return tables


def say(table: str, key: str, lang: str, facts: Mapping[str, object] | None = None, *, page: bool = False) -> str:
    """The sentence `key` of `table` with its placeholders filled; unknown languages get German. What stands in it as
    `[[for the command line|for a page]]` is said as `page` asks for.

    Facts come from a bundle that nobody trusts yet: what could steer a terminal is spelled out, what is long is cut.
    """
    language = lang if lang in LANGUAGES else "de"
    shown = {name: visible(_told(name, str(fact), language)) for name, fact in (facts or {}).items()}
    text = _PLACES.sub(r"\2" if page else r"\1", _catalogue(language)[table][key])
    return text.format(**shown)


def _told(name: str, fact: str, lang: str) -> str:
    """An instant (RFC 3339 with an offset) as people read it; anything else as it is."""
    try:
        at = datetime.fromisoformat(fact) if name in _INSTANTS and "T" in fact else None
        at = None if at is None or at.tzinfo is None else at.astimezone(_zone())
    except (ValueError, OverflowError):
        return fact
    if at is None or at.year < 1900:  # before zones had names
        return fact
    words = _catalogue(lang)["time"]
    return words["moment"].format(at=at, zone=words.get(at.tzname() or "", at.tzname()))


@cache
def _zone() -> tzinfo:
    try:
        return ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return UTC


def visible(text: str) -> str:
    """The text in one line without control, format or direction characters, and not without end."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(sign if unicodedata.category(sign)[0] not in "CZ" or sign == " " else _escaped(sign) for sign in cut)


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 127 else f"\\x{ord(sign):02x}"

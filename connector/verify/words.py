"""The verifier's own sentences, German (the source) and English, from the TOML files below `language/`."""

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("de", "en")
LONGEST = 300
"""Characters of a fact in a sentence."""


@cache
def _catalogue(lang: str) -> Mapping[str, Mapping[str, str]]:
    text = files("connector.verify").joinpath("language", lang, "verify.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)
    return tables


def say(table: str, key: str, lang: str, facts: Mapping[str, object] | None = None) -> str:
    """The sentence `key` of `table` with its placeholders filled; unknown languages get German.

    Facts come from a bundle that nobody trusts yet: what could steer a terminal is spelled out, what is long is cut.
    """
    shown = {name: visible(str(fact)) for name, fact in (facts or {}).items()}
    return _catalogue(lang if lang in LANGUAGES else "de")[table][key].format(**shown)


def visible(text: str) -> str:
    """The text in one line without control, format or direction characters, and not without end."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(sign if unicodedata.category(sign)[0] not in "CZ" or sign == " " else _escaped(sign) for sign in cut)


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 127 else f"\\x{ord(sign):02x}"

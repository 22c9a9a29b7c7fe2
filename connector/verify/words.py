"""The verifier's own sentences, German (the source) and English, from the TOML files below `language/`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("de", "en")


@cache
def _catalogue(lang: str) -> Mapping[str, Mapping[str, str]]:
    text = files("connector.verify").joinpath("language", lang, "verify.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)
    return tables


def say(table: str, key: str, lang: str, facts: Mapping[str, object] | None = None) -> str:
    """The sentence `key` of `table` with its placeholders filled; unknown languages get German."""
    return _catalogue(lang if lang in LANGUAGES else "de")[table][key].format(**(facts or {}))

"""Message catalogues: every sentence for people, German (the source) and English (complete).

One TOML file per room and language, `connector/language/<lang>/<room>.toml`; nested tables make dotted keys.
Placeholders are `{name}`. A missing key or placeholder is our defect and shows as such instead of hiding.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("de", "en")


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """All messages of one language, dotted key -> text with placeholders."""
    messages: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / lang).glob("*.toml")):
        messages |= _flatten(tomllib.loads(path.read_text(encoding="utf-8")))
    return messages


def say(key: str, lang: str, /, **facts: object) -> str:
    """The sentence for `key` in `lang` ('de' or 'en') with its placeholders filled."""
    return catalogue(lang)[key].format(**facts)


def both(key: str, /, **facts: object) -> tuple[str, str]:
    """German and English, in that order: the form of `reason` on the wire."""
    return say(key, "de", **facts), say(key, "en", **facts)


def decimal(number: float, lang: str, digits: int = 1) -> str:
    """`1.284,3` in German, `1,284.3` in English."""
    text = f"{number:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if lang == "de" else text

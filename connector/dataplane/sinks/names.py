"""A stranger's file name made harmless: one path step, visible characters, no reserved name; pure."""

import re
import unicodedata

_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_LIMIT = 200
_UNFINISHED = (".part", ".part.version", ".partial")
"""Endings of what is not finished: nobody is shown such a file, and no backup takes it along."""


def safe_name(name: str) -> str:
    """At most 200 bytes of UTF-8; 'data' if nothing is left. Umlauts stay."""
    visible = "".join(_visible(sign) for sign in unicodedata.normalize("NFC", name))
    plain = _FORBIDDEN.sub("_", visible).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 16:
        stem, suffix = plain, ""
    ending = f".{suffix}" if suffix else ""
    short = stem.encode()[: _LIMIT - len(ending.encode())].decode(errors="ignore") + ending
    if short.lower().endswith(_UNFINISHED):
        short = f"{short}_" if len(short.encode()) < _LIMIT else f"{short[:-1]}_"
    return f"_{short}" if _RESERVED.fullmatch(short) else short or "data"


def _visible(sign: str) -> str:
    kind = unicodedata.category(sign)[0]
    return "" if kind == "C" else " " if kind == "Z" else sign

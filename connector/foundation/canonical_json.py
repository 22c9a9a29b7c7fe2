"""Canonical JSON by the fast writer, where it surely writes what the slow one does (RFC 8785, spec/contracts.md 1.1).

What is signed, hashed and logged is defined by `verify.formats.jcs` and by `json` with sorted names. Both cost far more
than msgspec, which writes the same bytes for strings, whole numbers, lists and objects in NFC. Whatever else there is
has no bytes here: then the slow writer has the word, and says what is wrong.
"""

import unicodedata
from typing import Final, Never

import msgspec

_DIGITS: Final = bytes(ord("0") if chr(octet) in "0123456789" else ord(".") for octet in range(256))
_LONG: Final = b"0" * 16
"""More digits than every reader keeps of a number; in a string they may stand too, which costs only time."""
DEEPEST: Final = 300
"""Levels of a value that has a canonical form, as `verify.formats.jcs` says."""


def _fraction(_text: str) -> Never:
    raise ValueError("fraction")


_READ: Final = msgspec.json.Decoder(float_hook=_fraction)


def encode(value: object) -> bytes | None:
    """The canonical bytes of a JSON value; None where only the slow writer knows them, or that there are none."""
    try:
        data = msgspec.json.encode(value, order="sorted")
        same = bool(_READ.decode(data) == value)  # no tuple, no bytes, no name that is no string
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    if not same or _LONG in data.translate(_DIGITS) or (data.count(b"[") + data.count(b"{") > DEEPEST and deep(value)):
        return None
    return data if _plain(data) else None


def deep(value: object) -> bool:
    """Whether it has more than DEEPEST levels: how deep a parser goes differs from one Python to the next, and what we
    make of a text from elsewhere must not."""
    level = [value] if isinstance(value, dict | list | tuple) else []
    for _ in range(DEEPEST):
        within = (item.values() if isinstance(item, dict) else item for item in level)
        level = [inner for items in within for inner in items if isinstance(inner, dict | list | tuple)]
    return bool(level)


def _plain(data: bytes) -> bool:
    """Whether its text is in NFC, and no name is sorted otherwise in UTF-16: nothing is above U+FFFF."""
    if data.isascii():
        return True
    text = data.decode()
    return len(text.encode("utf-16-le")) == 2 * len(text) and unicodedata.is_normalized("NFC", text)

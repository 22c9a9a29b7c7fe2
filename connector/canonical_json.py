"""Canonical JSON by the fast writer, where it surely writes what the slow one does (RFC 8785, spec/contracts.md 1.1).

What is signed, hashed and logged is defined by `verify.formats.jcs` and by `json` with sorted names. Both cost far more
than msgspec, which writes the same bytes for strings, whole numbers, lists and objects in NFC. Whatever else there is
has no bytes here: then the slow writer has the word, and says what is wrong.
"""

import re
import unicodedata

import msgspec

_ODD_NUMBER = re.compile(rb"(?:^|[:,\[])-?(?:[0-9]+[.eE]|[0-9]{16})")
"""A fraction, or more digits than every reader keeps; in a string it may stand too, which costs only time."""


def encode(value: object) -> bytes | None:
    """The canonical bytes of a JSON value; None where only the slow writer knows them, or that there are none."""
    try:
        data = msgspec.json.encode(value, order="sorted")
        same = bool(msgspec.json.decode(data) == value)  # no tuple, no bytes, no name that is no string
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    return data if same and _ODD_NUMBER.search(data) is None and _plain(data) else None


def _plain(data: bytes) -> bool:
    """Whether its text is in NFC, and no name is sorted otherwise in UTF-16: none is above U+FFFF."""
    if data.isascii():
        return True
    text = data.decode()
    return max(text) <= "\uffff" and unicodedata.is_normalized("NFC", text)

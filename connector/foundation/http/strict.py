"""JSON from strangers, read so that every reader sees the same value or none (spec/trust.md 5.3, T13).

One `json.loads` with a hook for duplicate names, which a text that is written as we write it does not need; the rest
are byte counts that bound nodes and depth from above, and only a text that exceeds a bound is walked. What steers a
screen is refused here, not cleaned where it is shown. Raises `PeerError` (`TooLarge` for the size), never anything
else.
"""

import json
import math
import re
from typing import Final, Never

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.http.refusals import TooLarge

LIMIT = 262_144
NODES = 10_000
STRING = 65_536
DEPTH = 200
DIGITS = 20
_ESCAPED = re.compile(r"\\(?:[bf]|u(?:[dD][89a-fA-F]|00[01789][0-9a-fA-F]|20(?:2[a-eA-E]|6[6-9])))")
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line breaks, and those that turn the order of what is shown: no text of a person needs
them, and whoever reads it on a screen or in a terminal sees something else than what is there."""


def loads(
    data: bytes, *, limit: int = LIMIT, nodes: int = NODES, string: int = STRING, steering: bool = False
) -> object:
    """The value of a JSON text of at most `limit` bytes, `nodes` values and `string` characters in any one string.

    `steering`: also with characters that steer a screen, for whoever makes each text plain before anybody sees it.
    """
    if len(data) > limit:
        raise TooLarge("http.json-size", limit=limit)
    try:
        text = data.decode("utf-8")
        value = _as_written(data)
        if value is _OTHERWISE:
            value = _DECODER.decode(text)
    except UnicodeDecodeError as cause:
        raise PeerError("http.json-encoding") from cause
    except RecursionError as cause:
        raise PeerError("http.json-depth", limit=DEPTH) from cause
    except ValueError as cause:
        raise PeerError("http.json-syntax") from cause
    texts = len(data) > string or _suspect(text, data)
    if texts or _many(data, nodes):
        _walk(value, nodes, string if texts else None, "\0" if steering else None)
    return value


_OTHERWISE: Final = object()
_ZEROS: Final = bytes.maketrans(b"123456789-", b"0" * 10)
_LONG: Final = b"0" * (DIGITS + 1)


def _as_written(data: bytes) -> object:
    """The value of a text that is byte for byte what the fast writer makes of it; `_OTHERWISE` for any other.

    No name can stand twice in such a text, for one of the two would be missing in what is written, and no number be
    another than it says. So the slow reader would give the same, but for integers that are too long for it: the fast
    one takes thousands of digits, so a text with that many in a row is not for it.
    """
    if _LONG in data.translate(_ZEROS):
        return _OTHERWISE
    try:
        value: object = msgspec.json.decode(data)
        return value if msgspec.json.encode(value) == data else _OTHERWISE
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return _OTHERWISE


def steers(text: str) -> bool:
    """Whether a text holds control characters (but tab and line breaks) or characters that turn its direction."""
    return _STEERING.search(text) is not None


def _suspect(text: str, data: bytes) -> bool:
    """Whether a string of a JSON text may hold something that is no text; an escaped backslash before such a sequence
    overcounts.

    Below U+0020 nothing stands in a string unescaped; what else steers begins with one of three bytes in UTF-8, which
    most messages have not.
    """
    if "\\" in text and _ESCAPED.search(text) is not None:
        return True
    return (b"\x7f" in data or b"\xc2" in data or b"\xe2" in data) and not text.isprintable() and steers(text)


def _many(data: bytes, nodes: int) -> bool:
    """Whether the text may hold more values or levels than allowed; brackets and commas in strings only overcount."""
    opens = data.count(b"{") + data.count(b"[")
    if opens > DEPTH or len(data) < nodes:  # each value has at least one byte
        return opens > DEPTH
    return opens + data.count(b",") + data.count(b":") >= nodes


def _walk(value: object, nodes: int, string: int | None, odd: str | None) -> None:
    """Counts exactly, level by level: depth costs no stack. Strings are looked at if a cap is given."""
    level, seen, depth = [value], 1, 0
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        if string is not None:
            _texts(level, string, odd)
        seen, depth, level = seen + len(below), depth + 1, below
        if seen > nodes:
            raise PeerError("http.json-nodes", limit=nodes)
        if depth > DEPTH:
            raise PeerError("http.json-depth", limit=DEPTH)


def _texts(level: list[object], string: int, odd: str | None) -> None:
    for item in level:
        if isinstance(item, str):
            _text(item, string, odd)
        elif isinstance(item, dict):
            for name in item:
                _text(name, string, odd)


def _text(text: str, string: int, odd: str | None) -> None:
    """`odd` is what no text may hold; None: whatever steers a screen."""
    if len(text) > string:
        raise PeerError("http.json-string", limit=string)
    if (steers(text) if odd is None else odd in text) or not _encodable(text):
        raise PeerError("http.json-characters")


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise PeerError("http.json-duplicate")
    return members


def _constant(_text: str) -> Never:
    raise PeerError("http.json-number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise PeerError("http.json-number")
    return number


def _int(text: str) -> int:
    if len(text) > DIGITS:
        raise PeerError("http.json-number")
    return int(text)


# Made once: a decoder with hooks costs as much to build as a small message to read.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)

"""Restricted JSON Canonicalization (RFC 8785): the bytes that are signed, hashed and logged (spec/contracts.md 1.1).

Only what every parser reads alike is canonical: no fractions, no integer beyond 2^53-1, strings in NFC, no key above
U+FFFF (there UTF-16 order, which RFC 8785 asks for, differs from code-point order), at most 300 levels. Under these
rules the C encoder with sorted keys writes the same bytes as RFC 8785.
"""

import json
import math
import unicodedata
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

LARGEST = 2**53 - 1
DEEPEST = 300
"""Levels of a value. Parsers end elsewhere, Python 3.11 at a thousand, 3.13 at ten thousand, and one bundle had two
verdicts."""


class NotCanonical(ValueError):
    """The value or the bytes lie outside the restricted profile."""


def _refuse(text: str) -> object:
    raise NotCanonical(f"number {text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text) > 17 or not -LARGEST <= int(text) <= LARGEST:
        raise NotCanonical(f"integer {text[:40]} is beyond 2^53-1")
    return int(text)


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The members of a JSON object; NotCanonical if a name stands twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotCanonical("a member stands twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotCanonical(f"number {text[:40]} is beyond all that a program can hold")
    return number


_READ = json.JSONDecoder(parse_float=_refuse, parse_int=_integer, parse_constant=_refuse)
_READ_ONCE = json.JSONDecoder(parse_float=_refuse, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=once)
_READ_ALIKE = json.JSONDecoder(parse_float=_finite, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=once)
_IS_OBJECT: Callable[[object], Any] = partial(type.__instancecheck__, dict)
_IS_LIST: Callable[[object], Any] = partial(type.__instancecheck__, list)
_WRITE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(value: object) -> bytes:
    """The canonical bytes of a JSON value; NotCanonical if it lies outside the profile.

    The text is read back with hooks that see each number: that costs less than walking the value in Python and finds
    whatever JSON would silently turn into something else (keys that are no strings, tuples).
    """
    try:
        text = _WRITE.encode(value)
        again = _READ.decode(text)
        data = text.encode()
        if again != value:
            raise NotCanonical("not a JSON value: keys are strings, sequences are lists")
        check_depth(text, again)
        _check_text(text, again)
    except (TypeError, ValueError, RecursionError) as fault:  # how deep is too deep differs from step to step
        raise NotCanonical(str(fault)) from fault
    return data


def decode(data: bytes) -> object:
    """The value of canonical bytes; NotCanonical if they differ in any way from what `encode` writes."""
    value = loads(data)
    if encode(value) != data:
        raise NotCanonical("not in canonical form")
    return value


def is_canonical(data: bytes) -> bool:
    """Whether `decode` takes these bytes."""
    try:
        decode(data)
    except NotCanonical:
        return False
    return True


def loads(data: bytes) -> object:
    """Strict I-JSON in any layout: UTF-8, integers within 2^53-1, no member twice. NotCanonical otherwise."""
    try:
        text = data.decode()
        value = _READ_ONCE.decode(text)
        check_depth(text, value)
    except (ValueError, RecursionError) as fault:
        raise NotCanonical(str(fault)) from fault
    return value


def check_depth(text: str, value: object) -> None:
    """NotCanonical if the value of that text has more than DEEPEST levels; only a text that may have them is walked."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    values: list[Any] = [value]
    for _ in range(DEEPEST):  # level by level, without a step of Python for any one value
        objects, lists = filter(_IS_OBJECT, values), filter(_IS_LIST, values)
        values = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
        if not values:
            return
    if any(map(_IS_OBJECT, values)) or any(map(_IS_LIST, values)):
        raise NotCanonical(f"more than {DEEPEST} levels")


def alike(data: bytes) -> None:
    """Whether every program reads the same there, which needs no canonical form: fractions are permitted. NotCanonical
    for a number that not all can hold, a member twice, half a character."""
    try:
        text = data.decode()
        value = _READ_ALIKE.decode(text)
        check_depth(text, value)
        if "\\u" in text:
            _WRITE.encode(value).encode()
    except (ValueError, RecursionError) as fault:
        raise NotCanonical(str(fault)) from fault


def is_whole(value: object) -> bool:
    """Whether it is a number: to Python `true` is 1 and `false` is 0, to nobody who reads JSON."""
    return isinstance(value, int) and not isinstance(value, bool)


def same(one: object, other: object) -> bool:
    """Whether both are the same JSON: `[true]` is not `[1]`, though Python calls them equal."""
    return one == other and encode(one) == encode(other)


def _check_text(text: str, value: object) -> None:
    if text.isascii():
        return
    # Everything around a string is ASCII that composes with nothing, so the whole text is NFC if its strings are.
    if not unicodedata.is_normalized("NFC", text):
        raise NotCanonical("a string is not in NFC")
    if len(text.encode("utf-16-le")) != 2 * len(text):
        _check_keys(value)


def _check_keys(value: object) -> None:
    match value:
        case dict():
            if any(max(key, default="") > "\uffff" for key in value):
                raise NotCanonical("a member name lies above U+FFFF")
            for inner in value.values():
                _check_keys(inner)
        case list():
            for inner in value:
                _check_keys(inner)
        case _:
            return

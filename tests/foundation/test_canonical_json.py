"""The fast writer writes what the slow one does, or nothing."""

import enum
import json
import unicodedata
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation import canonical_json
from connector.verify.formats import jcs

TEXT = st.text(st.characters()).map(lambda text: unicodedata.normalize("NFC", text)) | st.text()
LEAVES = st.none() | st.booleans() | st.integers() | st.integers(-(2**54), 2**54) | st.floats() | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(VALUES)
def test_writes_the_bytes_of_the_definition_or_none(value: object) -> None:
    """What is refused there has no bytes here."""
    data = canonical_json.encode(value)
    if data is not None:
        assert data == jcs.encode(value)
        assert data == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("around", ["{}", "a{}b", '{}"', "\\{}"])
def test_writes_each_character_alike(around: str) -> None:
    """Control characters, quotes and whatever else somebody might escape otherwise."""
    for number in (*range(0x3000), *range(0xD7F0, 0xD800), *range(0xE000, 0xE010), *range(0xFFE0, 0x10000)):
        value = [{around.format(chr(number)): around.format(chr(number))}]
        data = canonical_json.encode(value)
        assert data is None or data == jcs.encode(value), hex(number)
        assert number > 0x7F or data is not None


class _Word(enum.Enum):
    ONE = "one"


class _Row(msgspec.Struct):
    a: int = 1


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, [1.5], {"a": 1e20}, float("nan"), [float("inf")], 2**53, -(2**53), 10**40, {"a": [{"x": 0.5}]}),
        *("a\u0308", {"a\u0308": 1}, {"\U0001f600": 1}, "\ud800", {"\ud800": 1}),
        *({1: 2}, {None: 1}, {True: 1}, (1, 2), {"a": (1,)}, b"x", {1, 2}, ..., Decimal("1.5"), _Word.ONE, _Row()),
        *(msgspec.Raw(b"1"), msgspec.Raw(b"{")),
    ],
    ids=repr,
)
def test_leaves_what_is_odd_to_the_slow_writer(value: object) -> None:
    """Other types, other numbers, other normal forms."""
    assert canonical_json.encode(value) is None


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [jcs.DEEPEST + 1, 900, 5_000, 100_000])
def test_too_deep_is_left_to_it_too(levels: int) -> None:
    """Past bug: what one Python could sign another one could not read. Nesting ends in None, not in a crash."""
    assert canonical_json.encode(_nested(levels)) is None


def test_what_both_write_is_as_deep_for_both() -> None:
    """>> three hundred levels, and a thousand lists side by side << the bytes that the slow writer has."""
    assert canonical_json.DEEPEST == jcs.DEEPEST
    for value in (_nested(jcs.DEEPEST), [[]] * 1_000, {"a": [{}] * 1_000}):
        assert canonical_json.encode(value) == jcs.encode(value)

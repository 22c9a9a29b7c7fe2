"""Canonical bytes are those of RFC 8785, and whatever two parsers could read differently is refused."""

import unicodedata

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.verify.formats import jcs
from tests.fuzz.effort import amount

TEXT = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: unicodedata.normalize("NFC", text))
KEYS = TEXT.filter(lambda text: max(text, default="") <= "\uffff")  # NFC can lead out of the BMP
LEAVES = st.none() | st.booleans() | st.integers(-jcs.LARGEST, jcs.LARGEST) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@settings(max_examples=amount(50, 100))
@given(VALUES)
def test_equals_the_reference(value: object) -> None:
    """Either the same bytes as the independent implementation, or refused; and reading them gives the value back."""
    try:
        data = jcs.encode(value)
    except jcs.NotCanonical:
        # An escape before a combining mark composes with it in the text; refusing that is on the safe side.
        assert not unicodedata.is_normalized("NFC", rfc8785.dumps(value).decode())  # type: ignore[arg-type]
        return
    assert data == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert jcs.decode(data) == value


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, 1.5, float("nan"), float("inf"), 2**53, -(2**53), 10**40, [[{"x": 0.5}]]),
        *("a\u0308", {"a\u0308": 1}, {"\U0001f600": 1}, "\ud800"),
        *({1: 2}, {None: 1}, {True: 1}, (1, 2), {"a": (1,)}, b"x", {1, 2}, ...),
    ],
    ids=repr,
)
def test_refuses_what_is_ambiguous(value: object) -> None:
    """Fractions, large integers, other normal forms, keys beyond the BMP, and what is no JSON at all."""
    with pytest.raises(jcs.NotCanonical):
        jcs.encode(value)


def test_text_beyond_the_bmp_is_fine_as_a_value() -> None:
    """Only member names are sorted."""
    assert jcs.encode({"a": "\U0001f600"}) == '{"a":"\U0001f600"}'.encode()


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [jcs.DEEPEST + 1, 900, 5_000, 100_000])
def test_too_deep_is_refused_at_one_place_on_every_python(levels: int) -> None:
    """Past bug: where the parser ends Python 3.11 refused a thousand levels and 3.13 took nine thousand, so that one
    bundle had two verdicts; and nesting ends in a refusal, not in a crash."""
    with pytest.raises(jcs.NotCanonical):
        jcs.encode(_nested(levels))
    for text in (b"[" * levels + b"]" * levels, b'{"a":' * levels + b"1" + b"}" * levels):
        with pytest.raises(jcs.NotCanonical):
            jcs.loads(text)


def test_depth_is_counted_and_not_width() -> None:
    """>> three hundred levels, and a thousand lists side by side << both have their bytes."""
    for value in (_nested(jcs.DEEPEST), [[]] * 1_000, {"a": [{}] * 1_000}, ["[" * 1_000]):
        assert jcs.decode(jcs.encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        *(b'{"a":1,"a":1}', b'{"a": 1}', b'{"b":1,"a":1}', b'"\\u00e4"', b"{} ", b""),
        *(b"1.0", b"1e2", b"NaN", b"-0", b"12345678901234567890"),
        *(b'"\xff"', b'"\\ud800"', "\ufeff1".encode()),
    ],
)
def test_decode_reads_only_the_canonical_spelling(data: bytes) -> None:
    """One value, one spelling."""
    with pytest.raises(jcs.NotCanonical):
        jcs.decode(data)


def test_whatever_is_too_deep_is_not_canonical(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past bug: where the C parser goes deeper than Python does (from 3.12 on), our own walk over the keys broke."""
    deep: object = "\U0001f600"
    for _ in range(50):
        deep = [deep]
    jcs.encode(deep)

    def broke(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(jcs, "_check_keys", broke)
    with pytest.raises(jcs.NotCanonical):
        jcs.encode(deep)

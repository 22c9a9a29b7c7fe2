"""base64 in its one spelling: what is read is exactly what would be written, with Python's decoder as the slow way."""

import base64
import binascii
import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.verify.formats import base64url
from tests.fuzz.effort import amount

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FOREIGN = "+/= \n.\0é"
TEXTS = st.text(st.sampled_from(ALPHABET + FOREIGN), max_size=12) | st.text(st.sampled_from(ALPHABET), max_size=40)


def slowly(text: str) -> bytes | None:
    """None for any text that is not what these bytes are written as."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


def read(text: str) -> bytes | None:
    try:
        return base64url.decode(text)
    except base64url.BadBase64:
        return None


@settings(max_examples=amount(100, 300), deadline=None)
@given(TEXTS)
@example("AAAA\n\n\n\n")
@example("++++AAAA")
def test_a_text_is_read_as_it_is_written(text: str) -> None:
    """>> texts with padding, foreign signs and unused bits  << what the slow way gives, or nothing where it does."""
    assert read(text) == slowly(text)


def test_every_short_text_is_read_as_it_is_written() -> None:
    """>> each text of up to two signs  << the same."""
    for size in range(3):
        for signs in itertools.product(ALPHABET + FOREIGN, repeat=size):
            assert read("".join(signs)) == slowly("".join(signs))

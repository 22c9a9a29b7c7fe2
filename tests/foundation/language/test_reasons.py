"""A stranger's text is shown plain: one line, and nothing that steers a screen."""

import sys
import unicodedata

import pytest

from connector.foundation.language.reasons import plain


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.long)])
def test_each_character_is_kept_or_becomes_a_space(step: int) -> None:
    """Separators and control characters of all kinds become one; between two letters each shows what became of it.

    All that Europe writes with, and some of the others.
    """
    for number in (*range(0x3000), *range(0x3000, sys.maxunicode + 1, step)):
        sign = chr(number)
        odd = unicodedata.category(sign)[0] in "CZ"
        if odd or number < 0x3000:
            assert plain(f"a{sign}b") == ("a b" if odd else f"a{sign}b"), hex(number)


def test_a_long_text_is_cut_and_joined_to_one_line() -> None:
    """The rest of it is gone before anything is looked at."""
    assert plain("  a \n b  " + "x" * 20, 10) == "a b x"
    assert plain("  a   b  ") == "a b"

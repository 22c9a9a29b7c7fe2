"""A stranger's text is shown plain: one line, and nothing that steers a screen."""

import sys
import unicodedata

from connector.language.reasons import plain


def test_each_character_is_kept_or_becomes_a_space() -> None:
    """Separators and control characters of all kinds become one; between two letters each shows what became of it."""
    for number in range(sys.maxunicode + 1):
        sign = chr(number)
        odd = unicodedata.category(sign)[0] in "CZ"
        if odd or number < 0x3000:
            assert plain(f"a{sign}b") == ("a b" if odd else f"a{sign}b"), hex(number)


def test_a_long_text_is_cut_and_joined_to_one_line() -> None:
    """The rest of it is gone before anything is looked at."""
    assert plain("  a \n b  " + "x" * 20, 10) == "a b x"
    assert plain("  a   b  ") == "a b"

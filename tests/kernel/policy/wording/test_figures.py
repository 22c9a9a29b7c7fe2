"""Figures in words: exact, without zero parts, in the form of the language."""

import pytest

from connector.kernel.policy.wording.figures import decimal, joined, length, now_text, number
from connector.kernel.policy.wording.words import Words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 Sekunden"),
        (1000, "1 Sekunde"),
        (90_061_500, "1 Tag, 1 Stunde, 1 Minute, 1 Sekunde und 500 Millisekunden"),
        (172_800_000, "2 Tage"),
    ],
)
def test_durations_in_words(german: Words, milliseconds: int, words: str) -> None:
    """Days to milliseconds, without zero parts."""
    assert length(milliseconds, german.say) == words


@pytest.mark.parametrize(
    ("millionths", "text"),
    [(2_500_000, "2,5"), (0, "0"), (-1, "-0,000001"), (1_234_000_000, "1.234"), (12_050_000, "12,05")],
)
def test_decimals_are_exact(german: Words, millionths: int, text: str) -> None:
    """No digit is rounded away and none is added."""
    assert decimal(millionths, german.say) == text


def test_numbers_and_lists_in_both_languages(words: Words, lang: str) -> None:
    """Thousands and the last word of a list follow the language."""
    assert number(10_000, words.say) == {"de": "10.000", "en": "10,000"}[lang]
    assert joined(["a", "b", "c"], "or", words.say) == {"de": "a, b oder c", "en": "a, b or c"}[lang]
    assert joined(["a"], "or", words.say) == "a"


@pytest.mark.parametrize("now", [10**17, -(10**17), 2**62])
def test_an_instant_beyond_every_calendar_is_a_number(words: Words, now: int) -> None:
    """>> a clock that no calendar reaches  << a number instead of an error."""
    assert now_text(now, words.say) == number(now, words.say)

"""How a sentence of a room is filled: numbers with what is counted, and everything else as it stands."""

import pytest

from connector.foundation.language import say


@pytest.mark.parametrize(
    ("days", "de", "en"),
    [
        (1, "am letzten Tag vor dem Ende", "on the last day before its end"),
        ("1", "am letzten Tag vor dem Ende", "on the last day before its end"),
        (0, "in den letzten 0 Tagen", "in the last 0 days"),
        (30, "in den letzten 30 Tagen", "in the last 30 days"),
        ("1.284", "in den letzten 1.284 Tagen", "in the last 1.284 days"),
    ],
)
def test_one_thing_has_a_wording_of_its_own(days: object, de: str, en: str) -> None:
    """>> one day, none, many, and a number as people write it << "1 Tage" is never said."""
    assert de in say("web.spaces.rule.people", "de", days=days)
    assert en in say("web.spaces.rule.people", "en", days=days)


def test_what_a_stranger_writes_is_no_wording() -> None:
    """>> a name with bars, signs and braces in a sentence that counts << shown as it is."""
    said = say("cli.import.done", "en", source="{a:# b|# c}|#", datasets=1, triples=2, lost=0, published=1, held=0)
    assert said.startswith("{a:# b|# c}|#: 1 dataset with 2 triples in all")


def test_a_missing_fact_is_our_defect() -> None:
    with pytest.raises(KeyError):
        say("web.spaces.rule.people", "de")

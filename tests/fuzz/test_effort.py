"""Of a family with cases of several kinds each kind stays in the default suite; all cases are there if asked for."""

from itertools import product

import pytest

from tests.fuzz import effort
from tests.fuzz.effort import in_turn


def test_each_value_has_its_turn_and_no_combination_is_lost() -> None:
    """>> three places, five words << fifteen cases, of which five are not `long`: each word, each place."""
    places, words = "abc", range(5)
    cases = in_turn(places, words)
    assert [case.values for case in cases] == [*product(places, words)]
    by_default = [case.values for case in cases if not case.marks]
    assert len(by_default) == 5
    assert {place for place, _ in by_default} == set(places)
    assert {word for _, word in by_default} == set(words)


@pytest.mark.parametrize("asked", [False, True])
def test_more_is_asked_where_more_is_said(asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> with --long or not, HANSE_WHOLE=1 or not << each on its own: all of it does not come with what is long."""
    for name, how in (("LONG", effort.amount), ("WHOLE", effort.whole)):
        monkeypatch.setattr(effort, "LONG", name == "LONG" and asked)
        monkeypatch.setattr(effort, "WHOLE", name == "WHOLE" and asked)
        assert how(2, 3) == (3 if asked else 2)

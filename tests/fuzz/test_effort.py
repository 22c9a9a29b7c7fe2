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


@pytest.mark.parametrize("long", [False, True])
def test_who_asks_more_under_long_is_long_there(long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> by default, and where more is asked << as any test; marked `long`, for CI asks those that are."""
    monkeypatch.setattr(effort, "LONG", long)

    @effort.longer
    def test() -> None: ...

    assert [mark.name for mark in getattr(test, "pytestmark", [])] == ["long"] * long

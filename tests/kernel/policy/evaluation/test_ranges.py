"""Sets of ranges: unions and overlaps of comparisons hold exactly where the comparisons themselves say."""

from itertools import combinations, product

import pytest

from connector.kernel.policy.evaluation.ranges import joined, ranges
from connector.kernel.policy.odrl.values import Span
from tests.kernel.policy.compare import COMPARE

SPANS = [Span(0, 1), Span(2, 5), Span(4, 6)]
ALL = [(operator, span) for operator in COMPARE for span in SPANS]
NUMBERS = range(-2, 9)


@pytest.mark.parametrize(("operator", "span"), ALL)
def test_one_comparison(operator: str, span: Span) -> None:
    """The same numbers as the operator itself."""
    found = ranges(operator, span)
    assert found is not None
    for number in NUMBERS:
        assert found.holds(number) is COMPARE[operator](number, span), number


@pytest.mark.parametrize("size", [1, 2, 3])
def test_several_comparisons(size: int) -> None:
    """>> every choice of comparisons, all of them and any of them  << exactly the numbers that fit."""
    for chosen in combinations(ALL, size):
        parts = [found for operator, span in chosen if (found := ranges(operator, span))]
        either, both = joined(parts, union=True), joined(parts, union=False)
        for number in NUMBERS:
            answers = [COMPARE[operator](number, span) for operator, span in chosen]
            assert (either.holds(number), both.holds(number)) == (any(answers), all(answers)), (chosen, number)


def test_joined_again() -> None:
    """Unions of overlaps, as a policy of many periods has them."""
    for one, other, third in product(ALL[::3], repeat=3):
        parts = [found for operator, span in (one, other) if (found := ranges(operator, span))]
        last = ranges(*third)
        assert last is not None
        found = joined([joined(parts, union=False), last], union=True)
        for number in NUMBERS:
            whole = all(COMPARE[operator](number, span) for operator, span in (one, other))
            assert found.holds(number) is (whole or COMPARE[third[0]](number, third[1]))


def test_only_comparisons_of_numbers_have_ranges() -> None:
    """Membership and what is not understood have none."""
    assert ranges("isAnyOf", Span(0, 1)) is None
    assert ranges("lt", frozenset({"a"})) is None
    assert ranges("lt", None) is None

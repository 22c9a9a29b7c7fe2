"""The search: it finds a box exactly if some assignment of a small world meets the statements."""

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.kernel.policy.containment.logic import (
    FALSE,
    TRUE,
    Budget,
    Every,
    Exhausted,
    Never,
    Some,
    Statement,
    together,
)
from connector.kernel.policy.containment.regions import ABSENT, Dimension, Leaf
from tests.fuzz.effort import amount

NUMBER = Dimension("number", others=ABSENT)
SURE = Dimension("sure", others=0, low=0)
SET = Dimension("set", others=ABSENT)
FULL = 0b111
VALUES = [None, *range(4), 9]
"""Every number that leaves name, and one that none does."""
SETS = [None, *range(8)]
"""Every set of three classes, as a mask; None: no value."""

LEAVES = st.one_of(
    st.builds(
        lambda dimension, points, others: Leaf(
            dimension, "in", tuple((p, p + 1) for p in sorted(points)), others=others & dimension.others
        ),
        st.sampled_from([NUMBER, SURE]),
        st.sets(st.integers(0, 3)),
        st.sampled_from([0, ABSENT]),
    ),
    st.builds(
        lambda kind, mask, others: Leaf(SET, kind, mask=mask, full=FULL, others=others),
        st.sampled_from(["has", "only"]),
        st.integers(0, 7),
        st.sampled_from([0, ABSENT]),
    ),
)
STATEMENTS: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: Every(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Some(tuple(parts))),
        inner.map(Never),
    ),
    max_leaves=10,
)


def holds(statement: Statement, point: dict[Dimension, int | None]) -> bool:
    """The meaning of a statement, said once more in the plainest way."""
    if isinstance(statement, Never):
        return not holds(statement.part, point)
    if isinstance(statement, Every):
        return all(holds(part, point) for part in statement.parts)
    if isinstance(statement, Some):
        return any(holds(part, point) for part in statement.parts)
    value = point[statement.dimension]
    if value is None:
        return bool(statement.others & ABSENT)
    if statement.kind == "in":
        return any(start <= value < end for start, end in statement.spans)
    return bool(value & statement.mask) if statement.kind == "has" else not value & ~statement.mask


POINTS = [{NUMBER: number, SURE: sure, SET: some} for number, sure, some in product(VALUES, range(5), SETS)]


@settings(max_examples=amount(100, 300), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_a_box_is_found_exactly_if_some_point_meets_all(statements: list[Statement]) -> None:
    """>> any statements about two numbers and a set << a box if and only if one of all points meets them."""
    meets = any(all(holds(statement, point) for statement in statements) for point in POINTS)
    assert (together(statements, Budget()) is not None) is meets


def test_truth_and_falsehood() -> None:
    """>> nothing, truth, falsehood, and their opposites."""
    assert together([], Budget()) == {}
    assert together([TRUE, Never(FALSE)], Budget()) == {}
    assert together([FALSE], Budget()) is None
    assert together([Never(TRUE)], Budget()) is None


def test_only_sound_boxes_count() -> None:
    """>> two ways, of which one is not sound << the other; none if neither is."""
    low, high = (Leaf(SURE, "in", ((n, n + 1),)) for n in (1, 2))
    either = Some((low, high))
    assert together([either], Budget(), lambda box: box[SURE].spans == ((2, 3),)) == {SURE: (0, ((2, 3),), -1, ())}
    assert together([either], Budget(), lambda box: False) is None


def test_a_denial_can_be_chosen() -> None:
    """>> a number, and a choice between denials of what it is not << it stays possible."""
    five, low, even = (Leaf(SURE, "in", spans) for spans in (((5, 6),), ((0, 3),), ((0, 1), (2, 3), (4, 5))))
    choice = Some((Never(Every((low, even))), Never(Every((five, low))), Every((low, five))))
    assert together([five, choice], Budget()) == {SURE: (0, ((5, 6),), -1, ())}
    assert together([five, Some((Never(Every((five,))), FALSE))], Budget()) is None


def test_looking_costs_as_much_as_taking() -> None:
    """>> a choice of many leaves << each look is a step, not only what is taken."""
    many = Some(tuple(Every((Leaf(SURE, "in", ((n, n + 1),)),)) for n in range(100)))
    budget = Budget(1_000)
    assert together([many, Never(Leaf(SURE, "in", ((0, 99),)))], budget) is not None
    assert budget.left < 1_000 - 200


def test_a_search_begins_where_it_is_told() -> None:
    """>> a box that already leaves only one number << what contradicts it does not hold, the box stays as it was."""
    box = together([Leaf(SURE, "in", ((1, 2),))], Budget())
    assert box is not None
    assert together([Leaf(SURE, "in", ((2, 3),))], Budget(), box=box) is None
    assert together([Leaf(SURE, "in", ((1, 3),))], Budget(), box=box) == box


def test_equal_statements_need_no_search() -> None:
    """>> a large statement and its opposite, the same object << nothing, in a handful of steps."""
    large = Some(tuple(Every((Leaf(SURE, "in", ((n, n + 1),)), Leaf(NUMBER, "in", ((n, n + 1),)))) for n in range(500)))
    assert together([large, Never(large)], Budget(10)) is None


def test_a_search_that_takes_too_long_says_so() -> None:
    """>> many choices that leave nothing << Exhausted, when the steps are used up, not before."""
    dimensions = [Dimension(f"d{n}", others=0) for n in range(12)]
    pair = [Some((Leaf(d, "in", ((0, 1),)), Leaf(d, "in", ((1, 2),)))) for d in dimensions]
    with pytest.raises(Exhausted):
        together(pair, Budget(500), lambda box: False)
    spent = Budget(1)
    spent.spend()
    assert spent.left == 0
    with pytest.raises(Exhausted):
        spent.spend()


ZERO, ONE = (Leaf(NUMBER, "in", ((n, n + 1),)) for n in range(2))
EMPTY, FILLED = Leaf(SET, "only", mask=0, full=FULL), Leaf(SET, "has", mask=FULL, full=FULL)


@pytest.mark.parametrize(
    ("statements", "possible"),
    [
        ([ZERO, Some((Some((ONE, EMPTY)), ONE))], True),
        ([ZERO, Some((Some((EMPTY, ONE)), ONE))], True),
        ([ZERO, Some((Never(Every((ZERO, EMPTY))), ONE))], True),
        ([ZERO, EMPTY, Some((Never(Every((ZERO, EMPTY))), ONE))], False),
        ([ZERO, FILLED, Some((Never(ZERO), EMPTY))], False),
        ([ZERO, FILLED, Some((Never(ONE), EMPTY))], True),
    ],
)
def test_ways_within_ways(statements: list[Statement], possible: bool) -> None:
    """>> a choice inside a choice, a denied choice << one way is enough, and what is denied is not taken as given."""
    assert (together(statements, Budget()) is not None) is possible

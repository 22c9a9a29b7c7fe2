"""Regions: complements and overlaps hold for every point, and a room tells what is left."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.kernel.policy.containment.regions import (
    ABSENT,
    ALL,
    BOUND,
    HIGH,
    LOW,
    Dimension,
    Leaf,
    Room,
    complement,
    narrowed,
    overlap,
)

POINTS = range(-1, 9)
SPANS = st.sets(st.integers(0, 7)).map(lambda points: tuple((p, p + 1) for p in sorted(points)))
ANY = Dimension("any", others=ABSENT | BOUND)


def inside(spans: Any) -> set[int]:
    return {point for point in POINTS if any(start <= point < end for start, end in spans)}


@given(SPANS)
def test_a_complement_holds_exactly_the_other_points(spans: Any) -> None:
    """>> spans, and their complement << every point is in one of the two, in order and without empty spans."""
    rest = complement(spans)
    assert inside(rest) == set(POINTS) - inside(spans)
    assert inside(complement(rest)) == inside(spans)
    assert all(start < end for start, end in rest)
    assert list(rest) == sorted(rest)


@given(SPANS, SPANS)
def test_an_overlap_holds_the_points_of_both(left: Any, right: Any) -> None:
    """>> two lists of spans << what lies in both."""
    assert inside(overlap(left, right)) == inside(left) & inside(right)
    assert overlap(left, ALL) == left


def test_everything_and_nothing_are_complements() -> None:
    """>> all numbers << none, and the other way round."""
    assert complement(ALL) == ()
    assert complement(()) == ALL == ((LOW, HIGH),)


def test_a_leaf_and_its_denial_divide_what_can_be() -> None:
    """>> each kind of leaf << its denial is what remains: of values, and of the ways to have none."""
    number = Leaf(ANY, "in", ((0, 5),), others=BOUND)
    assert number.denied() == Leaf(ANY, "in", complement(((0, 5),)), others=ABSENT)
    some = Leaf(ANY, "has", mask=0b011, full=0b111)
    assert some.denied() == Leaf(ANY, "only", mask=0b100, full=0b111, others=ABSENT | BOUND)
    for leaf in (number, some, some.denied()):
        assert leaf.denied().denied() == leaf


def test_a_room_is_left_while_a_value_or_the_lack_of_one_is() -> None:
    """>> leaves that exclude each other << nothing; unless both allow that there is no value."""
    low, high = Leaf(ANY, "in", ((0, 2),)), Leaf(ANY, "in", ((2, 4),), others=ABSENT)
    room = narrowed({}, low)
    assert room == Room(0, ((0, 2),))
    assert narrowed({ANY: room}, high) is None
    assert narrowed({ANY: Room(ABSENT, ())}, high) == Room(ABSENT, ())
    positive = Dimension("positive", others=0, low=1)
    assert narrowed({}, Leaf(positive, "in", ((LOW, 1),))) is None
    assert narrowed({}, Leaf(positive, "in", ((LOW, 2),))) == Room(0, ((1, 2),))


def test_one_element_must_meet_all_that_several_could_share() -> None:
    """>> some of a, some of b << a set can have both, a single value cannot; only c leaves neither."""
    one = Dimension("one", single=True, others=0)
    many = Dimension("many", others=0)
    for dimension, left in ((one, False), (many, True)):
        room = narrowed({}, Leaf(dimension, "has", mask=0b001, full=0b111))
        assert room is not None
        assert (narrowed({dimension: room}, Leaf(dimension, "has", mask=0b010, full=0b111)) is not None) is left
        assert narrowed({dimension: room}, Leaf(dimension, "only", mask=0b100, full=0b111)) is None
        assert narrowed({dimension: room}, Leaf(dimension, "has", mask=0b011, full=0b111)) is not None
    empty = narrowed({}, Leaf(many, "only", mask=0, full=0b111))
    assert empty is not None
    assert narrowed({}, Leaf(one, "only", mask=0, full=0b111)) is None

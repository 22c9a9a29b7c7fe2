"""Every operator on every type, and the connectives on every combination of states."""

from itertools import product

import pytest

from connector.kernel.policy.odrl.identifiers import Names
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.operators import BELONG, COMBINE, EDGES
from connector.kernel.policy.odrl.values import Span, duration, instant, integer
from tests.kernel.policy.compare import COMPARE

NOON = 1_800_014_400_000 // 86_400_000 * 86_400_000 + 43_200_000
DAY = Span(NOON - 43_200_000, NOON + 43_200_000)


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        ("eq", False, True, False),
        ("neq", True, False, True),
        ("lt", True, False, False),
        ("lteq", True, True, False),
        ("gt", False, False, True),
        ("gteq", False, True, True),
    ],
)
@pytest.mark.parametrize("span", [Span(NOON, NOON + 1), DAY, Span(5000, 5001), Span(-3, -2)])
def test_comparisons(operator: str, below: bool, equal: bool, above: bool, span: Span) -> None:
    """An instant, a whole day, a duration and a number compare alike; a day is equal from its first to its last ms."""
    compare = COMPARE[operator]
    assert compare(span.start - 1, span) is below
    assert compare(span.start, span) is equal
    assert compare(span.end - 1, span) is equal
    assert compare(span.end, span) is above


@pytest.mark.parametrize("operator", COMPARE)
def test_edges_are_exactly_where_the_answer_flips(operator: str) -> None:
    """The timer set for an edge is neither a millisecond early nor late."""
    span = Span(3, 6)
    flips = [n for n in range(-5, 12) if COMPARE[operator](n, span) != COMPARE[operator](n - 1, span)]
    assert flips == list(EDGES[operator](span))


TREE = Closure(
    {
        "all": frozenset({"all"}),
        "north": frozenset({"north", "all"}),
        "town": frozenset({"town", "north", "all"}),
        "south": frozenset({"south", "all"}),
    }
)


@pytest.mark.parametrize(
    ("actual", "operator", "wanted", "answer"),
    [
        ("town", "eq", "town", True),
        ("town north", "eq", "town", False),
        ("", "eq", "town", False),
        ("town", "neq", "north", True),
        ("town north", "neq", "town", False),
        ("", "neq", "town", True),
        ("town", "isAnyOf", "north town", True),
        ("town", "isAnyOf", "north", False),
        ("", "isAnyOf", "north", False),
        ("town", "isNoneOf", "north south", True),
        ("town", "isNoneOf", "town", False),
        ("", "isNoneOf", "town", True),
        ("town north", "isAllOf", "town north", True),
        ("town", "isAllOf", "town north", False),
        ("town", "isPartOf", "all", True),
        ("town", "isPartOf", "south", False),
        ("town", "isPartOf", "south north", True),
        ("town", "isPartOf", "nowhere", None),
        ("nowhere", "isPartOf", "nowhere", True),
        ("nowhere", "isPartOf", "all", None),
        ("", "isPartOf", "all", False),
        ("town", "isA", "north", True),
        ("north", "isA", "town", False),
        ("all", "hasPart", "town south", True),
        ("north", "hasPart", "town south", False),
        ("north", "hasPart", "town nowhere", None),
        ("north", "hasPart", "south nowhere", False),
    ],
)
def test_belonging(actual: str, operator: str, wanted: str, answer: bool | None) -> None:
    """Sets by membership, hierarchies by containment; a concept in no vocabulary cannot be judged."""
    assert BELONG[operator](frozenset(actual.split()), frozenset(wanted.split()), Names("text", TREE)) is answer


TRUTH = {"and": all, "andSequence": all, "or": any, "xone": lambda values: sum(values) == 1}


@pytest.mark.parametrize("operator", COMBINE)
def test_connectives_say_yes_or_no_only_if_every_completion_does(operator: str) -> None:
    """Exhaustive over up to four clauses: unknown and deferred stand for either answer, and nothing is guessed."""
    for size in range(1, 5):
        for states in product(("yes", "no", "unknown", "deferred"), repeat=size):
            options = [(True,) if s == "yes" else (False,) if s == "no" else (True, False) for s in states]
            outcomes = {TRUTH[operator](values) for values in product(*options)}
            state = COMBINE[operator](states)
            assert (state == "yes") == (outcomes == {True}), states
            assert (state == "no") == (outcomes == {False}), states
            assert state != "deferred" or "deferred" in states
            assert state != "unknown" or "unknown" in states


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2028-01-01T00:00:00+01:00", (1_830_294_000_000, 1_830_294_000_001)),
        ("2027-12-31T23:00:00Z", (1_830_294_000_000, 1_830_294_000_001)),
        ("2027-12-31T23:00:00.000000001Z", (1_830_294_000_000, 1_830_294_000_001)),
        ("2027-12-31T23:00", (1_830_294_000_000, 1_830_294_000_001)),
        ("2027-12-31T24:00:00+01:00", (1_830_294_000_000, 1_830_294_000_001)),
        ("2027-12-31", (1_830_207_600_000, 1_830_294_000_000)),
        ("2027-12-31+01:00", (1_830_207_600_000, 1_830_294_000_000)),
        *((odd, None) for odd in ("2027-13-01", "2027-02-30", "31.12.2027", "20271231", "2027-W52-5", "", "now")),
        *((odd, None) for odd in ("2027-12-31T25:00:00Z", "2027-12-31T24:00:01Z", "2027-12-31T10:00:00+15:00")),
        *((odd, None) for odd in ("9999-12-31T24:00:00Z", "２０２７-12-31", "2027-12-31T10:00:00Z\n", "0000-01-01")),
    ],
)
def test_instants(text: str, span: tuple[int, int] | None) -> None:
    """Offsets are honoured; none means UTC for a time, the space for a day; what is none is not understood."""
    assert instant(text) == span


@pytest.mark.parametrize(
    ("text", "start"),
    [
        *(("PT5S", 5000), ("P1D", 86_400_000), ("P1DT1H1M1.5S", 90_061_500), ("PT0S", 0), ("P30D", 2_592_000_000)),
        *((odd, None) for odd in ("P", "PT", "P1M", "P1Y", "5S", "PT5", "-PT5S", "P1W", "P1.5D", "PT5S ", "P٣D")),
    ],
)
def test_durations(text: str, start: int | None) -> None:
    """Days and shorter compare; months and years have no length."""
    assert duration(text) == (None if start is None else (start, start + 1))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        *(("5", 5), ("-5", -5), ("+5", 5), ("9007199254740991", 2**53 - 1)),
        *((odd, None) for odd in ("9007199254740992", "5.0", "1e3", "", " 5", "٥", "0x5", "99999999999999999999")),
    ],
)
def test_integers(text: str, start: int | None) -> None:
    """Whole numbers as far as every JSON parser carries them."""
    assert integer(text) == (None if start is None else (start, start + 1))


def test_who_is_in_nothing_is_in_no_unknown_thing_either() -> None:
    """>> a known value without members << certainly no part of it, also where no vocabulary knows the whole."""
    for wanted in (frozenset({"urn:unheard:of"}), frozenset({"a"})):
        assert BELONG["isPartOf"](frozenset(), wanted, Names("text", Closure({"a": frozenset({"a"})}))) is False

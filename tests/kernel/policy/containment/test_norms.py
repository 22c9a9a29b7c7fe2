"""What is strange about a rule or a policy, and which numbers of uses go together."""

from typing import Any

import pytest

from connector.kernel.policy.containment.encode import CLOCK, COUNT, ELAPSED, METERED, Encoder
from connector.kernel.policy.containment.norms import Norms, oddities, sound, strange
from connector.kernel.policy.containment.regions import HIGH, Dimension, Room, Spans
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.small import CLOSURE, atom, policy


@pytest.mark.parametrize(
    ("whom", "odd"),
    [
        ("did:web:one", False),
        ({"@type": "PartyCollection", "source": "urn:towns"}, False),
        ({"@type": "PartyCollection"}, True),
        ({"@type": "PartyCollection", "source": "urn:towns", "ex:unless": "x"}, True),
    ],
)
def test_a_collection_that_nobody_understands(whom: Any, odd: bool) -> None:
    """>> members of something without name, or with a foreign member << may be anybody."""
    [rule] = policy({"action": "use", "assignee": whom}).permissions
    assert strange(rule) is odd


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, []),
        ({"profile": ["urn:one", "https://w3id.org/hanse/v1"]}, [("/profile", "urn:one")]),
        ({"inheritFrom": "urn:parent"}, [("/inheritFrom", "inheritFrom")]),
        ({"@type": "Ticket"}, [("/@type", "Ticket")]),
        ({"conflict": "urn:none"}, [("/conflict", "urn:none")]),
    ],
)
def test_what_is_odd_about_a_policy(members: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """>> foreign profiles, parents, kinds and strategies << each with its place and word."""
    assert [*oddities(parse({"permission": [{"action": "use"}], **members}))] == expected


def uses(window: str, *spans: tuple[int, int], unit: str = "") -> tuple[Dimension, Room]:
    return Dimension(COUNT, unit, window, others=0, low=1), Room(0, spans)


@pytest.mark.parametrize(
    ("rooms", "fits"),
    [
        ([uses("P1D", (1, 3)), uses("", (2, 4))], True),
        ([uses("P1D", (3, 4)), uses("", (1, 3))], False),
        ([uses("P1D", (3, 4)), uses("P1M", (1, 3))], False),
        ([uses("P1D", (1, 2), (5, 6)), uses("", (1, 4))], True),
        ([uses("P1D", (5, 6)), uses("P1M", (1, 2), (7, 8)), uses("", (1, 7))], False),
        ([uses("", (-3, 1))], False),
        ([uses("", (-3, 1), unit="urn:mb")], True),
        ([(Dimension(CLOCK, others=0), Room(0, ((-3, 1),)))], True),
    ],
)
def test_numbers_of_uses_that_go_together(rooms: list[tuple[Dimension, Room]], fits: bool) -> None:
    """>> today, this month and ever << never more in the shorter time; times and amounts of other things are free."""
    assert sound(dict(rooms)) is fits


def test_being_bound_is_not_having_declared() -> None:
    """>> a permission for a purpose << who is only bound meets it, unless it is asked who declared it."""
    terms = policy({"action": "use", "constraint": [atom("odrl:purpose", "eq", H + "streets")]})
    norms, [rule] = Norms(terms, Encoder((terms,), CLOSURE, BUILT_IN)), terms.permissions
    for declared, statement in ((False, norms.grants(rule)), (True, norms.grants(rule, declared=True))):
        assert tuple(piece for _, piece in norms.pieces(rule, declared=declared)) == getattr(statement, "parts", ())
    assert norms.grants(rule) != norms.grants(rule, declared=True)
    assert norms.pieces(rule) != norms.pieces(rule, declared=True)


ALL: Spans = ((1, HIGH),)


def test_who_knows_one_number_knows_all() -> None:
    """>> one number that must be known beside one that may be unknown << they still have to go together."""
    open_ = Dimension(COUNT, "", "", low=1), Room(1, ((1, 3),))
    assert not sound(dict([uses("P1D", (5, 6)), open_]))
    assert sound(dict([uses("P1D", *ALL), open_]))
    assert sound(dict([open_]))


def spent(name: str, *spans: tuple[int, int], others: int = 0) -> tuple[Dimension, Room]:
    return Dimension(name, others=others, low=0), Room(others, spans)


@pytest.mark.parametrize(
    ("rooms", "fits"),
    [
        ([spent(METERED, (5, 6)), spent(ELAPSED, (0, 6))], True),
        ([spent(METERED, (6, 7)), spent(ELAPSED, (0, 6))], False),
        ([spent(METERED, (2, 3), (9, 10)), spent(ELAPSED, (0, 1), (2, 3))], True),
        ([spent(METERED, (6, 7), others=1), spent(ELAPSED, (0, 6))], True),
        ([spent(METERED, (6, 7)), spent(ELAPSED, (0, 6), others=1)], True),
        ([spent(METERED, (6, 7))], True),
    ],
)
def test_nothing_is_used_for_longer_than_has_passed(rooms: list[tuple[Dimension, Room]], fits: bool) -> None:
    """>> more time of use than passed since the agreement  << no request, unless one of them may be unknown."""
    assert sound(dict(rooms)) is fits

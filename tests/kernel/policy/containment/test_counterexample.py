"""The request that shows why terms are wider: at the edge that a clause names, with the unit that it asks for."""

from typing import Any

import pytest

from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.kernel.policy.asking import H, O, atom, offer

DAY = 86_400_000
START = 1_798_761_600_000
"""1 January 2027, 00:00:00 UTC."""
CLOSURE = Closure({H + "roads": frozenset({H + "roads"})})


def shown(wide: dict[str, Any], narrow: dict[str, Any]) -> World:
    """The request that the first terms permit and the second do not."""
    answer = narrower(parse(narrow), parse(wide), CLOSURE)
    assert answer.verdict == "conflict"
    assert answer.witness is not None
    return answer.witness


@pytest.mark.parametrize(
    ("offered", "asked", "count"),
    [("lteq 2", "lteq 4", 3), ("lteq 2", "lteq 3", 3), ("gteq 3", "gteq 1", 1), ("gt 3", "gt 2", 3)],
)
def test_the_first_use_too_many_or_too_few(offered: str, asked: str, count: int) -> None:
    """>> fewer uses offered than asked for  << the first that only the asked terms permit."""
    narrow, wide = (offer(atom("odrl:count", *bound.split())) for bound in (offered, asked))
    assert shown(wide, narrow).uses == {"": count}


@pytest.mark.parametrize(
    ("operator", "instant"), [("lt", START), ("lteq", START + 1), ("gteq", START - 1), ("gt", START)]
)
def test_the_instant_at_which_the_offer_ends_or_has_not_begun(operator: str, instant: int) -> None:
    """>> an end or a beginning left out of the asked terms  << the millisecond beside it."""
    clause = atom("odrl:dateTime", operator, "2027-01-01T00:00:00Z")
    assert shown(offer(), offer(clause)).now == instant


def test_how_old_the_agreement_is() -> None:
    """>> five seconds offered, nine asked for  << an agreement that is a little older than five seconds."""
    narrow, wide = (offer(atom("odrl:elapsedTime", "lteq", f"PT{seconds}S")) for seconds in (5, 9))
    world = shown(wide, narrow)
    assert world.agreement_at is not None
    assert world.now - world.agreement_at == 5001


@pytest.mark.parametrize("unit", ["", "urn:mb"])
def test_a_measured_number_is_a_fact_with_its_unit(unit: str) -> None:
    """>> a size of 5 offered, of 9 asked for  << the first number above 5, in the unit of the clause."""
    more = {"unit": unit} if unit else {}
    narrow, wide = (offer(atom("odrl:absoluteSize", "lteq", size) | more) for size in ("5", "9"))
    fact = shown(wide, narrow).facts[O + "absoluteSize"]
    assert (fact.value, fact.unit) == (5_000_001, unit)


def test_who_asks_and_what_for() -> None:
    """>> a party, an asset and a purpose that only the asked terms admit  << they are in the request."""
    roads = atom("odrl:purpose", "isPartOf", H + "roads")
    narrow = {"permission": [{"action": "use", "assignee": "did:web:a", "target": "urn:x", "constraint": [roads]}]}
    other = {"permission": [{"action": "use", "assignee": "did:web:b", "target": "urn:x", "constraint": [roads]}]}
    world = shown(other, narrow)
    assert (world.participant, world.target, world.action) == ("did:web:b", "urn:x", O + "use")
    assert (world.purpose, world.purpose_source) == (H + "roads", "declared")


def test_a_request_for_something_else_declares_it() -> None:
    """>> any purpose offered that is not roads, any at all asked for  << roads, declared, not merely agreed to."""
    world = shown(offer(), offer(atom("odrl:purpose", "neq", H + "roads")))
    assert (world.purpose, world.purpose_source) == (H + "roads", "declared")


def test_where_no_single_purpose_fits_the_agreed_ones_do() -> None:
    """>> two purposes that exclude each other, one more use asked for  << a peer bound to both, who declared none."""
    both = [atom("odrl:purpose", "eq", H + name) for name in ("roads", "water")]
    narrow, wide = (offer(*both, atom("odrl:count", "lteq", most)) for most in ("2", "4"))
    world = shown(wide, narrow)
    assert (world.purpose, world.purpose_source, world.uses) == (None, "contractual", {"": 3})


def test_what_must_be_unknown_is_unknown_and_binds_nobody() -> None:
    """>> an offer for whatever size is known, anything asked for  << a request without size and without purpose."""
    known = {"or": [atom("odrl:absoluteSize", "lteq", "5"), atom("odrl:absoluteSize", "gt", "5")]}
    world = shown(offer(), offer(known))
    assert (dict(world.facts), world.purpose, world.purpose_source) == ({}, None, None)


def test_what_the_evaluation_does_not_confirm_is_not_shown() -> None:
    """>> one more use asked for, after a duty that the example has not done  << wider, without an example."""
    narrow, wide = (offer(atom("odrl:count", "lteq", most)) for most in ("2", "4"))
    for terms in (narrow, wide):
        terms["permission"][0]["duty"] = [{"action": "odrl:compensate"}]
    answer = narrower(parse(narrow), parse(wide), CLOSURE)
    assert (answer.verdict, answer.ground, answer.witness) == ("conflict", "clause", None)


def test_a_request_is_used_no_longer_than_has_passed() -> None:
    """>> at most five days of use offered, nine asked for, both within ten days
    << the example is ten days old at most, and older than its use."""
    first = atom("odrl:elapsedTime", "lteq", "P10D")
    narrow, wide = (offer(first, atom("odrl:meteredTime", "lteq", f"P{days}D")) for days in (5, 9))
    world = shown(wide, narrow)
    assert world.agreement_at is not None
    used = world.facts[O + "meteredTime"].value
    assert isinstance(used, int)
    assert 5 * 86_400_000 < used <= world.now - world.agreement_at <= 10 * 86_400_000

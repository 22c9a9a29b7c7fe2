"""Narrower terms: every answer is checked against the evaluation itself, on every request of a small world."""

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.policy.containment.compare import CLAUSES, RULES
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Atom, Closure, Duty, Policy, Rule
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.fuzz.effort import amount
from tests.kernel.policy import small

policy, atom = small.policy, small.atom
WORLDS = list(small.worlds())
FREELY = settings(deadline=None, suppress_health_check=list(HealthCheck))


SOME = WORLDS[::29]
"""A part of them, for tests that try many policies."""
UNKIND = [world for world in WORLDS if H + "participantKind" not in world.facts]
"""Those without a kind, which tell apart all that `every_atom` says."""


def permitted(terms: Policy, action: str, requests: list[World] = WORLDS) -> frozenset[int]:
    """The requests that are permitted, by number."""
    program = compile(terms)
    found = enumerate(program.verdict(replace(world, action=action), "access") for world in requests)
    return frozenset(number for number, verdict in found if verdict.permit)


def compare(offer: Policy, asked: Policy, closure: Closure = small.CLOSURE) -> tuple[str, str, str]:
    answer = narrower(offer, asked, closure)
    return answer.verdict, answer.ground, answer.pointer


def checked(offer: Policy, asked: Policy) -> str:
    """The verdict, after it has been held against the evaluation of every request."""
    answer = narrower(offer, asked, small.CLOSURE)
    if answer.verdict == "compatible":
        for action in small.ACTIONS:
            assert permitted(asked, action, SOME) <= permitted(offer, action, SOME)
    elif answer.ground in ("clause", "action", "forbidden"):
        if answer.witness is None:  # the example may be somebody who would have to be in a party as in a group
            assert named(offer) or named(asked)
            return answer.verdict
        assert compile(asked).verdict(answer.witness, "access").permit
        assert not compile(offer).verdict(answer.witness, "access").permit
    return answer.verdict


def named(terms: Policy) -> bool:
    """Whether a rule or the policy names a party."""
    rules = (*terms.permissions, *terms.prohibitions)
    return bool(terms.assignee) or any(rule.parties or rule.policy_parties for rule in rules)


# Every pair of comparisons


@pytest.mark.parametrize("left", small.every_atom())
def test_every_pair_of_comparisons_is_judged_exactly(left: str) -> None:
    """>> each comparison of an operand against each other << compatible if and only if no request differs."""
    terms = [policy({"action": "use", "constraint": [one]}) for one in small.every_atom()[left]]
    allowed = [permitted(each, small.USE, UNKIND) for each in terms]
    verdicts = set()
    for (offer, wide), (asked, narrow) in product(zip(terms, allowed, strict=True), repeat=2):
        answer = narrower(offer, asked, small.CLOSURE)
        verdicts.add(answer.verdict)
        assert (answer.verdict == "compatible") == (narrow <= wide), (offer.permissions, asked.permissions)
        assert answer.verdict == "compatible" or answer.witness is not None
    assert verdicts == {"compatible", "conflict"}


@pytest.mark.parametrize(
    "left",
    [pytest.param(left, marks=pytest.mark.long if left.endswith("/purpose") else ()) for left in small.every_atom()],
)
def test_every_pair_of_conditions_of_a_prohibition_is_judged_exactly(left: str) -> None:
    """>> each condition of a prohibition against each other << kept if and only if it forbids at least the same.

    Of purposes, which have most comparisons, the test above shows by default that they are judged so.
    """
    free = {"action": "use"}
    rules = [{"action": "use", "constraint": [one]} for one in small.every_atom()[left]]
    terms = [policy(free, prohibition=[rule]) for rule in rules]
    allowed = [permitted(each, small.USE, UNKIND) for each in terms]
    for (offer, wide), (asked, narrow) in product(zip(terms, allowed, strict=True), repeat=2):
        verdict, ground, _ = compare(offer, asked)
        assert (verdict == "compatible") == (narrow <= wide), (offer.prohibitions, asked.prohibitions)
        assert verdict == "compatible" or ground == "prohibition"


# Any two policies


@settings(FREELY, max_examples=amount(20, 60))
@given(small.POLICIES, small.POLICIES)
def test_of_any_two_policies_compatible_ones_permit_nothing_more(offer: Policy, asked: Policy) -> None:
    """>> any two policies << "compatible" only if no request tells them apart; a conflict in permissions shows one."""
    checked(offer, asked)


@settings(FREELY, max_examples=amount(20, 60))
@given(st.lists(small.CLAUSES, min_size=1, max_size=2), st.lists(small.CLAUSES, min_size=1, max_size=2))
def test_more_clauses_are_narrower_and_fewer_are_not_unless_nothing_changes(one: Any, more: Any) -> None:
    """>> further clauses << compatible; taking them away << compatible only if every request fares the same."""
    wide = policy({"action": "use", "constraint": one})
    narrow = policy({"action": "use", "constraint": [*one, *more]})
    assert checked(wide, narrow) == "compatible"
    if checked(narrow, wide) == "compatible":
        assert permitted(narrow, small.USE, SOME) == permitted(wide, small.USE, SOME)


@settings(FREELY, max_examples=amount(30, 80))
@given(small.POLICIES)
def test_the_same_terms_are_no_wider(terms: Policy) -> None:
    """>> a policy and itself << compatible, whatever it says."""
    assert narrower(terms, terms, small.CLOSURE).verdict == "compatible"


# Numbers, days, windows


BOUNDS = ["1", "2", "3"]


def test_counts_are_compared_within_their_window() -> None:
    """>> fewer uses in the same window << compatible; the same number in a longer or shorter one << as time goes."""

    def at_most(n: str, window: str) -> Policy:
        limit = [atom("odrl:count", "lteq", n), *([atom("odrl:timeInterval", "eq", window)] if window else [])]
        return policy({"action": "use", "constraint": limit})

    for window, (low, high) in product(("", "P1D", "P1M"), pairwise(BOUNDS)):
        assert compare(at_most(high, window), at_most(low, window))[0] == "compatible"
        assert compare(at_most(low, window), at_most(high, window))[0] == "conflict"
    for long, short in ((("P1M"), "P1D"), ("", "P1D"), ("", "P1M")):
        assert compare(at_most("2", short), at_most("2", long))[0] == "compatible"
        assert compare(at_most("2", long), at_most("2", short))[0] == "conflict"


def test_a_whole_day_is_longer_than_its_beginning() -> None:
    """>> until the day, bare or as an instant << the bare date includes its last millisecond."""

    def until(day: str, operator: str = "lteq") -> Policy:
        return policy({"action": "use", "constraint": [atom("odrl:dateTime", operator, day)]})

    assert compare(until("2027-01-01"), until("2027-01-01T00:00:00Z"))[0] == "compatible"
    assert compare(until("2027-01-01T00:00:00Z"), until("2027-01-01"))[0] == "conflict"
    assert compare(until("2027-01-01"), until("2027-01-02T00:00:00+01:00", "lt"))[0] == "compatible"
    assert compare(until("2027-01-02T00:00:00+01:00", "lt"), until("2027-01-01"))[0] == "compatible"
    assert compare(until("2027-01-01T00:00:00+01:00"), until("2026-12-31T23:00:00Z"))[0] == "compatible"


FREE = {"action": "use"}
INFORM = {"action": "odrl:inform"}
STRANGE = {"leftOperand": "https://elsewhere.example/ns#fee", "operator": "eq", "rightOperand": "1"}


# Prohibitions


def test_prohibitions_are_kept_by_wider_ones_and_by_several_together() -> None:
    """>> distribute forbidden; asked: use forbidden, or distribute in two halves << kept; only one half << named."""

    def forbidding(*rules: Any) -> Policy:
        return policy({"action": "odrl:transfer"}, prohibition=list(rules))

    early, late = (atom("odrl:dateTime", operator, "2027-01-01") for operator in ("lt", "gteq"))
    offer = forbidding({"action": "odrl:distribute"})
    halves = [{"action": "odrl:distribute", "constraint": [half]} for half in (early, late)]
    assert compare(offer, forbidding({"action": "use"}))[0] == "compatible"
    assert compare(offer, forbidding(*halves))[0] == "compatible"
    assert compare(offer, forbidding(halves[0])) == ("conflict", "prohibition", "/prohibition/0")
    assert compare(offer, forbidding({"action": "odrl:transfer"}))[0] == "conflict"


@pytest.mark.parametrize(("member", "name"), [("assignee", "did:web:one"), ("target", "urn:data")])
def test_a_prohibition_for_some_is_kept_for_them(member: str, name: str) -> None:
    """>> forbidden to one party or asset; asked: the same, to all, to others, to nobody << kept for that one."""

    def forbidding(*named: str) -> Policy:
        rules = [{"action": "odrl:distribute", **({member: list(named)} if named else {})}]
        return policy(FREE, prohibition=rules)

    assert compare(forbidding(name), forbidding(name))[0] == "compatible"
    assert compare(forbidding(name), forbidding(name, "urn:other"))[0] == "compatible"
    assert compare(forbidding(name), forbidding())[0] == "compatible"
    for less in (forbidding("urn:other"), policy(FREE)):
        assert compare(forbidding(name), less) == ("conflict", "prohibition", "/prohibition/0")
    assert compare(forbidding(), forbidding(name)) == ("conflict", "prohibition", "/prohibition/0")
    assert compare(forbidding(name, "urn:other"), forbidding(name)) == ("conflict", "prohibition", "/prohibition/0")


# What is not understood


def test_what_is_not_understood_must_stand_in_both_in_the_same_words() -> None:
    """>> a strange clause: in both, only in one, in other words << compatible only where it is the same."""
    plain, strange = policy(FREE), policy({"action": "use", "constraint": [STRANGE]})
    other = policy({"action": "use", "constraint": [{**STRANGE, "rightOperand": "2"}]})
    both = policy({"action": "use", "constraint": [STRANGE, atom("odrl:dateTime", "lt", "2027-01-01")]})
    assert compare(strange, strange)[0] == "compatible"
    assert compare(strange, both)[0] == "compatible"
    assert compare(both, strange)[0] == "conflict"
    assert compare(plain, strange) == ("unknown", "term", "/permission/0/constraint/0")
    assert compare(strange, other)[0] != "compatible"
    assert compare(strange, plain) == ("conflict", "clause", "/permission/0/constraint/0")


@pytest.mark.parametrize(
    ("member", "value", "place"),
    [
        ("https://elsewhere.example/ns#note", "free of charge", "/https://elsewhere.example/ns#note"),
        ("inheritFrom", "urn:policy", "/inheritFrom"),
        ("dct:title", "no duties", "/http://purl.org/dc/terms/title"),
        ("profile", "https://elsewhere.example/profile", "/profile"),
        ("conflict", "odrl:whatever", "/conflict"),
    ],
)
def test_what_is_said_beside_the_rules_must_have_been_offered(member: str, value: str, place: str) -> None:
    """>> a note, a parent, a profile, a strategy that the offer does not have << unknown, with its place."""
    assert compare(policy(FREE), policy(FREE, **{member: value}))[::2] == ("unknown", place)
    assert compare(policy(FREE, **{member: value}), policy(FREE, **{member: value}))[0] == "compatible"


@pytest.mark.parametrize("side", ["permission", "prohibition", "obligation"])
def test_an_unknown_action_must_have_been_offered(side: str) -> None:
    """>> an action that nobody knows << unknown wherever it stands, unless the offer has the same."""
    base: dict[str, Any] = {"permission": [FREE]}
    rule = {"action": "https://elsewhere.example/ns#resell"}
    more = parse({**base, side: [*base.get(side, []), rule]})
    assert compare(parse(base), more)[:2] == ("unknown", "term")
    assert compare(more, more)[0] == "compatible"


def test_an_unknown_prohibition_of_the_offer_is_kept_word_by_word() -> None:
    """>> an offered prohibition that nobody understands, left out << not compatible."""
    resell = {"action": "https://elsewhere.example/ns#resell"}
    offer = policy(FREE, prohibition=[resell])
    assert compare(offer, policy(FREE))[0] != "compatible"
    everything = [{"action": "use"}, {"action": "odrl:transfer"}]
    assert compare(offer, policy(FREE, prohibition=everything)) == ("unknown", "term", "/prohibition/0")
    assert compare(offer, policy(FREE, prohibition=[resell, *everything]))[0] == "compatible"


def test_a_permission_that_nobody_understands_may_be_left_out() -> None:
    """>> an offered permission for an unknown action, not asked for << compatible: less is asked."""
    assert compare(policy(FREE, {"action": "https://elsewhere.example/ns#resell"}), policy(FREE))[0] == "compatible"


# Who and what it is about


def test_for_whom_and_about_what() -> None:
    """>> an offer for one party or asset << narrower for the same one, wider for everybody or for others."""

    def terms(**more: str) -> Policy:
        return policy(FREE, **more)

    for member in ("assignee", "target"):
        mine, yours = terms(**{member: "urn:mine"}), terms(**{member: "urn:yours"})
        assert compare(terms(), mine)[0] == "compatible"
        assert compare(mine, mine)[0] == "compatible"
        assert compare(mine, terms())[:2] == ("conflict", "party")
        assert compare(mine, yours)[:2] == ("conflict", "party")
    assert compare(terms(assigner="urn:mine"), terms(assigner="urn:yours"))[:2] == ("conflict", "party")


def test_members_of_a_collection() -> None:
    """>> a collection, the same with a refinement, another, one member << narrower only with the same source."""

    def of(source: str, *refinements: Any) -> Policy:
        group = {"@type": "PartyCollection", "source": source, "refinement": list(refinements)}
        return policy({"action": "use", "assignee": group})

    kind = atom(H + "participantKind", "eq", small.KINDS[0])
    assert compare(of("urn:g"), of("urn:g", kind))[0] == "compatible"
    assert compare(of("urn:g", kind), of("urn:g"))[0] == "conflict"
    assert compare(of("urn:g"), of("urn:h"))[0] == "conflict"
    assert compare(of("urn:g"), policy({"action": "use", "assignee": "did:web:one"}))[0] == "conflict"
    assert compare(of("urn:g"), policy(FREE))[0] == "conflict"


def test_to_be_somebody_is_not_to_be_a_member_of_it() -> None:
    """>> forbidden to one, or to the members of a collection of that name << a bare name means both."""

    def forbidding(whom: Any) -> Policy:
        return policy(FREE, prohibition=[{"action": "odrl:distribute", "assignee": whom}])

    members = forbidding({"@type": "PartyCollection", "source": "did:web:one"})
    assert compare(forbidding("did:web:one"), members) == ("conflict", "prohibition", "/prohibition/0")
    assert compare(members, forbidding("did:web:one"))[0] == "compatible"
    named = policy({"action": "use", "assignee": "did:web:one"})
    meant = policy({"action": "use", "constraint": [atom(H + "participant", "eq", "did:web:one")]})
    assert compare(named, meant)[0] == "compatible"
    assert compare(meant, named)[0] == "conflict"


@pytest.mark.parametrize(("left", "one", "other"), [("odrl:dateTime", "lt", "gteq"), (H + "participant", "eq", "neq")])
def test_every_request_has_a_time_and_a_requester(left: str, one: str, other: str) -> None:
    """>> offered: either this or its opposite; asked: no condition << compatible where the value is always known."""
    value = "2027-01-01T00:00:00Z" if left == "odrl:dateTime" else "did:web:one"
    either = {"or": [atom(left, one, value), atom(left, other, value)]}
    assert compare(policy({"action": "use", "constraint": [either]}), policy(FREE))[0] == "compatible"
    kind = {"or": [atom(H + "participantKind", op, small.KINDS[0]) for op in ("eq", "neq")]}
    assert compare(policy({"action": "use", "constraint": [kind]}), policy(FREE))[0] == "conflict"


def test_an_action_within_the_offered_one() -> None:
    """>> use offered, distribute asked << compatible; the other way round << the asked permission is named."""
    use, distribute = policy({"action": "use"}), policy({"action": "odrl:distribute"})
    assert compare(use, distribute)[0] == "compatible"
    assert compare(distribute, use) == ("conflict", "action", "/permission/0")
    assert compare(policy(FREE), policy(FREE, {"action": "odrl:transfer"})) == ("conflict", "action", "/permission/1")


def test_an_action_with_a_refinement() -> None:
    """>> printing up to a resolution << narrower below it, wider above it or without."""

    def at(*resolution: str) -> Policy:
        parts = [atom("odrl:absoluteSize", "lteq", each) for each in resolution]
        return policy({"action": [{"rdf:value": {"@id": "odrl:print"}, "refinement": parts}]})

    assert compare(at("1200"), at("600"))[0] == "compatible"
    assert compare(at("600"), at("1200"))[0] == "conflict"
    assert compare(at("600"), at())[0] == "conflict"


# Bounded


def test_a_question_that_is_too_large_is_not_known() -> None:
    """>> more comparisons than are read, or a search without end << unknown because of its size."""

    def many(count: int, start: int = 0) -> Policy:
        parts = [atom(H + "memberOf", "isAnyOf", [f"urn:{n}", f"urn:{n + 1}"]) for n in range(start, start + count)]
        return policy({"action": "use", "constraint": [{"or": [{"and": [p, q]} for p, q in pairwise(parts)]}]})

    assert compare(many(CLAUSES), policy(FREE)) == ("unknown", "size", "")
    assert compare(policy(*[FREE] * RULES), policy(FREE)) == ("unknown", "size", "")
    assert compare(policy(*[FREE] * (RULES - 1)), policy(FREE))[0] == "compatible"
    assert compare(many(60), many(60, 7)) in {
        ("unknown", "size", ""),
        ("conflict", "clause", "/permission/0/constraint/0"),
    }


def test_the_same_large_clause_needs_no_search() -> None:
    """>> 262 branches in both << compatible at once, because equal words are equal."""
    parts = [{"and": [atom(H + "memberOf", "eq", f"urn:{n}"), atom("odrl:count", "lteq", "3")]} for n in range(131)]
    wide = policy({"action": "use", "constraint": [{"or": parts}]})
    narrow = policy({"action": "use", "constraint": [{"or": parts}, atom("odrl:dateTime", "lt", "2027-01-01")]})
    assert compare(wide, narrow)[0] == "compatible"


def test_what_fails_is_part_of_the_answer() -> None:
    """>> an answer << holds the clause, rule or duty that fails, so that it can be said in words."""
    late = policy({"action": "use", "constraint": [{"and": [atom("odrl:dateTime", "lt", "2028-01-01")]}]})
    asked = policy({"action": "use"})
    assert isinstance(narrower(late, asked, small.CLOSURE).item, Atom)
    assert isinstance(narrower(policy(), asked, small.CLOSURE).item, Rule)
    assert isinstance(narrower(policy(FREE, obligation=[INFORM]), asked, small.CLOSURE).item, Duty)

"""Decisions: phases, fail closed, prohibitions, duties, counters, and when time changes them."""

from typing import Any

import pytest

from connector.kernel.policy.evaluation.decision import Counter
from connector.kernel.policy.evaluation.edges_in_time import expires_at
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.asking import (
    COUNT,
    ELAPSED,
    FROM,
    KIND,
    NOW,
    ODD,
    PURPOSE,
    SILENT,
    SOON,
    UNTIL,
    H,
    O,
    ask,
    atom,
    offer,
    phases,
    world,
)
from tests.kernel.policy.deciding import decide


@pytest.mark.parametrize(
    ("constraint", "changes", "expected"),
    [
        (KIND, {}, "pppp"),
        (KIND, {"kind": H + "company"}, "----"),
        (KIND, {"kind": None}, "----"),
        (PURPOSE, {}, "dppp"),
        (PURPOSE, {"purpose": H + "research"}, "d---"),
        (PURPOSE, {"purpose": H + "unheard"}, "d---"),
        (PURPOSE, {"purpose": None, "purpose_source": None}, "d---"),
        (PURPOSE, {"purpose": None, "purpose_source": "contractual"}, "dppp"),
        (COUNT, {}, "dddp"),
        (COUNT, {"uses": 3}, "ddd-"),
        (COUNT, {"uses": None}, "ddd-"),
        (ELAPSED, {}, "dddp"),
        (ELAPSED, {"agreement_at": NOW - 5000}, "dddp"),
        (ELAPSED, {"agreement_at": NOW - 5001}, "ddd-"),
        (ELAPSED, {"agreement_at": None}, "ddd-"),
        (UNTIL, {}, "pppp"),
        (UNTIL, {"now": 1_830_294_000_000}, "----"),
        (FROM, {}, "ddd-"),
        (FROM, {"now": 1_800_000_000_000}, "pppp"),
        (atom(H + "memberOf", "isAnyOf", "urn:ikz"), {}, "pppp"),
        (atom(H + "memberOf", "isNoneOf", "urn:other"), {}, "pppp"),
        (atom(H + "memberOf", "isNoneOf", "urn:other"), {"groups": None}, "----"),
        (atom(H + "memberOf", "isNoneOf", "urn:other"), {"groups": frozenset()}, "pppp"),
        (atom(H + "participant", "isAnyOf", ["did:web:town"]), {}, "pppp"),
        (atom(H + "participant", "eq", {"@id": "did:web:other"}), {}, "----"),
        (atom(H + "adminLevel", "eq", H + "stateLevel"), {}, "----"),
        (atom(H + "adminLevel", "eq", H + "stateLevel"), {"admin_level": H + "stateLevel"}, "pppp"),
        (ODD, {}, "----"),
        (atom("odrl:spatial", "lt", "DE"), {}, "----"),
        (atom("odrl:dateTime", "term-lteq", "2099-01-01"), {}, "----"),
        (atom("odrl:dateTime", "lt", "later"), {}, "----"),
        (UNTIL | {"ex:unless": "never"}, {}, "----"),
        ({"@id": "urn:constraint"}, {}, "----"),
    ],
    ids=str,
)
def test_each_operand_in_each_phase(constraint: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    """A phase that can decide decides; earlier ones defer; what is unknown or not understood never permits."""
    assert phases(offer(constraint), world(**changes)) == expected


@pytest.mark.parametrize(
    ("members", "changes", "expected"),
    [
        ({}, {}, "pppp"),
        ({"profile": "https://w3id.org/hanse/v1"}, {}, "pppp"),
        ({"profile": "https://test.com/profile"}, {}, "----"),
        ({"odrl:conflict": "ex:coin"}, {}, "----"),
        ({"odrl:inheritFrom": "urn:x"}, {}, "----"),
        ({"dct:title": "Baumkataster"}, {}, "pppp"),
        ({"@type": "Ticket"}, {}, "----"),
        ({"@type": "Agreement", "assignee": "did:web:town"}, {}, "pppp"),
        ({"@type": "Agreement", "assignee": "did:web:other"}, {}, "----"),
        ({"target": "urn:trees"}, {"target": "urn:trees"}, "pppp"),
        ({"target": "urn:trees"}, {"target": "urn:graves"}, "----"),
        ({"permission": {"action": "use", "assignee": "did:web:other"}}, {}, "----"),
        ({"permission": {"action": "use", "assignee": {"@type": "PartyCollection"}}}, {}, "----"),
        ({"permission": {"action": "use", "target": "urn:trees"}}, {}, "----"),
        ({"permission": {"action": "use", "ex:unless": "x"}}, {}, "----"),
        ({"permission": {"action": "ex:fly"}}, {}, "----"),
        ({"permission": {"action": {"value": "odrl:use", "refinement": UNTIL}}}, {}, "pppp"),
        ({"permission": {"action": {"value": "odrl:use", "refinement": ODD}}}, {}, "----"),
        ({"permission": {"action": {"value": "odrl:use", "refinement": PURPOSE}}}, {}, "dppp"),
        ({"permission": {"action": {"value": "odrl:use", "refinement": PURPOSE}}}, SILENT, "d---"),
        ({"permission": {"action": "odrl:distribute"}}, {}, "pp--"),
        ({"permission": {"action": "odrl:distribute"}}, {"action": O + "distribute"}, "pppp"),
        ({}, {"action": O + "distribute"}, "pppp"),
        ({}, {"action": O + "sell"}, "p---"),
        ({}, {"action": "ex:fly"}, "p---"),
        ({"permission": []}, {}, "----"),
        ({"prohibition": {"action": "odrl:distribute"}}, {}, "pppp"),
        ({"prohibition": {"action": "odrl:distribute"}}, {"action": O + "distribute"}, "p---"),
        ({"prohibition": {"action": "use"}}, {}, "----"),
        ({"prohibition": {"action": "use", "constraint": ODD}}, {}, "----"),
        ({"prohibition": {"action": "use", "constraint": FROM}}, {}, "pppp"),
        ({"prohibition": {"action": "use", "constraint": UNTIL}}, {}, "----"),
        ({"prohibition": {"action": "use", "constraint": COUNT}}, {"uses": 1}, "ppp-"),
        ({"prohibition": {"action": "use", "constraint": COUNT}}, {"uses": 3}, "pppp"),
        ({"prohibition": {"action": "use", "constraint": PURPOSE}}, SILENT, "p---"),
        ({"prohibition": {"action": "use", "assignee": "did:web:other"}}, {}, "pppp"),
        ({"prohibition": {"action": "use", "assignee": {"@type": "PartyCollection"}}}, {}, "----"),
        ({"prohibition": {"action": "ex:fly"}}, {}, "----"),
        ({"prohibition": {"action": {"value": "odrl:sell", "refinement": UNTIL}}}, {}, "pppp"),
        ({"prohibition": {"action": {"value": "odrl:use", "refinement": UNTIL}}}, {}, "----"),
        ({"prohibition": {"action": {"value": "odrl:use", "refinement": ODD}}}, {}, "----"),
        ({"prohibition": {"action": {"value": "odrl:use", "refinement": FROM}}}, {}, "pppp"),
        ({"prohibition": {"action": "use"}, "odrl:conflict": "odrl:perm"}, {}, "pppp"),
        ({"prohibition": {"action": "use"}, "odrl:conflict": "odrl:invalid"}, {}, "----"),
        ({"obligation": {"action": "odrl:delete"}}, {}, "pppp"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:attribute"}}}, {}, "pppp"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:attribute", "ex:by": "x"}}}, {}, "ddd-"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:compensate"}}}, {}, "ddd-"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:compensate", "constraint": FROM}}}, {}, "dddp"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:compensate", "constraint": ODD}}}, {}, "ddd-"),
        ({"permission": {"action": "use", "duty": {"action": "odrl:anonymize"}}}, {}, "ddd-"),
        ({"permission": {"action": "use", "duty": {"action": "ex:dance"}}}, {}, "ddd-"),
    ],
    ids=str,
)
def test_rules_in_each_phase(members: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    """Actions, parties, targets, prohibitions, duties and everything a policy says that we do not understand."""
    assert phases(offer() | members, world(**changes)) == expected


@pytest.mark.parametrize(
    ("operator", "constraints", "expected"),
    [
        ("and", [KIND, UNTIL], "pppp"),
        ("and", [KIND, FROM], "ddd-"),
        ("or", [FROM, KIND], "pppp"),
        ("or", [ODD, COUNT], "dddp"),
        ("or", [ODD, FROM], "ddd-"),
        ("xone", [KIND, UNTIL], "----"),
        ("xone", [KIND, atom(H + "participantKind", "eq", H + "county")], "pppp"),
        ("xone", [KIND, ODD], "----"),
        ("xone", [KIND, COUNT], "ddd-"),
        ("andSequence", [KIND, UNTIL], "pppp"),
        ("andSequence", [KIND, ODD], "----"),
    ],
)
def test_connectives_in_each_phase(operator: str, constraints: list[object], expected: str) -> None:
    """`and`, `or`, `xone`, `andSequence` over clauses of different phases."""
    assert phases(offer({operator: constraints})) == expected


def test_the_first_permission_that_holds_grants() -> None:
    """One permission suffices; its duties apply, not those of the others."""
    first = {"action": "use", "constraint": [ODD]}
    second = {"action": "use", "duty": {"action": "odrl:attribute"}}
    decision = ask({"permission": [first, second, {"action": "use"}]})
    assert (decision.permit, decision.rule) == (True, "/permission/1")
    assert [duty.action.iri for duty in decision.duties] == [O + "attribute"]


@pytest.mark.parametrize(
    ("document", "counters"),
    [
        (offer(KIND), ()),
        (offer({"or": [KIND, COUNT]}), (Counter("count", ""),)),
        (offer(prohibition={"action": "use", "constraint": atom("odrl:count", "gt", "5")}), (Counter("count", ""),)),
        ({"permission": [{"action": "use"}, {"action": "use", "constraint": COUNT}]}, ()),
    ],
    ids=str,
)
def test_counters(document: dict[str, Any], counters: tuple[str, ...]) -> None:
    """A use counts if the granting permission or a prohibition asks for the number, and only at access."""
    assert ask(document).counters == counters
    assert ask(document, "transfer").counters == ()


def test_an_undeclared_purpose_is_marked_as_contractual() -> None:
    """The decision says that the peer only bound itself to the agreed purposes."""
    silent = world(purpose=None, purpose_source="contractual")
    assert ask(offer(PURPOSE), asker=silent).purpose_source == "contractual"
    assert ask(offer(PURPOSE)).purpose_source == "declared"
    assert ask(offer(KIND)).purpose_source == ""


@pytest.mark.parametrize(
    ("document", "change"),
    [
        (offer(KIND), None),
        (offer(UNTIL), 1_830_294_000_000),
        (offer(ELAPSED), NOW - 3000 + 5001),
        (offer(UNTIL, {"or": [ELAPSED, KIND]}), NOW - 3000 + 5001),
        (offer(prohibition={"action": "use", "constraint": FROM}), 1_798_758_000_000),
        (offer(atom("odrl:dateTime", "lt", SOON)), None),
    ],
    ids=str,
)
def test_next_change_is_the_next_instant_at_which_the_answer_can_flip(
    document: dict[str, Any], change: int | None
) -> None:
    """Nothing changes by time alone before it."""
    decision = ask(document, asker=world(now=NOW + 8000 if "11:06" in str(document) else NOW))
    assert decision.next_change == change
    if change is not None:
        assert ask(document, asker=world(now=change - 1)).permit == decision.permit


@pytest.mark.parametrize(
    ("constraints", "end"),
    [
        ([KIND], None),
        ([UNTIL], 1_830_294_000_000),
        ([UNTIL, ELAPSED], NOW + 5001),
        ([{"and": [UNTIL, ELAPSED]}], NOW + 5001),
        ([{"or": [UNTIL, ELAPSED]}], 1_830_294_000_000),
        ([{"or": [UNTIL, KIND]}], None),
        ([FROM], None),
        ([atom("odrl:dateTime", "lteq", "2027-12-31")], 1_830_294_000_000),
        ([atom("odrl:dateTime", "eq", "2027-12-31")], 1_830_294_000_000),
        ([atom("odrl:dateTime", "lteq", "2027-12-31Z")], 1_830_297_600_000),
    ],
    ids=str,
)
def test_the_end_of_a_policy(constraints: list[object], end: int | None) -> None:
    """`expires_at` is the first instant at which time alone forbids every use."""
    assert expires_at(parse(offer(*constraints)), NOW) == end
    if end is not None:
        policy, claims = parse(offer(*constraints)), {"agreement_at": NOW}
        assert not decide(policy, world(now=end, **claims), "access").permit
        assert decide(policy, world(now=end - 1, **claims), "access").permit


def test_expiry_needs_the_end_of_every_permission() -> None:
    """One permission without an end keeps the policy alive."""
    rules = [{"action": "use", "constraint": UNTIL}, {"action": "use", "constraint": ELAPSED}]
    assert expires_at(parse({"permission": rules}), NOW) == 1_830_294_000_000
    assert expires_at(parse({"permission": [*rules, {"action": "use"}]}), NOW) is None
    assert expires_at(parse(offer(ELAPSED)), None) is None


def test_a_policy_that_permits_nothing_says_so() -> None:
    """>> no permission at all << refused, and the reason is that there is none."""
    for document, kinds in (({"permission": []}, ["nothing"]), (offer(), [])):
        children = ask(document).tree.children
        assert [node.kind for node in children if node.kind == "nothing"] == kinds

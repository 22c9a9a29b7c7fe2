"""Decisions: phases, fail closed, prohibitions, duties, counters, and the properties of policy.md 3.4."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.evaluate import Decision, decide
from connector.policy.instants import expires_at
from connector.policy.model import PHASES, Closure
from connector.policy.operands import REGISTRY, left_operand
from connector.policy.parse import parse
from connector.policy.values import Type
from connector.policy.world import World

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741
NOW = 1_795_000_000_000
SOON = "2026-11-18T11:06:45Z"
TOWN = World(
    now=NOW,
    participant="did:web:town",
    kind=H + "municipality",
    groups=frozenset({"urn:ikz"}),
    purpose=H + "winterService",
    purpose_source="declared",
    agreement_at=NOW - 3000,
    uses=1,
    closure=Closure(
        {
            H + "winterService": frozenset({H + "winterService", H + "operations"}),
            H + "operations": frozenset({H + "operations"}),
            H + "research": frozenset({H + "research"}),
        }
    ),
)

SILENT = {"purpose": None, "purpose_source": "contractual"}


def world(**changes: Any) -> World:
    return World(**{name: getattr(TOWN, name) for name in World.__struct_fields__} | changes)


def atom(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


KIND = atom(H + "participantKind", "isAnyOf", [H + "municipality", H + "county"])
PURPOSE = atom("odrl:purpose", "isPartOf", H + "operations")
COUNT = atom("odrl:count", "lteq", "2")
ELAPSED = atom("odrl:elapsedTime", "lteq", "PT5S")
UNTIL = atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00")
FROM = atom("odrl:dateTime", "gteq", "2027-01-01T00:00:00+01:00")
ODD = atom("partner", "eq", "gold")


def offer(*constraints: object, **members: Any) -> dict[str, Any]:
    return {
        "permission": [{"action": "use", "constraint": list(constraints)}],
        "odrl:conflict": "odrl:prohibit",
    } | members


def ask(document: dict[str, Any], phase: Any = "access", asker: World = TOWN) -> Decision:
    return decide(parse(document), asker, phase)


def phases(document: dict[str, Any], asker: World = TOWN) -> str:
    """One letter per phase: p permitted, d permitted with something deferred, - refused."""
    decisions = [ask(document, phase, asker) for phase in PHASES]
    return "".join("-" if not d.permit else "d" if d.deferred else "p" for d in decisions)


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
        (atom("odrl:spatial", "eq", "DE"), {}, "----"),
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
        ({"permission": {"action": {"@id": "odrl:use", "refinement": UNTIL}}}, {}, "----"),
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
        ({"prohibition": {"action": {"@id": "odrl:sell", "refinement": UNTIL}}}, {}, "----"),
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
)  # fmt: skip
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
        (offer({"or": [KIND, COUNT]}), ("count",)),
        (offer(KIND, prohibition={"action": "use", "constraint": atom("odrl:count", "gt", "5")}), ("count",)),
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
        ([atom("odrl:dateTime", "lteq", "2027-12-31")], 1_830_297_600_000),
        ([atom("odrl:dateTime", "eq", "2027-12-31")], 1_830_297_600_000),
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


def test_an_operand_needs_phases_and_a_free_name() -> None:
    """The registry refuses what would leave open when an operand is decided, and a second owner of a name."""
    for iri, when in ((H + "new", []), (H + "memberOf", ["access"])):
        with pytest.raises(ValueError, match="hanse"):
            left_operand(iri, type=Type.IRI, source="declared", phases=when, operators=["eq"])
    assert H + "new" not in REGISTRY


def test_facts_of_the_world_are_plain_and_complete() -> None:
    """The decision record holds every fact but the closure, whose digest is kept beside it."""
    facts = TOWN.facts()
    assert facts["groups"] == ["urn:ikz"]
    assert set(facts) == {n for n in World.__struct_fields__ if getattr(TOWN, n) not in (None, "")} - {"closure"}


ATOMS = st.sampled_from([KIND, PURPOSE, COUNT, ELAPSED, UNTIL, FROM, ODD, atom(H + "memberOf", "isNoneOf", "urn:ikz")])
CLAUSES = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda name, clauses: {name: clauses},
        st.sampled_from(["and", "or", "xone"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
RULES = st.fixed_dictionaries(
    {"action": st.sampled_from(["use", "odrl:distribute", "odrl:sell"]), "constraint": st.lists(CLAUSES, max_size=2)}
)
POLICIES = st.fixed_dictionaries(
    {
        "permission": st.lists(RULES, min_size=1, max_size=3),
        "prohibition": st.lists(RULES, max_size=2),
        "odrl:conflict": st.sampled_from(["odrl:prohibit", "odrl:perm"]),
    }
)
WORLDS = st.builds(
    world,
    kind=st.sampled_from([H + "municipality", H + "company", None]),
    groups=st.sampled_from([frozenset(), frozenset({"urn:ikz"}), None]),
    purpose=st.sampled_from([H + "winterService", H + "research", None]),
    action=st.sampled_from(["", O + "distribute"]),
    uses=st.sampled_from([1, 3, None]),
    agreement_at=st.sampled_from([NOW, NOW - 9000, None]),
)
ANY_PHASE = st.sampled_from(PHASES)


@given(POLICIES, RULES, WORLDS)
def test_adding_a_permission_never_denies(document: dict[str, Any], rule: dict[str, Any], asker: World) -> None:
    """More permissions permit at least as much, under `prohibit` and `perm`."""
    more = document | {"permission": [rule, *document["permission"]]}
    assert ask(more, asker=asker).permit >= ask(document, asker=asker).permit


@given(POLICIES, RULES, WORLDS, ANY_PHASE)
def test_adding_a_prohibition_never_allows(
    document: dict[str, Any], rule: dict[str, Any], asker: World, phase: str
) -> None:
    """More prohibitions permit at most as much, in every phase."""
    more = document | {"prohibition": [rule, *document["prohibition"]]}
    assert ask(more, phase, asker).permit <= ask(document, phase, asker).permit


@given(POLICIES, WORLDS, ANY_PHASE)
def test_order_never_changes_the_answer(document: dict[str, Any], asker: World, phase: str) -> None:
    """Rules, constraints and operands may come in any order."""

    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turned(entry) for entry in reversed(value)]
        return {k: turned(v) for k, v in reversed(value.items())} if isinstance(value, dict) else value

    assert ask(turned(document), phase, asker).permit == ask(document, phase, asker).permit


@given(POLICIES, WORLDS, ANY_PHASE)
def test_names_that_no_clause_mentions_do_not_matter(document: dict[str, Any], asker: World, phase: str) -> None:
    """Two participants with equal claims get the same answer."""
    other = world(**{n: getattr(asker, n) for n in World.__struct_fields__} | {"participant": "did:web:twin"})
    assert ask(document, phase, asker).permit == ask(document, phase, other).permit


@pytest.mark.threat("T22")
@settings(max_examples=300)
@given(POLICIES, WORLDS, ANY_PHASE, st.data())
def test_an_unknown_constraint_never_widens_access(
    document: dict[str, Any], asker: World, phase: str, data: Any
) -> None:
    """Whatever a peer adds that we do not know, into whichever rule: nobody gets more than before."""
    kind = data.draw(st.sampled_from([name for name in ("permission", "prohibition") if document[name]]))
    index = data.draw(st.integers(0, len(document[kind]) - 1))
    unknown = data.draw(st.sampled_from([ODD, {"@id": "urn:x"}, {"or": [ODD]}, UNTIL | {"ex:unless": "x"}]))
    rule = document[kind][index]
    rules = [
        *document[kind][:index],
        rule | {"constraint": [*rule["constraint"], unknown]},
        *document[kind][index + 1 :],
    ]
    assert ask(document | {kind: rules}, phase, asker).permit <= ask(document, phase, asker).permit


@given(POLICIES, WORLDS)
def test_what_access_permits_no_earlier_phase_refuses(document: dict[str, Any], asker: World) -> None:
    """Deferral never hides an offer that could be used (without prohibitions, whose unknowns refuse early)."""
    free = document | {"prohibition": []}
    if ask(free, asker=asker).permit:
        assert all(ask(free, phase, asker).permit for phase in PHASES)

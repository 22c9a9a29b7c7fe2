"""What is not understood never permits: odd names, empty lists, values of several elements.

Every question goes both ways through the engine, the short one and the one with reasons, which must agree.
"""

from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.policy.conflict.conflict import contradictions
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES, Atom, PolicyError
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.odrl.values import Type
from connector.kernel.policy.wording.badges import coverage
from tests.fuzz.effort import amount
from tests.kernel.policy import fuzz
from tests.kernel.policy.fuzz import FIRM, NOW, ODD_NAMES, TOWN
from tests.kernel.policy.worlds import atom

FOREIGN = fuzz.FOREIGN[0]
MEDIA = "https://www.iana.org/assignments/media-types/text/csv"
KNOWN = {
    "purposeScheme": "heatPlanning",
    "areaScheme": "DE-NW",
    "occasionScheme": "passedOn",
    "deliveryChannelScheme": "api",
    "participantKindScheme": "company",
    "adminLevelScheme": "stateLevel",
    "roleScheme": "auditOffice",
    "securityProfileScheme": "baseSecurity",
    "legalBasisScheme": "consentBasis",
    "eventStateScheme": "active",
}
"""A concept of each list that a condition may name."""
NAMED = sorted(
    iri for iri, operand in REGISTRY.items() if operand.type in (Type.CONCEPT, Type.IRI) and operand.role == "condition"
)


def actual(left: str) -> str:
    """A value that is understood of this operand."""
    range = REGISTRY[left].range
    return {"did": TOWN, "party": TOWN, "media-type": MEDIA, "identifier": "urn:example:ikz"}.get(
        range, H + KNOWN.get(range, "company")
    )


def knowing(left: str, *values: str) -> World:
    sources = {"declared": "declared", "measured": "measured", "verified-credential": "verified-credential"}
    fact = Fact(frozenset(values), sources[REGISTRY[left].source])  # type: ignore[arg-type]
    purpose = values[0] if left == O + "purpose" and values else None
    return World(
        now=NOW,
        participant=TOWN,
        facts={left: fact, O + "systemDevice": fact} if left in (O + "device", O + "system") else {left: fact},
        purpose=purpose,
        purpose_source="declared" if purpose else None,
        closure=vocabulary().closure,
    )


def permits(document: dict[str, Any], world: World, phase: Any = "access") -> bool:
    program = compile(parse(document))
    decision = program.examine(world, phase)
    assert program.verdict(world, phase).permit is decision.permit
    return decision.permit


def allowed(clause: dict[str, Any]) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": [clause]}]}


def forbidden(clause: dict[str, Any]) -> dict[str, Any]:
    prohibition = {"action": "use", "constraint": [clause]}
    return {"permission": [{"action": "use"}], "prohibition": [prohibition], "odrl:conflict": "odrl:prohibit"}


@pytest.mark.threat("T62")
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("left", NAMED)
def test_names_that_are_no_concepts_satisfy_no_negative(left: str, step: int) -> None:
    """>> each operand of names, each operator, an odd name  << no permission by it, and no prohibition escaped.

    Of one operand each third of them, of the next the others.
    """
    names = ODD_NAMES if REGISTRY[left].range in ("identifier", "party") else [*ODD_NAMES, FOREIGN]
    world = knowing(left, actual(left))
    cases = [*product(names, sorted(REGISTRY[left].operators))]
    for name, operator in cases[NAMED.index(left) % step :: step]:
        assert not permits(allowed(atom(left, operator, name)), world), (name, operator)
        assert not permits(forbidden(atom(left, operator, name)), world), (name, operator)


@pytest.mark.threat("T62")
@pytest.mark.parametrize("purpose", ["hanse:productDevelopment", "productDevelopment", FOREIGN, H + "municipality"])
def test_a_purpose_that_is_no_concept_escapes_no_prohibition(purpose: str) -> None:
    """>> a prohibition on product development, and a purpose spelled so that it equals nothing  << refused."""
    world = knowing(O + "purpose", purpose)
    for operator in ("eq", "isAnyOf", "isPartOf", "isA"):
        assert not permits(forbidden(atom("odrl:purpose", operator, H + "productDevelopment")), world)
    for operator in ("neq", "isNoneOf"):
        assert not permits(allowed(atom("odrl:purpose", operator, H + "productDevelopment")), world)


@pytest.mark.parametrize(
    ("operator", "others", "permit", "forbid"),
    [
        ("isAnyOf", ["heatPlanning"], True, True),
        ("isAnyOf", ["research"], False, True),
        ("isNoneOf", ["heatPlanning"], False, False),
        ("isNoneOf", ["research"], False, True),
        ("isAllOf", ["research"], False, False),
        ("isAllOf", ["heatPlanning"], False, True),
        ("isPartOf", ["statutoryTask"], True, True),
        ("isPartOf", ["research"], False, True),
        ("hasPart", ["research"], False, False),
        ("hasPart", ["heatPlanning"], False, True),
    ],
)
@pytest.mark.parametrize("odd", ["hanse:x", "Forschung, Lehre"])
def test_in_a_list_the_understood_names_decide_what_the_odd_one_cannot_change(
    operator: str, others: list[str], permit: bool, forbid: bool, odd: str
) -> None:
    """>> heat planning asked; some known purposes and an odd one  << satisfied, failed, or unknown."""
    clause = atom("odrl:purpose", operator, [*(H + name for name in others), odd])
    world = knowing(O + "purpose", H + "heatPlanning")
    assert permits(allowed(clause), world) is permit
    assert permits(forbidden(clause), world) is not forbid
    (row,) = [row for row in coverage(parse(allowed(clause))) if row.kind == "constraint"]
    assert (row.badge, row.notes) == ("contractual", ("not-understood",))


@pytest.mark.parametrize("operator", sorted(REGISTRY[O + "purpose"].operators))
def test_a_literal_of_a_foreign_type_or_in_a_language_is_no_name(operator: str) -> None:
    """>> the right concept as a tagged text, or of a type that nobody knows  << unknown both ways."""
    for literal in (
        {"@value": H + "research", "@type": "urn:x:purpose"},
        {"@value": H + "research", "@language": "de"},
        {"@value": 7},
        [],
    ):
        clause = atom("odrl:purpose", operator, literal)
        world = knowing(O + "purpose", H + "heatPlanning")
        assert not permits(allowed(clause), world)
        assert not permits(forbidden(clause), world)


@pytest.mark.parametrize("several", ["2.1, 2.2", "2.1;2.2", "2.1\n", " 2.1", ""])
@pytest.mark.parametrize("operator", sorted(REGISTRY[O + "version"].operators))
def test_a_list_in_one_text_is_no_version(operator: str, several: str) -> None:
    """>> none of "2.1, 2.2", asked for 2.1  << not satisfied, and no prohibition escaped."""
    clause, world = atom("odrl:version", operator, several), knowing(O + "version", "2.1")
    assert not permits(allowed(clause), world)
    assert not permits(forbidden(clause), world)


@pytest.mark.parametrize("name", ["hanse:productDevelopment", FOREIGN, H + "municipality"])
def test_an_author_is_told_of_a_name_that_is_no_concept(name: str) -> None:
    """>> published: none of an odd purpose  << an error at its place, and no badge but "contractual"."""
    policy = parse(allowed(atom("odrl:purpose", "isNoneOf", [name])))
    found = contradictions(policy, vocabulary().closure)
    assert ("term", "/permission/0/constraint/0") in [(one.fault, one.pointer) for one in found]
    rows = coverage(policy, closure=vocabulary().closure)
    assert ("not-understood",) in [row.notes for row in rows]


NFC, NFD = "https://groups.example/Münster", "https://groups.example/Mu\u0308nster"


@pytest.mark.threat("T62")
@pytest.mark.parametrize(("wanted", "had"), [(NFC, NFD), (NFD, NFC), (NFC, "https://groups.example/M%C3%BCnster")])
def test_another_spelling_of_an_iri_permits_nothing(wanted: str, had: str) -> None:
    """>> a group composed here and decomposed there  << neither in it nor out of it, in clauses and targets."""
    world = knowing(H + "memberOf", had)
    assert not permits(allowed(atom(H + "memberOf", "isNoneOf", wanted)), world)
    assert not permits(forbidden(atom(H + "memberOf", "eq", wanted)), world)
    rule = {"action": "use", "target": wanted}
    document = {"permission": [{"action": "use"}], "prohibition": [rule], "odrl:conflict": "odrl:prohibit"}
    about = World(now=NOW, participant=TOWN, target=had)
    assert not permits(document, about)
    assert not permits({"permission": [rule]}, about)


@pytest.mark.threat("T62")
@pytest.mark.parametrize("had", ["urn:example:ikz?+v=1", "urn:example:ikz?=q", "urn:example:ikz#f"])
def test_what_follows_the_name_in_a_urn_makes_no_other_group_of_it(had: str) -> None:
    """>> a group with a query behind its URN  << neither that group nor another one (RFC 8141, 3.1)."""
    world = knowing(H + "memberOf", had)
    assert not permits(allowed(atom(H + "memberOf", "isNoneOf", "urn:example:ikz")), world)
    assert not permits(forbidden(atom(H + "memberOf", "eq", "urn:example:ikz")), world)
    assert permits(
        allowed(atom(H + "memberOf", "isNoneOf", "urn:example:ikz")), knowing(H + "memberOf", "urn:example:b")
    )


@pytest.mark.threat("T62")
def test_a_limit_for_the_whole_agreement_is_not_lost_to_the_window_of_a_rule() -> None:
    """>> 100 uses on the policy, 10 a day in the rule, 5000 used  << not read as 100 a day, in one list neither."""
    whole, daily, day = (
        atom("odrl:count", "lteq", "100"),
        atom("odrl:count", "lteq", "10"),
        atom("odrl:timeInterval", "eq", "P1D"),
    )
    world = World(now=NOW, participant=TOWN, uses={"": 5000, "P1D": 3})
    assert not permits({"constraint": [whole], "permission": [{"action": "use", "constraint": [daily, day]}]}, world)
    assert not permits({"permission": [{"action": "use", "constraint": [whole, daily, day]}]}, world)
    apart = {"permission": [{"action": "use", "constraint": [whole, {"and": [daily, day]}]}]}
    assert not permits(apart, world)
    assert permits(apart, World(now=NOW, participant=TOWN, uses={"": 50, "P1D": 3}))


@pytest.mark.parametrize("name", ["did:web:TOWN.example", "did:web:town.example, did:web:x.example", "urn:x y", "town"])
def test_a_prohibition_for_an_odd_party_may_mean_anybody(name: str) -> None:
    rule = {"action": "use", "assignee": name}
    document = {"permission": [{"action": "use"}], "prohibition": [rule], "odrl:conflict": "odrl:prohibit"}
    assert not permits(document, World(now=NOW, participant=TOWN))
    assert not permits({"permission": [rule]}, World(now=NOW, participant=TOWN))


@settings(max_examples=amount(120, 500), deadline=None)
@given(st.integers(0, 2**31))
def test_a_right_operand_that_nobody_understands_never_turns_a_denial_into_a_permission(number: int) -> None:
    """>> a random policy and request, and one right operand spoilt  << who was refused the data stays refused.

    At data access, where all is decided: before it an `or` with a part that a later phase decides is deferred.
    """
    document, world, _ = fuzz.case(number)
    spoilt = fuzz.odd(document, Random(number))
    assert permits(spoilt, world) <= permits(document, world)


@settings(max_examples=amount(60, 200), deadline=None)
@given(st.integers(0, 2**31))
def test_verdict_and_examine_agree(number: int) -> None:
    """>> a random policy and request  << both ways give the same answer, rule, counters and reasons to stop."""
    document, world, phase = fuzz.case(number)
    program = compile(parse(document))
    short, full = program.verdict(world, phase), program.examine(world, phase)
    assert (short.permit, short.rule, short.suspended) == (full.permit, full.rule, full.suspended)
    assert (short.counters, short.void) == (full.counters, full.void)


# ---- empty lists

EMPTY = [[], {"@list": []}, {"@set": []}]
PLACES = ("", "permission", "prohibition", "obligation", "duty", "remedy", "consequence")


def holding(place: str, member: dict[str, Any]) -> dict[str, Any]:
    """A policy with this member there."""
    inform = {"action": "odrl:inform"} | member
    rule: dict[str, Any] = {"action": "use"}
    return {"@type": "Set", "permission": [rule]} | {
        "": member,
        "permission": {"permission": [rule | member]},
        "prohibition": {"prohibition": [rule | member]},
        "obligation": {"obligation": [inform]},
        "duty": {"permission": [rule | {"duty": [inform]}]},
        "remedy": {"prohibition": [rule | {"odrl:remedy": [inform]}]},
        "consequence": {"obligation": [{"action": "odrl:delete", "odrl:consequence": [inform]}]},
    }[place]


@pytest.mark.threat("T62")
@pytest.mark.parametrize("empty", EMPTY, ids=str)
@pytest.mark.parametrize("name", ["assignee", "assigner", "target", "action"])
@pytest.mark.parametrize("place", PLACES)
def test_an_empty_list_means_nobody_everywhere_and_is_refused(place: str, name: str, empty: Any) -> None:
    """>> nobody named on any level, in any spelling  << an error at its place, never everybody."""
    with pytest.raises(PolicyError, match=r"policy\.(empty|not-an-identifier) at .*/" + name):
        parse(holding(place, {name: empty}))


@pytest.mark.parametrize("logic", ["and", "or", "xone", "andSequence"])
@pytest.mark.parametrize("empty", EMPTY, ids=str)
def test_a_connective_over_nothing_is_refused(logic: str, empty: Any) -> None:
    with pytest.raises(PolicyError, match=r"policy\.logic-empty at /permission/0/constraint/0"):
        parse(allowed({logic: empty}))


@pytest.mark.parametrize("empty", EMPTY, ids=str)
@pytest.mark.parametrize("left", [H + "memberOf", "odrl:purpose", "odrl:version", "odrl:language", "odrl:dateTime"])
def test_an_empty_right_operand_is_not_understood(left: str, empty: Any) -> None:
    """>> all of nothing, none of nothing  << unknown, whatever the type."""
    for operator in ("isAllOf", "isNoneOf", "isAnyOf", "neq", "gteq"):
        (clause,) = parse(allowed(atom(left, operator, empty))).permissions[0].constraints
        assert isinstance(clause, Atom)
        assert clause.value is None


# ---- values of several elements

BOTH = (H + "company", H + "networkOperator")


@pytest.mark.threat("T62")
@pytest.mark.parametrize(
    ("operator", "right", "permit", "forbid"),
    [
        ("eq", "company", False, True),
        ("neq", "company", False, True),
        ("neq", "county", True, True),
        ("eq", "county", False, False),
        ("isAnyOf", ["company", "county"], True, True),
        ("isAnyOf", ["county"], False, False),
        ("isNoneOf", ["company"], False, True),
        ("isNoneOf", ["company", "networkOperator"], False, False),
        ("isNoneOf", ["county"], True, True),
        ("isAllOf", ["company"], True, True),
        ("isAllOf", ["company", "county"], False, False),
        ("isPartOf", ["company"], True, True),
        ("isA", ["networkOperator"], True, True),
    ],
)
def test_a_prohibition_holds_if_one_of_several_kinds_meets_it(
    operator: str, right: Any, permit: bool, forbid: bool
) -> None:
    """>> company and network operator at once  << permitted if the clause says so, forbidden if any kind is meant."""
    wanted = [H + name for name in right] if isinstance(right, list) else H + right
    clause, world = atom(H + "participantKind", operator, wanted), knowing(H + "participantKind", *BOTH)
    assert permits(allowed(clause), world) is permit
    assert permits(forbidden(clause), world) is not forbid


def test_an_xone_in_a_prohibition_is_not_escaped_by_being_both() -> None:
    """>> forbidden to either one or the other; somebody is both  << forbidden, though not exactly one of them holds."""
    either = {"xone": [atom(H + "participantKind", "eq", kind) for kind in BOTH]}
    assert not permits(forbidden(either), knowing(H + "participantKind", *BOTH))
    assert not permits(allowed(either), knowing(H + "participantKind", *BOTH))
    assert permits(allowed(either), knowing(H + "participantKind", BOTH[0]))
    assert permits(forbidden(either), knowing(H + "participantKind", H + "county"))


def test_a_duty_of_one_of_several_kinds_is_owed() -> None:
    """>> companies pay first; a company that is a network operator too  << pays."""
    fee = {"action": "odrl:compensate", "constraint": [atom(H + "participantKind", "eq", H + "company")]}
    document = {"permission": [{"action": "use", "duty": [fee]}]}
    assert not permits(document, knowing(H + "participantKind", *BOTH))
    assert permits(document, knowing(H + "participantKind", H + "county"))


def test_a_deadline_that_nobody_can_read_has_passed() -> None:
    """>> delete by "soon", else access is suspended  << suspended; nobody could ever say that it was missed."""
    obligation = {
        "action": "odrl:delete",
        "constraint": [atom(H + "dueBy", "lt", "soon")],
        "odrl:consequence": [{"action": H + "suspendAccess"}],
    }
    document = {"permission": [{"action": "use"}], "obligation": [obligation]}
    assert not permits(document, World(now=NOW, participant=FIRM))


def test_no_contract_is_made_that_a_prohibition_will_void_in_any_case() -> None:
    """>> forbidden if counted or odd: the count is decided later, the other nobody understands  << refused at once."""
    count, odd = atom(O + "count", "gt", "5"), atom(H + "memberOf", "eq", "hanse:odd")
    world = World(now=NOW, participant=TOWN, action=O + "use", uses={"": 1}, closure=vocabulary().closure)
    for parts, answer in (([count, odd], False), ([odd, count], False), ([count], True)):
        policy = {
            "permission": [{"action": "use"}],
            "prohibition": [{"action": "use", "constraint": [{"or": parts}]}],
            "odrl:conflict": "odrl:prohibit",
        }
        program = compile(parse(policy))
        for phase in PHASES:
            assert program.verdict(world, phase).permit is answer
            assert program.examine(world, phase).permit is answer

"""Contradictions: found where no request can use a permission, not found where one can, and named by clause."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.data.catalogue.templates.templates import Template, fill, templates
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.conflict.conflict import contradictions
from connector.kernel.policy.conflict.objections import contradiction
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Policy
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import amount
from tests.kernel.policy import small
from tests.kernel.policy.filled import SLOTS

policy, atom = small.policy, small.atom
WORLDS = [world for world in small.worlds() if world.purpose_source != "contractual"][::7]
UNUSABLE = {"never", "excluded", "forbidden"}


def found(terms: Policy, **more: Any) -> list[tuple[str, str]]:
    return [(one.fault, one.pointer) for one in contradictions(terms, small.CLOSURE, **more)]


def used(terms: Policy) -> set[str]:
    """The permissions that some request of the small world can use on its own."""
    usable = set()
    for rule in terms.permissions:
        program = compile(replace(terms, permissions=(rule,)))
        for action in small.ACTIONS:
            if any(program.verdict(replace(world, action=action), "access").permit for world in WORLDS):
                usable.add(rule.pointer)
                break
    return usable


@settings(deadline=None, max_examples=amount(20, 60), suppress_health_check=list(HealthCheck))
@given(small.POLICIES)
def test_no_request_can_use_a_permission_that_contradicts(terms: Policy) -> None:
    """>> any policy << a permission that is said to be of no use permits no request of the small world."""
    usable = used(terms)
    for one in contradictions(terms, small.CLOSURE):
        if one.fault in UNUSABLE:
            assert not any(one.pointer == place or one.pointer.startswith(place + "/") for place in usable)


@settings(deadline=None, max_examples=amount(20, 60), suppress_health_check=list(HealthCheck))
@given(st.lists(small.ATOMS, min_size=2, max_size=3))
def test_a_permission_that_somebody_can_use_is_none(atoms: Any) -> None:
    """>> two or three comparisons << a contradiction is found exactly if no request of the small world meets all."""
    terms = policy({"action": "use", "constraint": atoms})
    worlds = [w for w in small.worlds() if w.purpose_source != "contractual"]
    program = compile(terms)
    usable = any(program.verdict(replace(world, action=small.USE), "access").permit for world in worlds)
    assert bool(UNUSABLE & {fault for fault, _ in found(terms)}) is not usable


KIND, DAY = atom(H + "participantKind", "eq", small.KINDS[0]), atom("odrl:dateTime", "lt", "2027-01-01")


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ([KIND, DAY], []),
        ([atom("odrl:count", "lt", "1")], [("never", "/permission/0/constraint/0")]),
        ([DAY, atom("odrl:dateTime", "gteq", "2027-01-01")], [("excluded", "/permission/0/constraint/0")]),
        (
            [{"and": [DAY, atom("odrl:dateTime", "gt", "2027-01-01")]}],
            [("excluded", "/permission/0/constraint/0/and/0")],
        ),
        ([KIND, atom(H + "participantKind", "isNoneOf", small.KINDS)], [("excluded", "/permission/0/constraint/0")]),
        ([atom("odrl:purpose", "isAllOf", small.PURPOSES[:2])], [("never", "/permission/0/constraint/0")]),
        (
            [atom("odrl:purpose", "isPartOf", small.ROADS), atom("odrl:purpose", "eq", small.WATER)],
            [("excluded", "/permission/0/constraint/0")],
        ),
        ([atom("odrl:purpose", "isPartOf", small.ROADS), atom("odrl:purpose", "eq", small.STREETS)], []),
        ([{"xone": [KIND, KIND]}], [("never", "/permission/0/constraint/0")]),
        (
            [
                {"or": [KIND, DAY]},
                {"or": [KIND, atom("odrl:dateTime", "gteq", "2027-01-01")]},
                atom(H + "participantKind", "neq", small.KINDS[0]),
            ],
            [("never", "/permission/0")],
        ),
    ],
)
def test_clauses_that_exclude_each_other_are_named(constraint: Any, expected: list[tuple[str, str]]) -> None:
    """>> conditions of one permission << the first of the two, or the one, that no request meets."""
    assert found(policy({"action": "use", "constraint": constraint})) == expected


def test_a_permission_that_prohibitions_cover_wholly_is_none() -> None:
    """>> use and distribute, with what is forbidden << only what is covered always, and not if permissions win."""
    use, distribute = {"action": "use"}, {"action": "odrl:distribute"}
    assert found(policy(use, prohibition=[distribute])) == []
    assert found(policy(use, distribute, prohibition=[distribute])) == [("forbidden", "/permission/1")]
    assert found(policy(use, distribute, prohibition=[use])) == [
        ("forbidden", "/permission/0"),
        ("forbidden", "/permission/1"),
    ]
    assert found(policy(distribute, prohibition=[{**distribute, "constraint": [KIND]}])) == []
    assert found(policy(use, prohibition=[use], conflict="odrl:perm")) == []
    halves = [{**use, "constraint": [atom("odrl:dateTime", op, "2027-01-01")]} for op in ("lt", "gteq")]
    assert found(policy(use, prohibition=halves)) == [("forbidden", "/permission/0")]


def test_a_rule_that_has_ended_is_named_with_its_day() -> None:
    """>> until the end of 2026, published in 2027 << past; published before << nothing."""
    terms = policy({"action": "use", "constraint": [KIND, DAY]})
    midnight = small.START - 3_600_000
    assert found(terms, now=midnight) == [("past", "/permission/0/constraint/1")]
    assert found(terms, now=midnight - 1) == []


def duty(*constraint: Any, action: str = "odrl:delete") -> dict[str, Any]:
    return {"action": action, "constraint": list(constraint)}


def test_duties_that_nobody_can_fulfil_are_named() -> None:
    """>> parameters that exclude each other, deadlines before the beginning, a duty that is forbidden << each."""
    strict = duty(atom(H + "kAnonymity", "gteq", "5"), atom(H + "kAnonymity", "lt", "5"), action=H + "suppressCells")
    assert found(policy({"action": "use", "duty": [strict]})) == [("duty", "/permission/0/duty/0")]
    start = atom("odrl:dateTime", "gteq", "2027-02-01T00:00:00Z")
    early = duty(atom(H + "dueBy", "lt", "2027-02-01T00:00:00Z"))
    later = duty(atom(H + "dueBy", "lteq", "2027-02-01T00:00:00Z"))
    for one, expected in ((early, [("early", "/obligation/0/constraint/0")]), (later, [])):
        assert found(policy({"action": "use", "constraint": [start]}, obligation=[one])) == expected
    both = policy({"action": "use", "constraint": [start]}, {"action": "use"}, obligation=[early])
    assert found(both) == []
    gone = policy({"action": "use"}, obligation=[duty(atom(H + "dueBy", "lt", "2026-01-01"))])
    assert found(gone, now=small.START) == [("early", "/obligation/0/constraint/0")]
    inform = {"action": "odrl:inform"}
    assert found(policy({"action": "odrl:transfer", "duty": [inform]}, prohibition=[inform])) == [
        ("clash", "/permission/0/duty/0")
    ]


USE = {"action": "use"}
NOBODY_KNOWS = atom("urn:no-operand", "eq", "1")


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"permission": [{**USE, "constraint": [NOBODY_KNOWS]}]}, "/permission/0/constraint/0"),
        ({"permission": [{**USE, "constraint": [{"or": [KIND, NOBODY_KNOWS]}]}]}, "/permission/0/constraint/0/or/1"),
        ({"permission": [{**USE, "constraint": [atom("odrl:count", "lt", "many")]}]}, "/permission/0/constraint/0"),
        ({"permission": [{"action": "urn:no-action"}]}, "/permission/0"),
        ({"permission": [{**USE, "duty": [{"action": "urn:no-action"}]}]}, "/permission/0/duty/0"),
        ({"permission": [{**USE, "duty": [{"action": "odrl:inform", "urn:extra": "1"}]}]}, "/permission/0/duty/0"),
        ({"permission": [USE], "prohibition": [{"action": "urn:no-action"}]}, "/prohibition/0"),
        ({"permission": [USE], "prohibition": [{**USE, "constraint": [NOBODY_KNOWS]}]}, "/prohibition/0/constraint/0"),
        ({"permission": [USE], "profile": "urn:no-profile"}, "/profile"),
        ({"permission": [USE], "inheritFrom": "urn:parent"}, "/inheritFrom"),
        ({"permission": [USE], "conflict": "urn:no-strategy"}, "/conflict"),
        ({"permission": [USE], "urn:extra": "1"}, "/urn:extra"),
    ],
)
def test_what_is_not_understood_counts_as_a_contradiction(members: dict[str, Any], place: str) -> None:
    """>> an operand, value, action, member, profile that nobody knows << named with its place."""
    assert ("term", place) in found(parse(members))


TWO_DAYS = [DAY, atom("odrl:dateTime", "gteq", "2027-01-01")]


@pytest.mark.parametrize(
    ("members", "places"),
    [
        ({"permission": [{"action": "urn:no-action", "constraint": TWO_DAYS}]}, ["/permission/0"]),
        ({"permission": [{**USE, "constraint": [*TWO_DAYS, NOBODY_KNOWS]}]}, ["/permission/0/constraint/2"]),
        (
            {"permission": [USE], "obligation": [{"action": "odrl:inform", "constraint": [NOBODY_KNOWS]}]},
            ["/obligation/0/constraint/0"],
        ),
        (
            {"permission": [USE], "prohibition": [{"action": "odrl:print", "remedy": [{"action": "urn:no-action"}]}]},
            ["/prohibition/0/remedy/0"],
        ),
        (
            {
                "permission": [USE],
                "obligation": [
                    {"action": "odrl:inform", "constraint": [{"or": [KIND, atom(H + "dueBy", "lt", "2027-01-01")]}]}
                ],
            },
            ["/obligation/0"],
        ),
    ],
)
def test_where_a_term_is_not_understood_nothing_else_is_said(members: dict[str, Any], places: list[str]) -> None:
    """>> clauses that exclude each other beside a strange one; a strange condition or remedy << the strange part."""
    assert found(parse(members)) == [("term", place) for place in places]


def test_the_prohibition_that_covers_a_permission_is_named() -> None:
    """>> use, forbidden in part and as a whole, in two halves, or for one kind of use << what alone forbids all of it,
    else the first that forbids some."""
    sharing, use = {"action": "odrl:distribute"}, {"action": "use"}
    halves = [{**use, "constraint": [atom("odrl:dateTime", op, "2027-01-01")]} for op in ("lt", "gteq")]
    for prohibition, place in (
        ([halves[0], use], "/prohibition/1"),
        (halves, "/prohibition/0"),
        ([sharing, use], "/prohibition/1"),
        ([sharing, *halves], "/prohibition/0"),
    ):
        [one] = contradictions(policy(use, prohibition=prohibition), small.CLOSURE)
        assert (one.fault, getattr(one.other, "pointer", "")) == ("forbidden", place)


@pytest.mark.parametrize(
    ("action", "faults"),
    [("odrl:print", ["clash"]), ("odrl:delete", []), ("odrl:anonymize", [])],
)
def test_a_duty_below_a_prohibition(action: str, faults: list[str]) -> None:
    """>> using is forbidden, and an obligation to do something that is use << a clash if it comes before the access."""
    terms = policy({"action": "odrl:transfer"}, prohibition=[USE], obligation=[{"action": action}])
    assert [fault for fault, _ in found(terms)] == faults


@pytest.mark.parametrize(
    ("left", "degrees", "classified"),
    [
        (H + "classification", ["urn:x#open", "urn:x#VS-NfD"], True),
        (H + "classification", ["urn:x#open"], False),
        (H + "memberOf", ["urn:x#geheim"], False),
    ],
)
def test_one_degree_is_enough(left: str, degrees: list[str], classified: bool) -> None:
    """>> several degrees, one of them secret; a secret name elsewhere << refused; not refused."""
    terms = policy({"action": "use", "constraint": [atom(left, "isAnyOf", degrees)]})
    assert (("classified", "/permission/0/constraint/0") in found(terms)) is classified


def test_open_data_carry_no_restriction() -> None:
    """>> an open dataset << credit is allowed; conditions, prohibitions, other duties, missing permissions named."""
    credit = {"action": "use", "duty": [duty(atom(H + "attributionText", "eq", "Stadt"), action="odrl:attribute")]}
    assert found(policy(credit), open_data=True) == []
    assert found(policy({"action": "use"}, prohibition=[{"action": H + "aiTraining"}]), open_data=True) == [
        ("open-data", "/prohibition/0")
    ]
    assert found(policy({"action": "use", "constraint": [KIND]}), open_data=True) == [
        ("open-data", "/permission/0/constraint/0"),
        ("not-open", "/permission"),
    ]
    assert found(policy({"action": "use"}, obligation=[{"action": "odrl:inform"}]), open_data=True) == [
        ("open-data", "/obligation/0")
    ]
    assert found(policy({"action": "use", "duty": [{"action": "odrl:compensate"}]}), open_data=True) == [
        ("open-data", "/permission/0/duty/0"),
        ("not-open", "/permission"),
    ]
    assert found(policy({"action": "use", "assignee": "did:web:one"}), open_data=True) == [
        ("open-data", "/permission/0"),
        ("not-open", "/permission"),
    ]
    assert found(policy({"action": "odrl:distribute"}), open_data=True) == [("not-open", "/permission")]
    assert found(policy({"action": "use"}, assignee="did:web:one"), open_data=True) == [("not-open", "/permission")]


@pytest.mark.parametrize("degree", ["urn:x#VS-NfD", "https://w3id.org/hanse/v1#vsNfD", "https://x.example/GEHEIM"])
def test_classified_information_is_refused(degree: str) -> None:
    """>> a rule about a degree of secrecy << refused, not handled."""
    terms = policy({"action": "use", "constraint": [atom(H + "classification", "eq", degree)]})
    assert ("classified", "/permission/0/constraint/0") in found(terms)


def test_a_policy_that_is_too_large_is_not_judged() -> None:
    """>> more clauses than are read << size: what is not known is a contradiction."""
    many = [atom(H + "memberOf", "neq", f"urn:{n}") for n in range(2_001)]
    assert found(policy({"action": "use", "constraint": many})) == [("size", "")]


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.id)
def test_the_templates_contradict_nothing(vocabulary: Vocabulary, template: Template) -> None:
    """>> each template, filled << no contradiction, and narrower terms are proved to be narrower."""
    document = fill(template.id, SLOTS[template.id])
    terms = parse(document)
    assert contradictions(terms, vocabulary.closure) == ()
    sooner = atom("odrl:dateTime", "lt", "2026-11-25T00:00:00+01:00")
    rules: Any = document["permission"]
    both = [{**rule, "constraint": [{"and": [*_constraints(rule), sooner]}]} for rule in rules]
    assert narrower(terms, parse({**document, "permission": both}), vocabulary.closure).verdict == "compatible"
    assert narrower(parse({**document, "permission": both}), terms, vocabulary.closure).verdict == "conflict"


def _constraints(rule: dict[str, Any]) -> list[Any]:
    found = rule.get("constraint", [])
    return found if isinstance(found, list) else [found]


def test_every_fault_has_words(say: Callable[..., str]) -> None:
    """>> contradictions of several kinds << a sentence each that names the clause; its place is for machines."""
    words = Words(say, {})
    terms = policy({"action": "use", "constraint": [DAY, atom("odrl:dateTime", "gteq", "2027-06-01T00:00:00Z")]})
    [one] = contradictions(terms, small.CLOSURE)
    text = contradiction(one, words)
    assert "2026" in text
    assert "2027" in text
    assert "/permission" not in text
    assert one.pointer.startswith("/permission/0/constraint/0")


@pytest.mark.parametrize(
    ("clauses", "fault"),
    [
        ([atom("odrl:meteredTime", "gt", "P9D"), atom("odrl:elapsedTime", "lteq", "P9D")], "excluded"),
        ([atom("odrl:meteredTime", "gteq", "P9D"), atom("odrl:elapsedTime", "lteq", "P9D")], None),
        ([atom("odrl:delayPeriod", "lt", "PT0S")], "never"),
        ([atom("odrl:meteredTime", "lt", "PT0S")], "never"),
        ([atom("odrl:delayPeriod", "gt", "P9D"), atom("odrl:elapsedTime", "lteq", "P9D")], None),
    ],
)
def test_bug_times_of_use_that_exclude_each_other_were_published(clauses: Any, fault: str | None) -> None:
    """>> used for longer than may have passed, or a time below nothing  << told; a delay counts from no known time."""
    assert [one for one, _ in found(policy({"action": "use", "constraint": clauses}))] == ([fault] if fault else [])

"""Hostile policies from the door to the decision: refused with the place named, or understood as permitting nothing.

What the parser lets through is evaluated in every phase with worlds that know nothing and worlds that know everything;
nothing raises, nothing that was not understood permits, and the work is counted, not timed (issue 5, bad input).
"""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES, Atom, Logic, Phase, Policy, PolicyError
from connector.kernel.policy.odrl.names import HANSE, ODRL, OPERATORS
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.reader import CLAUSES, DEPTH
from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, Value, World
from connector.kernel.policy.odrl.values import Type
from tests.fuzz.effort import amount
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.rich import put

NOW = 1_795_500_000_000
JSON: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "whole": 3,
    "negative": -1,
    "huge": 10**20,
    "broken": 1.5,
    "tiny": 5e-324,
    "empty text": "",
    "text": "x",
    "number in text": "3",
    "instant": "2027-12-31",
    "duration": "P30D",
    "deadline": "agreementEnd+P30D",
    "IRI": "https://w3id.org/hanse/v1#municipality",
    "control": "\x00\u202e",
    "empty list": [],
    "list": ["3", "x"],
    "list in list": [["3"]],
    "list of null": [None],
    "empty object": {},
    "reference": {"@id": "urn:x"},
    "reference and more": {"@id": "urn:x", "more": 1},
    "literal": {"@value": "3", "@type": "http://www.w3.org/2001/XMLSchema#integer"},
    "foreign literal": {"@value": "3", "@type": "urn:x:lots"},
    "literal of an object": {"@value": {"@value": "3"}},
    "literal of null": {"@value": None},
    "ordered": {"@list": ["3"]},
    "ordered nothing": {"@list": None},
    "odd keyword": {"@reverse": {"x": "y"}},
    "object": {"x": {"y": []}},
}
"""One value of every kind that JSON and JSON-LD have."""


def atom(left: str, operator: str, right: Any, **more: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


BOUND = atom("odrl:count", "lteq", "3")
UNTIL = {"@value": "2028-01-01T00:00:00Z", "@type": "xsd:dateTime"}
POLICY: dict[str, Any] = {
    "@type": "Offer",
    "@id": "urn:uuid:1",
    "target": "urn:uuid:2",
    "profile": "https://w3id.org/hanse/v1",
    "assigner": "did:web:a.example",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": {"value": "odrl:use", "refinement": [atom("odrl:fileFormat", "eq", "urn:csv")]},
            "target": {
                "@type": "AssetCollection",
                "source": "urn:uuid:3",
                "refinement": [atom("odrl:absoluteSize", "lteq", "10")],
            },
            "constraint": [
                {
                    "and": [
                        BOUND,
                        atom("odrl:timeInterval", "eq", "P1D"),
                        {
                            "xone": [
                                atom("odrl:dateTime", "lt", UNTIL),
                                atom("odrl:purpose", "isAnyOf", [{"@id": "urn:p"}]),
                            ]
                        },
                    ]
                },
                {"andSequence": {"@list": [atom("odrl:payAmount", "gteq", "5.00", unit="urn:eur")]}},
            ],
            "duty": [{"action": "odrl:compensate", "constraint": [atom("odrl:payAmount", "eq", "5")]}],
        }
    ],
    "prohibition": [
        {"action": "odrl:distribute", "assignee": "did:web:b.example", "odrl:remedy": [{"action": "odrl:inform"}]}
    ],
    "obligation": [
        {
            "action": "odrl:delete",
            "constraint": [atom(HANSE + "dueWithin", "lteq", "agreementEnd+P30D")],
            "odrl:consequence": [{"action": HANSE + "suspendAccess"}],
        }
    ],
}
"""Something of everything."""


def known(value: Value) -> World:
    """A world in which every operand has this value."""
    facts = {iri: Fact(value, "measured", "everything") for iri in BUILT_IN.operands}
    deeds = (Deed(action=ODRL + "compensate", at=NOW, values={ODRL + "payAmount": value}), Deed(action="", at=0))
    return World(
        now=NOW,
        participant="did:web:b.example",
        clock="synchronised",
        action=ODRL + "use",
        target="urn:uuid:2",
        facts=facts,
        purpose="urn:p",
        purpose_source="declared",
        agreement_at=NOW - 1,
        agreement_end=NOW + 1,
        first_access=NOW,
        event_end=NOW,
        uses={"": 1, "P1D": 1, "P1M": 1},
        deeds=deeds,
        assets=frozenset({"urn:uuid:3"}),
    )


EARLY_AND_LATE: tuple[Phase, ...] = ("catalog", "access")
WORLDS = (World(now=NOW, participant=""), known(3), known(frozenset({"x"})), known(frozenset()))


def decisions(policy: Policy) -> list[Decision]:
    """Decided in every world, before anything is known and when nothing is deferred any more; none may raise."""
    program = compile(policy)
    return [program.examine(world, phase) for phase in EARLY_AND_LATE for world in WORLDS]


def read(document: Any) -> Policy | PolicyError:
    try:
        return parse(document)
    except PolicyError as refused:
        return refused


def permits(policy: Policy, *phases: str) -> bool:
    """Whether anybody may do anything, at any time or in these phases."""
    return any(decision.permit and (not phases or decision.phase in phases) for decision in decisions(policy))


def nodes(node: Node) -> int:
    count, stack = 0, [node]
    while stack:
        count += 1
        stack.extend(stack.pop().children)
    return count


def rule(*clauses: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(clauses)}]}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document, itself first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from places(entry, (*path, key))


OPERANDS = sorted({operand.type: iri for iri, operand in BUILT_IN.operands.items()}.values())


def test_one_operand_of_every_type_is_tried() -> None:
    assert {BUILT_IN.operands[iri].type for iri in OPERANDS} == set(Type)


def standing(clause: dict[str, Any], about: str) -> dict[str, Any]:
    """A policy in which all depends on this clause of a rule or duty."""
    if about == "permission":
        return rule(clause)
    if about == "duty":
        return {"permission": [{"action": "use", "duty": [{"action": "odrl:compensate", "constraint": [clause]}]}]}
    return {**rule(), "prohibition": [{"action": "use", "constraint": [clause]}], "odrl:conflict": "prohibit"}


ASKED = [*OPERANDS, "urn:x:weather", HANSE + "dueBy", ODRL + "payAmount"]


@pytest.mark.parametrize("operand", ASKED)
def test_a_right_operand_of_any_kind(operand: str) -> None:
    """>> each operator with a value of every kind  << refused at its place, or decided; never more than understood.

    Of one operand a fifth of them, of another the next fifth (all of each, if `long`): there are 36 of a kind, so a
    fourth would be the same operators and rules for each kind.
    """
    cases = [*product(JSON, sorted(OPERATORS), ("permission", "prohibition", "duty"))]
    for kind, operator, about in cases[ASKED.index(operand) % amount(5, 1) :: amount(5, 1)]:
        policy = read(standing(atom(operand, operator, JSON[kind]), about))
        if isinstance(policy, PolicyError):
            assert "rightOperand" in policy.pointer, (kind, operator, about)
            continue
        first, phases = (policy.prohibitions or policy.permissions)[0], ("access",) if about == "duty" else ()
        (clause,) = first.duties[0].constraints if about == "duty" else first.constraints
        assert isinstance(clause, Atom), (kind, operator, about)
        known = BUILT_IN.get(operand)
        if known is None or operator not in known.operators:
            assert clause.value is None, (kind, operator, about)
        elif permits(policy, *phases):
            assert clause.value is not None, (kind, operator, about)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", JSON)
def test_a_wrong_kind_in_any_place(kind: str, step: int) -> None:
    """>> each fourth value of a policy (`long`: each) replaced by a kind of value  << its place, or a decision."""
    for path in [*places(POLICY)][[*JSON].index(kind) % step :: step]:
        policy = read(put(POLICY, path, JSON[kind]))
        if isinstance(policy, PolicyError):
            assert policy.code.startswith("policy.")
            assert beside(policy.pointer, path), (path, policy.pointer)
        else:
            assert all(nodes(decision.tree) < 200 for decision in decisions(policy))


def beside(pointer: str, path: tuple[Any, ...]) -> bool:
    """Whether a pointer leads to the changed place, above it, or into it; spellings and single values aside."""
    steps = [str(step).removeprefix("odrl:") for step in path if not isinstance(step, int) and str(step) != "@list"]
    named = [step for step in pointer.split("/")[1:] if not step.isdecimal() and step != "@list"]
    shared = min(len(steps), len(named))
    return steps[:shared] == named[:shared]


@pytest.mark.parametrize("member", ["permission", "prohibition", "obligation"])
def test_a_further_rule_of_a_wrong_kind_grants_nothing(member: str) -> None:
    """>> an odd rule beside a refusing policy  << still refused, whatever it is."""
    refusing: dict[str, Any] = {"prohibition": [{"action": "use"}], "odrl:conflict": {"@id": "odrl:prohibit"}}
    for kind in JSON:
        policy = read({**refusing, member: [*refusing.get(member, []), JSON[kind]]})
        if isinstance(policy, PolicyError):
            assert policy.pointer.startswith(f"/{member}"), kind
        else:
            assert not permits(policy), kind


@pytest.mark.threat("T45")
@pytest.mark.parametrize("name", ["urn:x:more", "@graph", "@reverse", "@included", "@nest", "xone", "inheritFrom"])
def test_a_member_that_nobody_knows_takes_what_it_stands_on_with_it(name: str) -> None:
    """>> an unknown member on a policy or its rule  << that permits nothing any more, or is refused."""
    for kind in JSON:
        for document in ({"permission": [{"action": "use", name: JSON[kind]}]}, {**rule(), name: JSON[kind]}):
            policy = read(document)
            assert isinstance(policy, PolicyError) or not permits(policy), document


@pytest.mark.threat("T45")
@pytest.mark.parametrize(
    "word", ["andSequence", *(pytest.param(word, marks=pytest.mark.long) for word in ("and", "or", "xone"))]
)
def test_ten_thousand_branches(word: str) -> None:
    """>> just as many as are read, and one more  << read, a step for each of a tenth; and refused, with the place.

    Of the other connectives `test_program_effort.py` counts the steps, and `test_parse_hostile.py` finds the limit.
    """
    (clause,) = parse(rule({word: [BOUND] * (CLAUSES - 2)})).permissions[0].constraints
    assert isinstance(clause, Logic)
    assert len(clause.clauses) == CLAUSES - 2
    tenth = CLAUSES // 10
    assert nodes(decide(parse(rule({word: [BOUND] * tenth})), WORLDS[1], "access").tree) <= 2 * tenth
    with pytest.raises(PolicyError) as refused:
        parse(rule({word: [BOUND] * (CLAUSES + 1)}))
    assert refused.value.pointer.startswith(f"/permission/0/constraint/0/{word}/")


@pytest.mark.parametrize("size", [100, 1_000, 4_000])
def test_the_work_grows_with_the_policy_and_no_faster(size: int) -> None:
    """>> rules side by side, each with a duty  << steps in proportion, not in squares."""
    duty = {"action": "odrl:inform"}
    policy = parse({"permission": [{"action": "use", "constraint": [BOUND], "duty": [duty]}] * (size // 4)})
    assert nodes(decide(policy, WORLDS[0], "access").tree) <= 2 * size


@pytest.mark.parametrize("conflict", ["prohibit", "invalid", "perm"])
def test_permissions_times_prohibitions_are_not_multiplied(conflict: str) -> None:
    """>> 200 permissions, 200 prohibitions of which the last holds  << each clause asked a few times."""
    asked = 0

    def value(world: World) -> Value:
        nonlocal asked
        asked += 1
        return 3

    made = left_operand("urn:x:asked", type=Type.INTEGER, source="measured", phases=PHASES, operators=["lteq"])(value)
    registry = BUILT_IN.with_([made])
    rules = {"action": "use", "constraint": [atom("urn:x:asked", "lteq", "2")]}
    document = {"permission": [{"action": "use"}] * 200, "prohibition": [rules] * 199 + [{"action": "use"}]}
    program = compile(parse({**document, "odrl:conflict": f"odrl:{conflict}"}, registry), registry)
    for phase in PHASES:
        asked = 0
        assert program.verdict(WORLDS[0], phase).permit is (conflict == "perm")
        assert asked <= 600, phase
        asked = 0
        program.examine(WORLDS[0], phase)
        assert asked <= 1_200, phase


@pytest.mark.parametrize("word", ["and", "or", "xone", "andSequence"])
def test_nesting_is_refused_beyond_its_bound_and_decided_within(word: str) -> None:
    """>> clauses within clauses  << every depth decided or refused with the place; no depth is a crash."""

    def nested(depth: int) -> dict[str, Any]:
        clause: dict[str, Any] = BOUND
        for _ in range(depth):
            clause = {word: [clause]}
        return rule(clause)

    for depth in (1, 2, 10, DEPTH - 3):
        assert isinstance(permits(parse(nested(depth))), bool)
    for depth in (DEPTH + 1, 100, 10_000):
        with pytest.raises(PolicyError) as refused:
            parse(nested(depth))
        assert refused.value.code == "policy.too-deep"
        assert refused.value.pointer.startswith(f"/permission/0/constraint/0/{word}/0")


def test_consequences_of_consequences_are_bounded_too() -> None:
    def punished(depth: int) -> dict[str, Any]:
        duty: dict[str, Any] = {"action": "odrl:inform"}
        for _ in range(depth):
            duty = {"action": "odrl:delete", "odrl:consequence": [duty]}
        return {**rule(), "obligation": [duty]}

    assert isinstance(permits(parse(punished(DEPTH - 3))), bool)
    for depth in (DEPTH + 1, 10_000):
        with pytest.raises(PolicyError) as refused:
            parse(punished(depth))
        assert refused.value.pointer.replace("odrl:", "").startswith("/obligation/0/consequence/0")


def test_a_circle_is_too_deep() -> None:
    """>> objects and lists that contain themselves, as only Python can have them  << refused with a place."""
    clause: dict[str, Any] = {}
    clause["and"] = [BOUND, clause]
    listed: list[Any] = ["3"]
    listed.append(listed)
    for document in (rule(clause), rule({**BOUND, "rightOperand": listed})):
        with pytest.raises(PolicyError) as refused:
            parse(document)
        assert refused.value.pointer.startswith("/permission/0/constraint/0/")
    policy: dict[str, Any] = {"permission": [{"action": "use"}]}
    policy["permission"][0]["target"] = policy
    with pytest.raises(PolicyError):
        parse(policy)


def test_what_multiplies_is_counted_as_written_out() -> None:
    """>> a thousand actions times many constraints, policy-level constraints times many rules  << refused."""
    actions = {"permission": [{"action": ["use"] * 1_000, "constraint": [BOUND] * 50}]}
    shared = {"constraint": [BOUND] * 200, "permission": [{"action": "use"}] * 200}
    parties = {"assignee": [f"did:web:{n}.example" for n in range(900)], "permission": [{"action": "use"}] * 900}
    for document in (actions, shared, parties):
        with pytest.raises(PolicyError) as refused:
            parse(document)
        assert refused.value.code == "policy.too-large"


def test_the_place_of_a_fault_is_found_in_the_document() -> None:
    """>> a fault behind spellings of one's own  << the pointer is written in the terms of the profile."""
    with pytest.raises(PolicyError) as refused:
        parse(json.loads('{"odrl:permission": {"odrl:action": "use", "odrl:constraint": {"odrl:or": {"@list": [7]}}}}'))
    assert refused.value.pointer == "/permission/0/constraint/0/or/0"

"""One policy, two ways: the fast answer and the tree of reasons say the same, whatever is asked, and never raise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import Mode, compile
from connector.kernel.policy.odrl.model import PHASES, Phase
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.odrl.values import Type
from tests.fuzz.effort import amount
from tests.kernel.policy.worlds import (
    COUNT,
    DAILY,
    DAY,
    FROM,
    KIND,
    NOW,
    ODD,
    PERMISSIONS,
    POLICIES,
    PROHIBITIONS,
    TOWN,
    UNTIL,
    WORLDS,
    H,
    O,
    at,
    atom,
)

MODES = [Mode(), Mode(duty_mode="not_violated"), Mode(duty_mode="strict", offers_bind=True)]
ANY_PHASE = st.sampled_from(PHASES)
MAY = World(now=NOW, participant=TOWN, facts={H + "participantKind": Fact(frozenset({H + "county"}))}, uses={"": 1})


def use(*constraints: object, **members: Any) -> dict[str, Any]:
    permission = {"permission": [{"action": "use", "constraint": list(constraints)}]}
    return permission | {"odrl:conflict": "odrl:prohibit"} | members


def verdict(document: dict[str, Any], world: World = MAY, phase: Phase = "access", mode: Mode = MODES[0]) -> Any:
    return compile(parse(document), BUILT_IN, mode).verdict(world, phase)


@settings(max_examples=amount(40, 120))
@given(POLICIES, WORLDS, ANY_PHASE, st.sampled_from(MODES))
def test_the_fast_answer_and_the_reasons_agree(
    document: dict[str, Any], world: World, phase: Phase, mode: Mode
) -> None:
    """>> anything asked about anything  << one answer, however it is reached, and the root of the tree says it too."""
    program = compile(parse(document), BUILT_IN, mode)
    fast, slow = program.verdict(world, phase), program.examine(world, phase)
    assert (fast.permit, fast.rule, fast.counters) == (slow.permit, slow.rule, slow.counters)
    assert (fast.suspended, fast.void) == (slow.suspended, slow.void)
    assert program.during(world, fast) == slow.during or phase != "access"
    assert slow.permit == (slow.tree.state in ("yes", "deferred"))
    assert not slow.suspended or phase == "access"
    assert not slow.deferred or phase != "access"
    assert set(slow.during) <= set(slow.duties)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=2),
    st.frozensets(st.text(max_size=3), max_size=3),
    st.frozensets(st.integers(), max_size=2),
    st.lists(st.text()),
)


@settings(max_examples=amount(50, 150))
@given(POLICIES, WORLDS, ANY_PHASE, VALUES)
def test_no_value_of_the_world_makes_it_raise(document: dict[str, Any], world: World, phase: Phase, value: Any) -> None:
    """>> facts of a kind that no operand has  << unknown, and the two ways still agree."""
    facts = {iri: Fact(value, fact.source) for iri, fact in world.facts.items()} | {O + "spatial": Fact(value)}
    odd = replace(world, facts=facts)
    program = compile(parse(document))
    assert program.verdict(odd, phase).permit == program.examine(odd, phase).permit


@settings(max_examples=amount(50, 150))
@given(POLICIES, WORLDS, st.floats(0, 1))
def test_nothing_changes_by_time_alone_before_the_next_change(
    document: dict[str, Any], world: World, share: float
) -> None:
    """>> asked again at any moment before it  << the same answer and the same states of duties."""
    program = compile(parse(document))
    change = program.next_change(world)
    limit = world.now + 400 * DAY if change is None else change
    later = replace(world, now=min(world.now + int((limit - world.now) * share), limit - 1))
    if any(world.now < deed.at <= later.now for deed in world.deeds):
        return
    first, then = program.examine(world, "access"), program.examine(later, "access")
    assert (first.permit, first.rule, first.suspended, first.during) == (
        then.permit,
        then.rule,
        then.suspended,
        then.during,
    )
    assert _duties(first.tree) == _duties(then.tree)


def _duties(node: Node) -> list[tuple[str, str]]:
    own = [(node.pointer, node.deontic)] if node.deontic != "not-set" else []
    return own + [found for child in node.children for found in _duties(child)]


# ---- the properties of spec/policy.md 5.3, over policies with every construct


def turned(value: Any) -> Any:
    """Every list the other way round; `andSequence` keeps its order."""
    if isinstance(value, list):
        return [turned(entry) for entry in reversed(value)]
    if isinstance(value, dict):
        return {k: [turned(c) for c in v] if k == "andSequence" else turned(v) for k, v in reversed(value.items())}
    return value


@settings(max_examples=amount(40, 120))
@given(POLICIES, PERMISSIONS, WORLDS, st.booleans())
def test_one_more_permission_never_denies(
    document: dict[str, Any], rule: dict[str, Any], world: World, first: bool
) -> None:
    """>> another permission, before or after the others  << whoever might, still may."""
    rules = document.get("permission", [])
    more = document | {"permission": [rule, *rules] if first else [*rules, rule]}
    assert verdict(more, world).permit >= verdict(document, world).permit


@settings(max_examples=amount(40, 120))
@given(POLICIES, PROHIBITIONS, WORLDS, ANY_PHASE)
def test_one_more_prohibition_never_allows(
    document: dict[str, Any], rule: dict[str, Any], world: World, phase: Phase
) -> None:
    """>> another prohibition  << nobody may who might not before."""
    more = document | {"prohibition": [rule, *document.get("prohibition", [])]}
    assert verdict(more, world, phase).permit <= verdict(document, world, phase).permit


def _unnamed(world: World) -> World:
    """Deeds that name no rule: the names are places in the document, which move when it is turned."""
    return replace(world, deeds=tuple(replace(deed, rule="") for deed in world.deeds))


@settings(max_examples=amount(40, 120))
@given(POLICIES, WORLDS, ANY_PHASE)
def test_order_never_changes_the_answer(document: dict[str, Any], world: World, phase: Phase) -> None:
    """>> rules, clauses and operands in any order  << the same answer."""
    asker = _unnamed(world)
    assert verdict(turned(document), asker, phase).permit == verdict(document, asker, phase).permit


@settings(max_examples=amount(40, 120))
@given(POLICIES, WORLDS, ANY_PHASE, st.data())
def test_an_unknown_clause_never_widens_access(
    document: dict[str, Any], world: World, phase: Phase, data: st.DataObject
) -> None:
    """>> something we do not understand, added to any rule or duty  << nobody gets more than before."""
    kinds = [name for name in ("permission", "prohibition") if document.get(name)]
    if not kinds:
        return
    kind = data.draw(st.sampled_from(kinds))
    index = data.draw(st.integers(0, len(document[kind]) - 1))
    rule = document[kind][index]
    rules = list(document[kind])
    if rule.get("duty") and data.draw(st.booleans()):
        duty = rule["duty"][0]
        changed = duty | {"constraint": [*duty.get("constraint", []), ODD]}
        rules[index] = rule | {"duty": [changed, *rule["duty"][1:]]}
    else:
        rules[index] = rule | {"constraint": [*rule.get("constraint", []), ODD]}
    assert verdict(document | {kind: rules}, world, phase).permit <= verdict(document, world, phase).permit


# ---- kinds of policy, conflicts, what a decision entails


@pytest.mark.parametrize(
    ("kind", "phases", "binding"),
    [
        ("Set", "pppp", "pppp"),
        ("", "pppp", "pppp"),
        ("Agreement", "pppp", "pppp"),
        ("Policy", "pppp", "pppp"),
        ("Offer", "pp--", "pppp"),
        ("Request", "pp--", "pppp"),
        ("Ticket", "----", "----"),
        ("Privacy", "----", "----"),
    ],
)
def test_which_kinds_of_policy_are_norms(kind: str, phases: str, binding: str) -> None:
    """An offer permits nothing once it comes to data; only a suite's reading makes it bind."""
    document = use(**{"@type": kind} if kind else {})
    for mode, expected in ((MODES[0], phases), (Mode(offers_bind=True), binding)):
        found = [verdict(document, phase=phase, mode=mode).permit for phase in PHASES]
        assert "".join("p" if permit else "-" for permit in found) == expected


@pytest.mark.parametrize(
    ("conflict", "permit", "void"), [("perm", True, False), ("prohibit", False, False), ("invalid", False, True)]
)
@pytest.mark.parametrize("constraint", [[], [ODD], [UNTIL]])
def test_a_clash(conflict: str, permit: bool, void: bool, constraint: list[object]) -> None:
    """One request, a permission and a prohibition that are both active: who wins is the policy's to say."""
    document = use(prohibition={"action": "use", "constraint": constraint}, **{"odrl:conflict": f"odrl:{conflict}"})
    decision = compile(parse(document)).examine(MAY, "access")
    assert (decision.permit, decision.void) == (permit, void)
    assert (verdict(document).permit, verdict(document).void) == (permit, void)
    assert [node.kind for node in decision.tree.children if node.kind == "clash"] == ["clash"] * void


@pytest.mark.parametrize("second", [{"action": "use", "constraint": FROM}, {"action": "odrl:distribute"}])
def test_one_prohibition_of_several_suffices(second: dict[str, Any]) -> None:
    """>> one in force beside one that is not  << refused, in either order."""
    first = {"action": "use", "constraint": [KIND]}
    for rules in ([first, second], [second, first]):
        assert not verdict(use(prohibition=rules)).permit


def test_an_undeclared_purpose_binds_nobody_in_a_prohibition() -> None:
    """>> forbidden for exactly one of: this purpose, this period  << forbidden: no purpose is assumed."""
    silent = replace(MAY, purpose_source="contractual")
    clause = {"xone": [atom("odrl:purpose", "eq", H + "research"), UNTIL]}
    assert not verdict(use(prohibition={"action": "use", "constraint": clause}), silent).permit


@pytest.mark.parametrize("conflict", ["perm", "prohibit", "invalid"])
@pytest.mark.parametrize(
    "other",
    [
        {"action": "odrl:distribute"},
        {"action": "use", "constraint": FROM},
        {"action": "use", "assignee": "did:web:other"},
    ],
)
def test_what_only_overlaps_on_paper_is_no_clash(conflict: str, other: dict[str, Any]) -> None:
    """Use, but not distribute: a sound policy under every strategy."""
    found = verdict(use(prohibition=other, **{"odrl:conflict": f"odrl:{conflict}"}))
    assert (found.permit, found.void) == (True, False)


@pytest.mark.parametrize(
    ("document", "counters"),
    [
        (use(COUNT), [("count", "")]),
        (use(DAILY), [("count", "P1D")]),
        (use(DAILY, COUNT), [("count", "P1D"), ("count", "")]),
        (use(DAILY, DAILY), [("count", "P1D")]),
        (use({"or": [COUNT, KIND]}), [("count", "")]),
        (use(prohibition={"action": "use", "constraint": atom("odrl:count", "gt", "5")}), [("count", "")]),
        (use(obligation={"action": "odrl:inform", "constraint": atom("odrl:count", "gt", "5")}), [("count", "")]),
        (
            use(
                obligation={
                    "action": "odrl:inform",
                    "odrl:consequence": {"action": H + "suspendAccess", "constraint": atom("odrl:count", "gt", "5")},
                }
            ),
            [("count", "")],
        ),
        (
            use(
                prohibition={
                    "action": "odrl:distribute",
                    "odrl:remedy": {"action": "odrl:inform", "constraint": atom("odrl:count", "gt", "5")},
                }
            ),
            [("count", "")],
        ),
        (use(atom("odrl:count", "lteq", "many"), KIND), []),
        (use(KIND), []),
    ],
    ids=str,
)
def test_what_is_counted(document: dict[str, Any], counters: list[tuple[str, str]]) -> None:
    """The windows in which granting permission, prohibitions and obligations count, each once, and only at access."""
    world = replace(MAY, uses={"": 1, "P1D": 1})
    found = verdict(document, world)
    assert [tuple(counter) for counter in found.counters] == counters
    assert found.permit is (counters != [] or "many" not in str(document))
    assert verdict(document, world, "transfer").counters == ()


def test_a_window_counts_by_itself() -> None:
    """>> twice today at most, a thousand in all  << each compared with its own counter."""
    document = use(DAILY, atom("odrl:count", "lteq", "1000"))
    for uses, permit in (({"": 1000, "P1D": 2}, True), ({"": 1001, "P1D": 1}, False), ({"": 9, "P1D": 3}, False)):
        assert verdict(document, replace(MAY, uses=uses)).permit is permit
    assert not verdict(document, replace(MAY, uses={"": 1})).permit


def test_the_first_permission_whose_duties_this_plane_executes_grants() -> None:
    """>> anonymised, or with small cells suppressed  << whichever the plane can; what it has to do is said."""
    rules = [{"action": "use", "duty": {"action": action}} for action in ("odrl:anonymize", H + "suppressCells")]
    program = compile(parse({"permission": rules, "odrl:conflict": "odrl:prohibit"}))
    for can, rule in (
        ([], ""),
        ([H + "suppressCells"], "/permission/1"),
        ([O + "anonymize", H + "suppressCells"], "/permission/0"),
    ):
        decision = program.examine(replace(MAY, can=frozenset(can)), "access")
        assert decision.rule == rule
        assert [duty.pointer for duty in decision.during] == ([f"{rule}/duty/0"] if rule else [])


def test_several_actions_of_one_permission_are_treated_once() -> None:
    """>> one permission to use and to distribute, with a watermark  << the plane applies it once, as the tree says."""
    rule = {"action": ["use", "distribute"], "duty": {"action": "odrl:watermark"}}
    program = compile(parse({"permission": [rule], "odrl:conflict": "odrl:prohibit"}))
    world = replace(MAY, can=frozenset({O + "watermark"}))
    found = program.during(world, program.verdict(world, "access"))
    assert found == program.examine(world, "access").during
    assert len(found) == 1


def test_an_operand_that_raises_is_unknown() -> None:
    """>> a plug-in's operand divides by zero  << its clause is unknown: no permission, and prohibitions hold."""

    def broken(world: World) -> int:
        return world.now // 0

    made = left_operand("urn:x:broken", type=Type.INTEGER, source="measured", phases=PHASES, operators=["eq"])(broken)
    registry = BUILT_IN.with_([made])
    clause = atom("urn:x:broken", "eq", "1")
    for document, permit in (
        (use(clause), False),
        (use({"or": [clause, KIND]}), True),
        (use(prohibition={"action": "use", "constraint": clause}), False),
    ):
        program = compile(parse(document, registry), registry)
        assert program.verdict(MAY, "access").permit is program.examine(MAY, "access").permit is permit


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        (Fact(frozenset({H + "county"}), "verified-credential"), "yes"),
        (Fact(frozenset({H + "county"}), "measured"), "yes"),
        (Fact(frozenset({H + "county"}), "declared", "form"), "unknown"),
        (Fact(frozenset({H + "county"}), "verified-credential", "", "urn:mb"), "unknown"),
        (Fact(frozenset({H + "company"}), "declared"), "unknown"),
        (Fact(None, "verified-credential"), "unknown"),
    ],
)
def test_a_claim_that_nobody_vouches_for_is_not_used(fact: Fact, state: str) -> None:
    """A value weaker than its operand promises, or in another unit, decides nothing; it is shown with who said so."""
    decision = compile(parse(use(KIND))).examine(replace(MAY, facts={H + "participantKind": fact}), "access")
    clause = decision.tree.children[0].children[-1]
    assert (clause.state, clause.actual, clause.source, clause.evidence) == (
        state,
        fact.value,
        fact.source,
        fact.evidence,
    )
    assert decision.permit is (state == "yes")


@pytest.mark.parametrize(
    ("unit", "value", "permit"),
    [("urn:mb", 1_500_000, True), ("urn:mb", 1_500_001, False), ("urn:gb", 1, False), ("", 1, False)],
)
def test_a_unit_is_part_of_the_value(unit: str, value: int, permit: bool) -> None:
    """>> at most 1.5 MB  << compared with a size in MB only, to the millionth."""
    clause = atom("odrl:absoluteSize", "lteq", "1.5", unit="urn:mb")
    world = replace(MAY, facts={O + "absoluteSize": Fact(value, unit=unit)})
    assert verdict(use(clause), world).permit is permit


def test_an_order_that_nobody_can_check_is_said() -> None:
    """`andSequence` is read as `and`, and the tree admits it."""
    decision = compile(parse(use({"andSequence": {"@list": [KIND, UNTIL]}}))).examine(MAY, "access")
    (node,) = [child for child in decision.tree.children[0].children if child.kind == "logic"]
    assert (decision.permit, node.text) == (True, "order-not-checked")


def test_only_an_undeclared_purpose_is_taken_as_agreed() -> None:
    """>> neither purpose nor industry declared  << the peer is bound to the agreed purposes, and to nothing else."""
    silent = replace(MAY, purpose_source="contractual")
    bound = compile(parse(use(atom("odrl:purpose", "eq", H + "research")))).examine(silent, "access")
    assert (bound.permit, bound.purpose_source) == (True, "contractual")
    assert not verdict(use(atom("odrl:industry", "eq", "urn:mining")), silent).permit


def test_parents_that_nobody_resolves_make_a_policy_unknown() -> None:
    """`inheritFrom` may bring prohibitions; without them nothing is permitted."""
    decision = compile(parse(use(**{"odrl:inheritFrom": "urn:parent"}))).examine(MAY, "access")
    assert not decision.permit
    assert decision.tree.children[0].kind == "inherit"


def test_many_days_are_looked_up_not_walked_through() -> None:
    """>> 262 periods, asked at every edge and between  << as the tree says."""
    starts = [NOW + 2 * DAY * number for number in range(262)]
    days = [
        {"and": [atom("odrl:dateTime", "gteq", at(start)), atom("odrl:dateTime", "lt", at(start + DAY))]}
        for start in starts
    ]
    program = compile(parse(use({"or": days})))
    for start in (starts[0], starts[130], starts[-1]):
        for moment, permit in ((start - 1, False), (start, True), (start + DAY - 1, True), (start + DAY, False)):
            world = replace(MAY, now=moment)
            assert program.verdict(world, "access").permit is program.examine(world, "access").permit is permit

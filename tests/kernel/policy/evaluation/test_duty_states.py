"""How duties stand: every combination of class, condition, deadline, deed and consequence, as a table."""

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.policy.evaluation.digest import deal
from connector.kernel.policy.evaluation.program import Mode, compile
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, DutyState
from tests.kernel.policy.duties import DUE, DUE_BY, HOUR, MAY, SUSPEND, ask, deed, duty, found, obliging, owing
from tests.kernel.policy.worlds import DAY, KIND, NOW, UNTIL, H, at, atom

CLASSES = {"odrl:compensate": "before", "odrl:anonymize": "during", "odrl:delete": "after"}
CONDITIONS = {
    "none": [],
    "met": [UNTIL],
    "not met": [atom("odrl:dateTime", "lt", at(NOW - DAY))],
    "nobody knows": [KIND],
}
WHEN = {"never": [], "in time": [DUE - HOUR], "late": [DUE + HOUR], "in time and late": [DUE - HOUR, DUE + HOUR]}
DEADLINE = {"none": None, "passed": DUE + 2 * HOUR, "to come": DUE - HOUR}


def state_of(condition: str, deadline: str, done: str, followed: bool) -> DutyState:
    """Policy.md 3.1 as one function: does not apply, fulfilled, violated, healed, or nothing yet."""
    if condition == "not met":
        return "not-set"
    known = {"never": [], "in time": ["in time"], "late": ["late"], "in time and late": ["in time", "late"]}[done]
    if deadline == "none":
        return "fulfilled" if known else "not-set"
    if "in time" in known:
        return "fulfilled"
    if deadline == "to come":
        return "not-set"
    return "healed" if known and followed else "violated"


@pytest.mark.parametrize("action", CLASSES)
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("deadline", DEADLINE)
def test_the_life_of_a_duty(action: str, condition: str, deadline: str) -> None:
    """>> each class, condition and deadline, done never, in time or late, what follows done or not
    << how it stands, and whether it stands in the way."""
    now = DEADLINE[deadline] or NOW + 2 * HOUR
    limits = [] if deadline == "none" else [DUE_BY]
    document = owing(duty(action, *CONDITIONS[condition], *limits, **{"odrl:consequence": [{"action": "odrl:inform"}]}))
    for (done, times), followed in product(WHEN.items(), (False, True)):
        deeds = [deed(action.removeprefix("odrl:"), when) for when in times if when <= now]
        seen = done if len(deeds) == len(times) else {"late": "never", "in time and late": "in time"}.get(done, done)
        if followed:
            deeds.append(deed("inform", DUE + HOUR))
        decision = ask(document, now=now, deeds=tuple(deeds))
        node = found(decision.tree, "duty")
        expected = state_of(condition, deadline, seen, followed and now > DUE)
        assert (node.deontic, node.time) == (expected, CLASSES[action]), (done, followed)
        settled = expected in ("fulfilled", "healed") or condition == "not met"
        met = {"before": settled, "during": condition == "not met", "after": expected != "violated"}[node.time]
        assert decision.permit is met, (done, followed)


@pytest.mark.parametrize(
    ("mode", "state", "permit"),
    [
        ("classes", "fulfilled", False),
        *(("not_violated", state, state != "violated") for state in ("not-set", "fulfilled", "violated", "healed")),
        *(
            ("strict", state, state in ("fulfilled", "healed"))
            for state in ("not-set", "fulfilled", "violated", "healed")
        ),
    ],
)
def test_the_readings_of_the_suites(mode: Any, state: DutyState, permit: bool) -> None:
    """Only a suite's reading believes a reported state; the product counts deeds."""
    document = owing(duty("odrl:compensate") | {"@id": "urn:d"})
    program = compile(parse(document), mode=Mode(duty_mode=mode))
    world = replace(MAY, duty_states={"urn:d": state})
    assert program.verdict(world, "access").permit is program.examine(world, "access").permit is permit


@pytest.mark.parametrize("mode", ["not_violated", "strict"])
def test_a_reading_without_reports(mode: Any) -> None:
    """>> a duty of which nobody reports  << not violated, and not fulfilled either."""
    program = compile(parse(owing(duty("odrl:attribute") | {"@id": "urn:d"})), mode=Mode(duty_mode=mode))
    assert program.verdict(MAY, "access").permit is (mode == "not_violated")


# ---- suspension


DELETE = duty("odrl:delete", DUE_BY, **{"odrl:consequence": [SUSPEND]})


@pytest.mark.parametrize(
    ("now", "deeds", "state", "permit"),
    [
        (DUE - 1, [], "not-set", True),
        (DUE, [], "violated", False),
        (DUE + DAY, [], "violated", False),
        (DUE + DAY, [deed("delete", DUE - 1)], "fulfilled", True),
        (DUE + DAY, [deed("delete", DUE)], "healed", True),
        (DUE + DAY, [deed("delete", DUE + 2 * DAY)], "violated", False),
        (DUE + DAY, [deed("inform", DUE - 1)], "violated", False),
        (DUE + DAY, [deed("suspendAccess", DUE + 1)], "violated", False),
    ],
)
def test_access_is_suspended_from_the_violation_until_it_is_healed(
    now: int, deeds: list[Deed], state: str, permit: bool
) -> None:
    """>> delete by then, else access is suspended  << at the very millisecond, and lifted by the deletion alone."""
    decision = ask(obliging(DELETE), now=now, deeds=tuple(deeds))
    assert found(decision.tree, "obligation").deontic == state
    assert (decision.permit, decision.suspended) == (permit, () if permit else ("/obligation/0",))
    assert [node.kind for node in decision.tree.children if node.kind == "suspended"] == ["suspended"] * (not permit)


@pytest.mark.parametrize(
    ("condition", "permit"), [(UNTIL, False), (KIND, False), (atom("odrl:dateTime", "lt", at(0)), True)]
)
def test_a_suspension_may_have_a_condition(condition: dict[str, Any], permit: bool) -> None:
    """>> suspended only if …  << not if that is known not to hold."""
    consequence = SUSPEND | {"constraint": [condition]}
    assert ask(obliging(duty("odrl:delete", DUE_BY, **{"odrl:consequence": [consequence]}))).permit is permit


def test_other_violated_obligations_do_not_block() -> None:
    """>> violated, with another consequence or none  << told, but access goes on."""
    for consequences in ([], [{"action": "odrl:compensate"}]):
        document = obliging(duty("odrl:delete", DUE_BY, **{"odrl:consequence": consequences}))
        decision = ask(document, now=DUE)
        assert decision.permit
        assert found(decision.tree, "obligation").deontic == "violated"


@pytest.mark.parametrize(
    ("deeds", "state"),
    [
        ([], "violated"),
        ([deed("delete", DUE + 1)], "violated"),
        ([deed("compensate", DUE + 1)], "violated"),
        ([deed("delete", DUE + 1), deed("compensate", DUE + 1)], "healed"),
        ([deed("delete", DUE + 1), deed("compensate", DUE - 1)], "violated"),
    ],
)
def test_healing_needs_the_duty_and_every_consequence_after_the_violation(deeds: list[Deed], state: str) -> None:
    """>> delete late and pay  << both, and the payment of last week does not count."""
    document = obliging(duty("odrl:delete", DUE_BY, **{"odrl:consequence": [SUSPEND, {"action": "odrl:compensate"}]}))
    decision = ask(document, now=DUE + DAY, deeds=tuple(deeds))
    assert found(decision.tree, "obligation").deontic == state
    assert decision.permit is (state == "healed")


def test_one_deed_is_not_two() -> None:
    """>> pay by then, else pay once more  << one late payment heals nothing; two do, or two that name their duty."""
    document = obliging(
        duty("odrl:compensate", DUE_BY, **{"odrl:consequence": [SUSPEND, {"action": "odrl:compensate"}]})
    )
    paid = deed("compensate", DUE + 1)
    assert not ask(document, now=DUE + DAY, deeds=(paid,)).permit
    assert ask(document, now=DUE + DAY, deeds=(paid, deed("compensate", DUE + 2))).permit
    named = [replace(paid, rule=rule) for rule in ("/obligation/0", "/obligation/0/consequence/1")]
    assert ask(document, now=DUE + DAY, deeds=tuple(named)).permit
    assert not ask(document, now=DUE + DAY, deeds=(named[0], replace(named[0], at=DUE + 5))).permit


def test_consequences_are_done_the_same_however_they_are_written() -> None:
    """Bug: >> a report, and one to a named office, in either order  << one deal, and only one order healed."""
    late = duty("odrl:inform", DUE_BY)
    office = duty("odrl:inform", atom(H + "informedParty", "eq", "urn:office"))
    done = [
        deed("inform", DUE + 1),
        deed("inform", DUE + 2, values={H + "informedParty": frozenset({"urn:office"})}),
        deed("inform", DUE + 3),
    ]
    orders = [[SUSPEND, duty("odrl:inform"), office], [office, duty("odrl:inform"), SUSPEND]]
    documents = [obliging(late | {"odrl:consequence": order}) for order in orders]
    assert len({deal(parse(document)) for document in documents}) == 1
    assert {ask(document, now=DUE + 4, deeds=tuple(done)).permit for document in documents} == {True}


def test_a_consequence_has_its_own_deadline() -> None:
    """>> inform within a day of the violation, else access is suspended  << suspended only after that day."""
    inner = duty("odrl:inform", atom(H + "dueWithin", "lt", "violation+P1D"), **{"odrl:consequence": [SUSPEND]})
    document = obliging(duty("odrl:delete", DUE_BY, **{"odrl:consequence": [inner]}))
    assert ask(document, now=DUE + DAY - 1).permit
    assert ask(document, now=DUE + DAY - 1).next_change == DUE + DAY
    assert ask(document, now=DUE + DAY).suspended == ("/obligation/0",)
    informed = (deed("inform", DUE + HOUR),)
    assert ask(document, now=DUE + DAY, deeds=informed).permit
    late = (deed("inform", DUE + 2 * DAY),)
    assert ask(document, now=DUE + 3 * DAY, deeds=late).permit


def test_a_duty_whose_condition_has_ended_is_owed_no_more() -> None:
    """`dateTime` in a duty is a condition: then the duty turns inactive, and is never violated by it."""
    document = obliging(duty("odrl:delete", UNTIL, DUE_BY, **{"odrl:consequence": [SUSPEND]}))
    assert not ask(document, now=DUE).permit
    assert ask(document, now=NOW + DAY).permit


# ---- deadlines


@pytest.mark.parametrize(
    ("within", "anchors", "last"),
    [
        ("agreement+P2D", {"agreement_at": NOW - 2 * DAY}, NOW),
        ("agreementEnd+P30D", {"agreement_end": NOW - 30 * DAY}, NOW),
        ("firstAccess+PT1H", {"first_access": NOW - HOUR}, NOW),
        ("eventEnd+P7D", {"event_end": NOW - 7 * DAY}, NOW),
        ("access+PT1H", {"first_access": NOW - HOUR}, NOW),
    ],
)
@pytest.mark.parametrize("operator", ["lt", "lteq"])
def test_deadlines_from_an_anchor(within: str, anchors: dict[str, int], last: int, operator: str) -> None:
    """`lt` ends before that instant, `lteq` after it; what has not happened yet makes nothing due."""
    document = obliging(duty("odrl:delete", atom(H + "dueWithin", operator, within), **{"odrl:consequence": [SUSPEND]}))
    due = last if operator == "lt" else last + 1
    assert ask(document, now=due - 1, **anchors).permit
    assert ask(document, now=due - 1, **anchors).next_change == due
    assert ask(document, now=due, **anchors).suspended
    assert ask(document, now=due + 400 * DAY).permit is ("agreement_at" not in anchors)


def test_the_earliest_deadline_counts() -> None:
    """>> by the end of the day and within an hour  << within the hour; a bare date means the whole day."""
    day = atom(H + "dueBy", "lteq", at(NOW)[:10])
    hour = atom(H + "dueWithin", "lt", "firstAccess+PT1H")
    midnight = NOW - NOW % DAY + DAY - HOUR
    for limits, due in (
        ([day], midnight),
        ([hour], NOW + HOUR),
        ([day, hour], NOW + HOUR),
        ([{"and": [day]}], midnight),
    ):
        document = obliging(duty("odrl:delete", *limits, **{"odrl:consequence": [SUSPEND]}))
        decision = ask(document, first_access=NOW)
        assert found(decision.tree, "obligation").due_at == due
        assert ask(document, first_access=NOW, now=due).suspended


@pytest.mark.parametrize(
    ("informed", "permit"),
    [
        ([], False),
        ([NOW - 5 * HOUR + 1], False),
        ([NOW - 5 * HOUR + 1, NOW - 2 * HOUR + 1], True),
        ([NOW - 5 * HOUR - 1, NOW - 2 * HOUR + 1], True),
        ([NOW - HOUR // 2], True),
        ([NOW - 3 * HOUR], False),
    ],
)
def test_after_each_access_anew(informed: list[int], permit: bool) -> None:
    """>> inform within an hour of each access; access five and two hours ago  << each answered, in time or late."""
    document = obliging(
        duty("odrl:inform", atom(H + "dueWithin", "lt", "access+PT1H"), **{"odrl:consequence": [SUSPEND]})
    )
    uses = [deed("use", NOW - 5 * HOUR), deed("use", NOW - 2 * HOUR)]
    assert ask(document, deeds=(*uses, *(deed("inform", when) for when in informed))).permit is permit


INFORM = duty("odrl:inform", atom(H + "dueWithin", "lt", "access+PT1H"), **{"odrl:consequence": [SUSPEND]})


@pytest.mark.parametrize(
    ("informed", "state"),
    [
        (NOW - 13 * HOUR // 2, "violated"),
        (NOW - 17 * HOUR // 2, "violated"),
        (NOW - 6 * HOUR, "healed"),
        (NOW - 9 * HOUR // 2, "healed"),
    ],
)
def test_the_last_of_several_late_accesses_decides(informed: int, state: str) -> None:
    """>> accesses ten, eight and six hours ago, one report after the first, the second, or the last of them
    << healed by a report from the last access on, and by none before it."""
    uses = [deed("use", NOW - hours * HOUR) for hours in (10, 8, 6)]
    decision = ask(obliging(INFORM), deeds=(*uses, deed("inform", informed)))
    assert found(decision.tree, "obligation").deontic == state


@pytest.mark.parametrize("other", [deed("distribute", NOW - 2 * HOUR), deed("use", NOW + 1)])
def test_only_accesses_up_to_now_want_a_report(other: Deed) -> None:
    """>> something else done hours ago, or a use that is still to come  << nothing is due."""
    decision = ask(obliging(INFORM), deeds=(other,))
    node = found(decision.tree, "obligation")
    assert (node.deontic, node.due_at, decision.permit) == ("not-set", None, True)


# ---- what a shorter way to the answer must not change


def test_the_first_of_two_deadlines_is_over() -> None:
    """>> two fixed deadlines, or two that hang on something, one of them over, nothing done << violated."""
    fixed = [atom(H + "dueBy", "lt", at(when)) for when in (DUE, DUE + DAY)]
    hanging = [atom(H + "dueWithin", "lt", within) for within in ("agreement+P1D", "agreementEnd+P1D")]
    for limits in (fixed, fixed[::-1], hanging, hanging[::-1]):
        document = owing(duty("odrl:delete", *limits))
        assert not ask(document, now=DUE + 1, agreement_at=DUE - 2 * DAY, agreement_end=DUE).permit


def test_what_follows_from_what_follows_suspends_only_then() -> None:
    """>> overdue; then one must inform, and else access is suspended << informing has no deadline: nobody waits."""
    inner = duty("odrl:inform", **{"odrl:consequence": [SUSPEND]})
    decision = ask(obliging(duty("odrl:delete", DUE_BY, **{"odrl:consequence": [inner]})), now=DUE + DAY)
    assert (decision.permit, decision.suspended) == (True, ())


@pytest.mark.parametrize("mode", ["not_violated", "strict"])
@pytest.mark.parametrize("state", ["fulfilled", "violated", "healed", None])
def test_a_suspension_in_the_readings_of_the_suites(mode: Any, state: DutyState | None) -> None:
    """>> an obligation that would suspend; its state is reported, or it has no deadline << suspended if it is violated.

    An obligation that was reported as fulfilled, or of which nothing was due, once suspended in these readings too.
    """
    deadline = [DUE_BY] if state else []
    document = obliging(duty("odrl:delete", *deadline, **{"odrl:consequence": [SUSPEND], "@id": "urn:d"}))
    program = compile(parse(document), mode=Mode(duty_mode=mode))
    for deeds in ((), (deed("inform", DUE),)):
        world = replace(MAY, now=DUE + 1, deeds=deeds, duty_states={"urn:d": state} if state else {})
        verdict, decision = program.verdict(world, "access"), program.examine(world, "access")
        assert verdict.permit is decision.permit is (state != "violated")


def test_a_condition_of_a_duty_is_not_bound_to_a_purpose() -> None:
    """>> a duty for exactly one of two purposes, and none declared << nobody knows, so it is owed."""
    purposes = [atom("odrl:purpose", "eq", H + name) for name in ("research", "winterService")]
    world = replace(MAY, purpose=None, purpose_source="contractual")
    decision = ask(owing(duty("odrl:compensate", {"xone": purposes})), world)
    assert not decision.permit
    assert found(decision.tree, "duty").children[0].state == "unknown"


@pytest.mark.parametrize(("condition", "permit"), [([], False), ([atom("odrl:dateTime", "lt", at(0))], True)])
def test_a_reported_violation_suspends_beside_other_consequences(condition: list[Any], permit: bool) -> None:
    """>> reported as violated; suspended, if a condition holds, and something to pay << the condition decides."""
    consequences = [SUSPEND | {"constraint": condition}, {"action": "odrl:compensate"}]
    document = obliging(duty("odrl:delete", **{"odrl:consequence": consequences, "@id": "urn:d"}))
    world = replace(MAY, duty_states={"urn:d": "violated"})
    assert compile(parse(document), mode=Mode(duty_mode="strict")).verdict(world, "access").permit is permit

"""Deadlines of several accesses, of consequences and at the very millisecond: what is told, and which deed stands."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed
from tests.kernel.policy.duties import DUE, DUE_BY, HOUR, MAY, SUSPEND, ask, deed, duty, found, obliging
from tests.kernel.policy.worlds import DAY, KIND, NOW, H, O, at, atom


def after_access(hours: int) -> dict[str, Any]:
    return atom(H + "dueWithin", "lt", f"access+PT{hours}H")


def informing(*limits: dict[str, Any]) -> dict[str, Any]:
    return duty("odrl:inform", *limits, **{"odrl:consequence": [SUSPEND]})


def then(*consequences: dict[str, Any], action: str = "odrl:delete") -> dict[str, Any]:
    return obliging(duty(action, DUE_BY, **{"odrl:consequence": list(consequences)}))


def told(document: dict[str, Any], *deeds: Deed, **changes: Any) -> Node:
    return found(ask(document, deeds=deeds, **changes).tree, "obligation")


def used(*hours: float) -> list[Deed]:
    return [deed("use", NOW - int(ago * HOUR)) for ago in hours]


def informed(*hours: float) -> list[Deed]:
    return [deed("inform", NOW - int(ago * HOUR)) for ago in hours]


# ---- within an hour of each access


@pytest.mark.parametrize(
    ("deeds", "state", "due"),
    [
        ([*used(10, 8, 6)], "violated", NOW - 9 * HOUR),
        ([*used(10, 0.5)], "violated", NOW - 9 * HOUR),
        ([*used(10, 8, 6, 0.5), *informed(6.5)], "violated", NOW - 5 * HOUR),
        ([*used(10, 8, 6, 0.5), *informed(5.5)], "not-set", NOW + HOUR // 2),
        ([*used(5), *informed(4.5)], "fulfilled", None),
        ([*used(5), *informed(5)], "fulfilled", None),
        ([*used(5), *informed(4)], "healed", NOW - 4 * HOUR),
        ([*used(0)], "not-set", NOW + HOUR),
    ],
)
def test_which_access_is_told(deeds: list[Deed], state: str, due: int | None) -> None:
    """>> accesses and reports << the first that is late, then the last that still is, then the one that is open."""
    node = told(obliging(informing(after_access(1))), *deeds)
    assert (node.deontic, node.due_at) == (state, due)


def test_the_shortest_of_several_times() -> None:
    """>> within an hour and within three of each access, or also by a fixed time << whichever comes first."""
    both = obliging(informing(after_access(3), after_access(1)))
    assert (told(both, *used(2)).deontic, told(both, *used(2)).due_at) == ("violated", NOW - HOUR)
    fixed = told(obliging(informing(after_access(1), DUE_BY)), *used(0.5))
    assert (fixed.deontic, fixed.due_at) == ("violated", DUE)


@pytest.mark.parametrize(
    ("deeds", "permit"),
    [
        ([*used(10, 8, 0.5), *informed(8.5)], False),
        ([*used(10, 8, 0.5), *informed(7.5)], True),
        ([*used(10, 8, 6, 0.5), *informed(7)], False),
        ([*used(0.5)], True),
    ],
)
def test_a_consequence_after_each_access(deeds: list[Deed], permit: bool) -> None:
    """>> overdue, so that each access wants a report << suspended if the last late one has none."""
    document = then(informing(after_access(1)))
    assert ask(document, now=NOW, deeds=tuple(deeds)).permit is permit


# ---- consequences


def test_a_deed_at_the_millisecond_of_the_violation() -> None:
    """>> deleted and paid in the millisecond in which the time is over << late, and the payment counts."""
    late = (deed("delete", DUE), deed("compensate", DUE))
    assert told(then({"action": "odrl:compensate"}), *late, now=DUE + 1).deontic == "healed"


def test_two_consequences_want_two_deeds() -> None:
    """>> pay, and pay once more << two payments; one that is not owed takes none."""
    late, paid = deed("delete", DUE + 1), [deed("compensate", DUE + more) for more in (2, 3)]
    pay = {"action": "odrl:compensate"}
    twice = then(SUSPEND, pay, pay)
    assert not ask(twice, now=DUE + DAY, deeds=(late, paid[0])).permit
    assert ask(twice, now=DUE + DAY, deeds=(late, *paid)).permit
    not_owed = pay | {"constraint": [atom("odrl:dateTime", "lt", at(0))]}
    assert ask(then(SUSPEND, not_owed, pay), now=DUE + DAY, deeds=(late, paid[0])).permit


def test_a_consequence_that_is_still_owed_takes_no_deed() -> None:
    """>> pay within an hour, else inform; and pay << a late payment without information is left for the second."""
    late, paid = deed("delete", DUE + 1), deed("compensate", DUE + 2 * HOUR)
    limit = atom(H + "dueWithin", "lt", "violation+PT1H")
    soon = duty("odrl:compensate", limit, **{"odrl:consequence": [{"action": "odrl:inform"}]})
    node = told(then(soon, {"action": "odrl:compensate"}), late, paid, now=DUE + DAY)
    assert [child.deontic for child in node.children if child.kind == "consequence"] == ["violated", "fulfilled"]


def test_a_deed_that_names_its_duty_stands_for_it() -> None:
    """>> two late payments, the second for the obligation by name << the first is left for the consequence."""
    document = then(SUSPEND, {"action": "odrl:compensate"}, action="odrl:compensate")
    paid = deed("compensate", DUE + 1), replace(deed("compensate", DUE + 2), rule="/obligation/0")
    assert ask(document, now=DUE + DAY, deeds=paid).permit


def test_the_next_change_knows_the_deadlines_of_consequences() -> None:
    """>> a consequence beside another has a deadline, fixed or from the violation << that is when things change."""
    pay = {"action": "odrl:compensate"}
    for limit in (atom(H + "dueBy", "lt", at(DUE + DAY)), atom(H + "dueWithin", "lt", "violation+P1D")):
        for consequences in ([pay, informing(limit)], [informing(limit), pay]):
            assert ask(then(*consequences), now=DUE + 1).next_change == DUE + DAY


@pytest.mark.parametrize("action", ["odrl:compensate", "odrl:anonymize", "odrl:delete"])
def test_an_obligation_that_is_open_is_no_hindrance(action: str) -> None:
    """>> owed, and not yet due << shown as no hindrance, whatever its class; overdue as one."""
    for limit, state in ((atom(H + "dueBy", "lt", at(DUE + DAY)), "yes"), (DUE_BY, "no")):
        assert told(obliging(duty(action, KIND, limit)), now=DUE).state == state


@pytest.mark.parametrize("action", ["odrl:delete", "odrl:compensate", "odrl:inform"])
def test_bug_a_deadline_from_an_agreement_that_nobody_knows_was_open_for_ever(action: str) -> None:
    """>> a duty within a day of the agreement, a deed or none; nobody knows when was agreed
    << unknown and not met, as a duty and as an obligation that suspends, both ways; known, it is decided as ever."""
    within = atom(H + "dueWithin", "lteq", "agreement+P1D")
    owed = duty(action, within, **{"odrl:consequence": [SUSPEND]})
    for document in ({"permission": [{"action": "use", "duty": [owed]}]}, obliging(owed)):
        program = compile(parse(document))
        for deeds in ((), (deed(action.removeprefix("odrl:"), NOW - 1),)):
            unknown = replace(MAY, now=NOW, agreement_at=None, deeds=deeds)
            decision = program.examine(unknown, "access")
            steps = [step for child in decision.tree.children for step in (child, *child.children)]
            assert (decision.permit, program.verdict(unknown, "access").permit) == (False, False)
            assert {step.state for step in steps if step.kind in ("duty", "obligation")} == {"unknown"}
        late = replace(unknown, agreement_at=NOW - 2 * DAY, deeds=())
        assert not program.verdict(late, "access").permit
        assert program.verdict(replace(unknown, agreement_at=NOW - 2), "access").permit


def test_bug_the_unit_of_a_size_was_compared_with_the_currency() -> None:
    """>> pay for what is at least five of some unit; done, and somebody recorded that word as a currency
    << not that duty: a currency says nothing about a size."""
    size = atom("odrl:absoluteSize", "gteq", "5", unit="urn:mb")
    owed = {"action": {"value": "odrl:compensate", "refinement": [size]}}
    values = {O + "absoluteSize": 6_000_000, H + "currency": frozenset({"urn:mb"})}
    paid = Deed(action=O + "compensate", at=NOW - 1, values=values)
    assert not ask({"permission": [{"action": "use", "duty": [owed]}]}, deeds=(paid,)).permit
    amount = atom("odrl:payAmount", "gteq", "5", unit="EUR")
    euros = Deed(
        action=O + "compensate", at=NOW - 1, values={O + "payAmount": 6_000_000, H + "currency": frozenset({"EUR"})}
    )
    assert ask({"permission": [{"action": "use", "duty": [duty("odrl:compensate", amount)]}]}, deeds=(euros,)).permit

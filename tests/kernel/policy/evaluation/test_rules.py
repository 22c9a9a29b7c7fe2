"""Compiled permissions and prohibitions: what was violated and made good, and what one request leaves for the next."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.rules import counters
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed
from tests.kernel.policy.duties import MAY, SUSPEND, ask, deed, duty
from tests.kernel.policy.worlds import CLOSURE, DAY, FROM, KIND, NOW, PURPOSE, UNTIL, H, O, atom


def forbidding(*remedies: object, action: str = "odrl:distribute", **members: Any) -> dict[str, Any]:
    prohibition = {"action": action, "odrl:remedy": list(remedies)} | members
    return {"permission": [{"action": "use"}], "prohibition": [prohibition], "odrl:conflict": "odrl:prohibit"}


ASKER = replace(MAY, closure=CLOSURE)
DELETING = forbidding(SUSPEND, {"action": "odrl:delete"})


def step(document: dict[str, Any], *deeds: Deed) -> Node:
    """The step of the prohibition."""
    return next(child for child in ask(document, deeds=deeds).tree.children if child.kind == "prohibition")


@pytest.mark.parametrize(
    ("when", "permit", "deontic"), [(NOW - 1, False, "violated"), (NOW, False, "violated"), (NOW + 1, True, "not-set")]
)
def test_from_the_instant_of_the_violation(when: int, permit: bool, deontic: str) -> None:
    """>> passed on a moment ago, now, in a moment  << suspended from that very millisecond, and not before."""
    assert ask(DELETING, deeds=(deed("distribute", when),)).permit is permit
    assert step(DELETING, deed("distribute", when)).deontic == deontic


def test_every_violation_must_be_made_good() -> None:
    """>> passed on, deleted, passed on again  << suspended until it is deleted again."""
    again = (deed("distribute", NOW - 3000), deed("delete", NOW - 2000), deed("distribute", NOW - 1000))
    assert not ask(DELETING, deeds=again).permit
    assert step(DELETING, *again).deontic == "violated"
    healed = (*again, deed("delete", NOW - 500))
    assert ask(DELETING, deeds=healed).permit
    assert step(DELETING, *healed).deontic == "healed"


def test_without_a_remedy_nothing_is_healed() -> None:
    """>> passed on, and only a suspension to follow  << violated, and suspended for good."""
    suspending = forbidding(SUSPEND)
    assert step(suspending, deed("distribute", NOW - 1)).deontic == "violated"
    assert not ask(suspending, deeds=(deed("distribute", NOW - 1), deed("delete", NOW))).permit
    assert ask(forbidding(), deeds=(deed("distribute", NOW - 1),)).permit


def test_the_step_of_one_request_is_not_that_of_another() -> None:
    """>> the same policy asked for two actions in turn  << each time the action that was asked for."""
    program = compile(parse(forbidding(action="odrl:sell")))
    for action in (O + "use", O + "sell", O + "use", O + "sell"):
        decision = program.examine(replace(MAY, action=action), "access")
        node = next(child for child in decision.tree.children if child.kind == "prohibition")
        assert [child.text for child in node.children] == [action]
        assert node.state == ("yes" if action == O + "sell" else "no")


@pytest.mark.parametrize(
    ("permitted", "forbidden", "permit"),
    [
        ("odrl:distribute", "use", False),
        ("odrl:distribute", "odrl:distribute", False),
        ("odrl:distribute", "odrl:sell", True),
        ("use", "odrl:distribute", True),
    ],
)
def test_before_anybody_asks_a_permission_stands_for_its_own_action(
    permitted: str, forbidden: str, permit: bool
) -> None:
    """>> the catalogue, a permission and a prohibition that covers it, is beside it, or lies within it
    << shown unless the prohibition covers what is permitted; both ways of answering agree."""
    document = forbidding(action=forbidden) | {"permission": [{"action": permitted}]}
    program = compile(parse(document))
    assert program.verdict(MAY, "catalog").permit is permit
    assert program.examine(MAY, "catalog").permit is permit


@pytest.mark.parametrize(
    ("purpose", "source", "vouched"),
    [
        (H + "winterService", "declared", "declared"),
        (None, "contractual", "contractual"),
        (H + "winterService", "contractual", "declared"),
    ],
)
def test_who_vouches_for_the_purpose(purpose: str | None, source: Any, vouched: str) -> None:
    """>> a purpose asked for, declared or only agreed to  << a declared one is declared, whatever else was agreed."""
    program = compile(parse({"permission": [{"action": "use", "constraint": [PURPOSE]}]}))
    decision = program.examine(replace(ASKER, purpose=purpose, purpose_source=source), "access")
    assert (decision.permit, decision.purpose_source) == (True, vouched)


@pytest.mark.parametrize(("condition", "permit"), [(UNTIL, False), (FROM, True), (KIND, False)])
def test_an_unknown_prohibition_holds_unless_its_condition_surely_does_not(condition: Any, permit: bool) -> None:
    """>> nobody knows what is forbidden, but when  << not yet, if that time has not come; else it may be this."""
    document = forbidding(action="ex:fly", constraint=[condition])
    assert ask(document).permit is permit


@pytest.mark.parametrize(
    ("action", "deontic"), [("ex:fly", "violated"), (O + "use", "not-set"), ("ex:swim", "not-set")]
)
def test_a_prohibition_of_something_unknown_is_violated_by_that_alone(action: str, deontic: str) -> None:
    """>> done what nobody knows, used, done something else unknown << only the first was forbidden."""
    assert step(forbidding(SUSPEND, action="ex:fly"), Deed(action=action, at=NOW - 1)).deontic == deontic


def test_one_remedy_that_is_overdue_is_enough() -> None:
    """>> passed on two days ago and again an hour ago, to be deleted within a day  << suspended for the first."""
    within = duty("odrl:delete", atom(H + "dueWithin", "lt", "violation+P1D"), **{"odrl:consequence": [SUSPEND]})
    old, new = deed("distribute", NOW - 2 * DAY), deed("distribute", NOW - 1000)
    assert not ask(forbidding(within), deeds=(old, new)).permit
    assert ask(forbidding(within), deeds=(new,)).permit


@pytest.mark.parametrize(
    ("done_to", "asked_for", "deontic"),
    [
        ("urn:x", "urn:y", "violated"),
        ("", "urn:x", "violated"),
        ("urn:z", "urn:x", "not-set"),
        ("", "urn:y", "not-set"),
    ],
)
def test_what_was_done_to_another_asset_is_not_done_to_this(done_to: str, asked_for: str, deontic: str) -> None:
    """>> one asset that must not be passed on  << violated by passing on that one, which a deed may leave unnamed."""
    document = forbidding(SUSPEND, target="urn:x")
    decision = ask(document, target=asked_for, deeds=(deed("distribute", NOW - 1, target=done_to),))
    assert next(child for child in decision.tree.children if child.kind == "prohibition").deontic == deontic


TWICE = atom(O + "count", "lteq", "2")


def test_every_counter_that_a_rule_may_look_at_is_counted() -> None:
    """>> a count in a rule, its duties and theirs, the description of parties, obligations << each asks for it."""
    paying = duty("odrl:compensate", TWICE)
    towns = {"@type": "PartyCollection", "source": "urn:towns", "refinement": [TWICE]}
    inner = duty("odrl:delete", **{"odrl:consequence": [paying]})
    for rule in ({"constraint": [TWICE]}, {"duty": [paying]}, {"duty": [inner]}, {"assignee": towns}):
        assert len(counters(parse({"permission": [{"action": "use", **rule}]}).permissions)) == 1
    terms = parse({"permission": [{"action": "use"}], "obligation": [inner]})
    assert [len(counters(terms.permissions, some)) for some in ((), terms.obligations)] == [0, 1]


@pytest.mark.parametrize(
    ("declared", "permit"),
    [
        (frozenset({H + "research"}), False),
        (frozenset({H + "operations"}), True),
        (frozenset({"urn:a", "urn:b"}), True),
        (frozenset(), True),
        (7, True),
        (None, True),
    ],
)
def test_the_purpose_of_a_deed_is_that_of_its_time(declared: Any, permit: bool) -> None:
    """>> passing on for research is forbidden; it was passed on for this << the deed's own single purpose decides,
    else that of the request."""
    clause = atom("odrl:purpose", "eq", H + "research")
    document = forbidding(SUSPEND, constraint=[clause])
    values = {} if declared is None else {O + "purpose": declared}
    asker = replace(ASKER, purpose=H + "operations", purpose_source="declared")
    assert ask(document, asker, deeds=(deed("distribute", NOW - 1, values=values),)).permit is permit

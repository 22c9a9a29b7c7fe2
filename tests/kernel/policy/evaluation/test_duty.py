"""What counts as having done a duty: the action, by whom and in which way; and what follows from forbidden acts."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.state_of_world import Deed, Fact
from tests.kernel.policy.duties import DUE_BY, HOUR, SUSPEND, ask, deed, duty, found, owing
from tests.kernel.policy.worlds import DAY, KIND, NOW, ODD, PURPOSE, TOWN, UNTIL, H, O, at, atom

# ---- what was done, and how


@pytest.mark.parametrize(
    ("members", "permit"),
    [
        ({}, False),
        ({"values": {O + "payAmount": 5_000_000}}, False),
        ({"values": {O + "payAmount": 5_000_000, H + "currency": frozenset({"EUR"})}}, True),
        ({"values": {O + "payAmount": 4_999_999, H + "currency": frozenset({"EUR"})}}, False),
        ({"values": {O + "payAmount": 5_000_000, H + "currency": frozenset({"CHF"})}}, False),
        ({"values": {O + "payAmount": 9_000_000, H + "currency": frozenset({"EUR"})}, "rule": "urn:fee"}, True),
        ({"values": {O + "payAmount": 9_000_000, H + "currency": frozenset({"EUR"})}, "rule": "urn:other"}, False),
    ],
)
def test_parameters_are_compared_with_what_was_done(members: dict[str, Any], permit: bool) -> None:
    """>> at least 5 EUR  << paid in EUR, enough, and for this fee; they never switch the duty off."""
    document = owing(duty("odrl:compensate", atom("odrl:payAmount", "gteq", "5", unit="EUR")) | {"@id": "urn:fee"})
    assert ask(document, deeds=(deed("compensate", NOW - 1, **members),)).permit is permit


@pytest.mark.parametrize(
    ("clause", "method", "permit"),
    [
        ({"or": [atom(H + "method", "eq", H + "a"), atom(H + "method", "eq", H + "b")]}, H + "b", True),
        ({"or": [atom(H + "method", "eq", H + "a"), atom(H + "method", "eq", H + "b")]}, H + "c", False),
        (
            {"xone": [atom(H + "method", "eq", H + "a"), atom(H + "method", "isAnyOf", [H + "a", H + "b"])]},
            H + "b",
            True,
        ),
        (
            {"xone": [atom(H + "method", "eq", H + "a"), atom(H + "method", "isAnyOf", [H + "a", H + "b"])]},
            H + "a",
            False,
        ),
        ({"or": [atom(H + "method", "eq", H + "a"), UNTIL]}, H + "a", False),
        ({"or": [DUE_BY, UNTIL]}, H + "a", False),
    ],
)
def test_parameters_in_logic(clause: dict[str, Any], method: str, permit: bool) -> None:
    """Alternatives are understood among parameters; mixed with conditions or deadlines nobody knows what is meant."""
    done = deed("compensate", NOW - 1, values={H + "method": frozenset({method})})
    listed = Closure({H + name: frozenset({H + name}) for name in "abc"})
    assert ask(owing(duty("odrl:compensate", clause)), deeds=(done,), closure=listed).permit is permit


@pytest.mark.parametrize("action", ["odrl:compensate", "odrl:delete", "odrl:anonymize"])
@pytest.mark.parametrize(
    "odd",
    [
        ODD,
        {"@id": "urn:c"},
        atom(H + "dueBy", "lt", "soon"),
        atom(H + "kAnonymity", "gteq", "many"),
        "extra",
        "action",
        "refined",
    ],
)
def test_a_duty_that_is_not_understood_cannot_be_done(action: str, odd: Any) -> None:
    """What is strange may have been a deadline or a parameter: it blocks, whatever its class and whatever was done."""
    document = owing(duty(action, odd) if not isinstance(odd, str) else duty(action) | {"ex:how": "x"})
    if odd == "action":
        document = owing(duty(action) | {"action": {"@id": action, "ex:how": "x"}})
    if odd == "refined":
        document = owing(duty(action) | {"action": {"@id": action, "refinement": [DUE_BY]}})
    done = deed(action.removeprefix("odrl:"), NOW - 1)
    decision = ask(document, deeds=(done,), can=frozenset({O + "anonymize"}))
    assert not decision.permit
    assert found(decision.tree, "duty").time == ("during" if action == "odrl:anonymize" else "before")


@pytest.mark.parametrize(
    ("whom", "party", "permit"),
    [
        (TOWN, TOWN, True),
        ("did:web:other", TOWN, False),
        ("urn:towns", TOWN, True),
        ({"@type": "PartyCollection", "source": "urn:towns"}, TOWN, True),
        ({"@type": "PartyCollection", "source": "urn:towns"}, "did:web:other", False),
        ({"@type": "PartyCollection", "source": "urn:towns", "refinement": [KIND]}, TOWN, False),
        (TOWN, "", False),
    ],
    ids=str,
)
def test_who_has_to_do_it(whom: Any, party: str, permit: bool) -> None:
    """>> a duty of a named party  << done by that party; of others nobody knows to which groups they belong."""
    document = owing(duty("odrl:compensate") | {"assignee": whom})
    done = Deed(action=O + "compensate", at=NOW - 1, party=party)
    assert ask(document, deeds=(done,), parties=frozenset({"urn:towns"})).permit is permit


@pytest.mark.parametrize(
    ("action", "done", "permit"),
    [
        ("odrl:compensate", O + "compensate", True),
        ("odrl:play", O + "display", True),
        ("odrl:display", O + "play", False),
        ("ex:dance", "ex:dance", True),
        ("ex:dance", "ex:sing", False),
        ("odrl:compensate", "ex:dance", False),
    ],
)
def test_which_action_counts(action: str, done: str, permit: bool) -> None:
    """The action itself or one it includes; a strange action only by its very name."""
    assert ask(owing(duty(action)), deeds=(Deed(action=done, at=NOW - 1),)).permit is permit


def test_the_future_does_not_count() -> None:
    """>> a deed of tomorrow (a clock that was set back)  << not yet done."""
    paid = deed("compensate", NOW + 1)
    assert not ask(owing(duty("odrl:compensate")), deeds=(paid,)).permit
    assert ask(owing(duty("odrl:compensate")), deeds=(paid,), now=NOW + 1).permit


# ---- prohibitions that were violated


PASSED_ON = deed("distribute", NOW - DAY)


def forbidding(*remedies: object, **members: Any) -> dict[str, Any]:
    prohibition = {"action": "odrl:distribute", "odrl:remedy": list(remedies), **members}
    return {"permission": [{"action": "use"}], "prohibition": [prohibition], "odrl:conflict": "odrl:prohibit"}


@pytest.mark.parametrize(
    ("document", "deeds", "state", "permit"),
    [
        (forbidding(), [], "not-set", True),
        (forbidding(), [PASSED_ON], "violated", True),
        (forbidding(), [deed("use", NOW - DAY)], "not-set", True),
        (forbidding({"action": "odrl:inform"}), [PASSED_ON], "violated", True),
        (forbidding({"action": "odrl:inform"}), [PASSED_ON, deed("inform", NOW - 1)], "healed", True),
        (forbidding({"action": "odrl:inform"}), [PASSED_ON, deed("inform", NOW - 2 * DAY)], "violated", True),
        (
            forbidding({"action": "odrl:inform"}),
            [PASSED_ON, deed("inform", NOW - 9), deed("distribute", NOW - 5)],
            "violated",
            True,
        ),
        (forbidding(SUSPEND), [], "not-set", True),
        (forbidding(SUSPEND), [PASSED_ON], "violated", False),
        (forbidding(SUSPEND, {"action": "odrl:inform"}), [PASSED_ON], "violated", False),
        (forbidding(SUSPEND, {"action": "odrl:inform"}), [PASSED_ON, deed("inform", NOW - 1)], "healed", True),
        (forbidding(constraint=[atom("odrl:dateTime", "lt", at(NOW - 2 * DAY))]), [PASSED_ON], "not-set", True),
        (forbidding(constraint=[atom("odrl:dateTime", "lt", at(NOW - HOUR))]), [PASSED_ON], "violated", True),
        (forbidding(constraint=[ODD]), [PASSED_ON], "violated", True),
        (
            forbidding(constraint=[PURPOSE]),
            [replace(PASSED_ON, values={O + "purpose": frozenset({"urn:x"})})],
            "violated",
            True,
        ),
        (
            forbidding(constraint=[atom("odrl:recipient", "eq", "urn:r")]),
            [replace(PASSED_ON, values={O + "recipient": frozenset({"urn:r"})})],
            "violated",
            True,
        ),
        (
            forbidding(constraint=[atom("odrl:recipient", "eq", "urn:r")]),
            [replace(PASSED_ON, values={O + "recipient": frozenset({"urn:s"})})],
            "not-set",
            True,
        ),
        (forbidding(), [replace(PASSED_ON, rule="/obligation/0")], "not-set", True),
        (forbidding(), [replace(PASSED_ON, rule="/prohibition/0")], "violated", True),
        (forbidding(assignee="did:web:other"), [PASSED_ON], "not-set", True),
        (forbidding(assignee="did:web:other"), [replace(PASSED_ON, party="did:web:other")], "violated", True),
        (forbidding(assignee=TOWN), [replace(PASSED_ON, party="")], "violated", True),
        (
            forbidding(action="use", constraint=[atom("odrl:dateTime", "lt", at(NOW - HOUR))]),
            [deed("delete", NOW - DAY)],
            "not-set",
            True,
        ),
    ],
    ids=str,
)
def test_the_forbidden_was_done(document: dict[str, Any], deeds: list[Deed], state: str, permit: bool) -> None:
    """Judged as it was when it was done; made good by every remedy after it; access stops only if a remedy says so."""
    decision = ask(document, deeds=tuple(deeds))
    assert found(decision.tree, "prohibition").deontic == state
    assert decision.permit is permit
    assert decision.suspended == (() if permit else ("/prohibition/0",))


def test_a_remedy_in_time() -> None:
    """>> inform within a day of the violation, else access is suspended  << counted from the deed."""
    remedy = duty("odrl:inform", atom(H + "dueWithin", "lt", "violation+P2D"), **{"odrl:consequence": [SUSPEND]})
    document = forbidding(remedy)
    assert ask(document, deeds=(PASSED_ON,)).permit
    assert ask(document, deeds=(PASSED_ON,)).next_change == PASSED_ON.at + 2 * DAY
    assert not ask(document, deeds=(PASSED_ON,), now=PASSED_ON.at + 2 * DAY).permit


def test_facts_of_the_requester_are_no_parameters() -> None:
    """>> a parameter that the world would meet  << still compared with the deed only."""
    facts = {H + "kAnonymity": Fact(9)}
    document = owing(duty("odrl:compensate", atom(H + "kAnonymity", "gteq", "3")))
    assert not ask(document, facts=facts, deeds=(deed("compensate", NOW - 1),)).permit
    assert ask(document, deeds=(deed("compensate", NOW - 1, values={H + "kAnonymity": 3}),)).permit

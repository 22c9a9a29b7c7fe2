"""A policy that is decided as it was signed gives the answer that its file gives, or permits less, and is told."""

from typing import Any

import pytest
from hypothesis import given, settings

from connector.app.policy_engine import policy_engine
from connector.dialects.policies.translate import understood
from tests.dialects.answers import ALICE, BOB, CITY, TOWNS, Answer, O, X, answers, read, worlds
from tests.dialects.any_policy import POLICY
from tests.dialects.notations import EX
from tests.dialects.sendable import sendable
from tests.fuzz.effort import amount, whole

ENGINE = policy_engine()
NOTHING = (False,) * 16


def gate(document: dict[str, Any]) -> Answer:
    """As the gates of catalogue, negotiation and transfer read it: as it was signed."""
    return answers([document], worlds())


def shown(document: dict[str, Any]) -> Answer:
    """As people are shown a partner's offer."""
    return answers([understood(document).document], worlds())


def worded(document: dict[str, Any]) -> bool:
    """Whether it may become a contract that nobody reads (0045)."""
    try:
        return bool(ENGINE.clauses(document, "de"))
    except ValueError:
        return False


def agreed(message: dict[str, Any]) -> dict[str, Any]:
    """What becomes the contract: it names its parties itself, whatever an offer says of them (spec/protocol.md 2.3)."""
    if message["@type"] == "Agreement":
        return message
    return {name: value for name, value in message.items() if name not in ("assigner", "assignee")}


def _permits(answer: Answer) -> tuple[bool, ...]:
    return NOTHING if isinstance(answer, str) else answer


@pytest.mark.threat("T159")
@settings(max_examples=whole(amount(25, 60), 10_000), deadline=None)
@given(document=POLICY)
def test_a_gate_answers_as_the_file_does_or_permits_less_and_is_told(document: dict[str, Any]) -> None:
    """>> any policy that a message can bring  << gate, display and `check` agree; or the gate permits less, and no
    contract is concluded that nobody reads."""
    message = sendable(document)
    here, there, display = (_permits(answer(message)) for answer in (gate, file, shown))
    if here != there:
        contract = agreed(message)
        assert not worded(contract) or gate(contract) == file(contract)
    assert all(not yes or also for yes, also in zip(here, display, strict=True))
    assert all(not yes or also for yes, also in zip(display, there, strict=True))


def file(document: dict[str, Any]) -> Answer:
    """As `hanse policy check` reads it."""
    return read("wire", document, worlds())


USE = {"action": "use"}
OTHER = {EX + "role": "admin"}
REFINED = [{"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]
SPOKEN: dict[str, list[dict[str, Any]]] = {
    "a party, in one of two rules": [{**USE, "assignee": ALICE}, {**USE, "assignee": {"@id": ALICE, **OTHER}}],
    "a party, twice in one rule": [{**USE, "assignee": [{"@id": ALICE, **OTHER}, ALICE]}],
    "a collection": [{**USE, "assignee": ALICE}, {**USE, "assignee": {"@id": ALICE, "@type": "PartyCollection"}}],
    "a whole": [{**USE, "assignee": ALICE}, {**USE, "assignee": {"@id": BOB, "odrl:partOf": {"@id": ALICE}}}],
    "an action": [
        USE,
        {**USE, "duty": [{"action": "odrl:inform", "consequence": [{"action": {"@id": O + "use", **OTHER}}]}]},
    ],
    "whose policy it is": [USE, {**USE, "assignee": {"@id": BOB, "assigneeOf": {"@id": "urn:policy"}}}],
    "what replaced it": [USE, {**USE, "assignee": {"@id": BOB, "dct:replaces": {"@id": "urn:policy"}}}],
    "a rule": [{**USE, "@id": "urn:r"}, {"@id": "urn:r", "action": "odrl:print"}],
}  # fmt: skip


@pytest.mark.threat("T159")
@pytest.mark.parametrize("case", SPOKEN)
def test_bug_a_gate_did_not_see_what_a_policy_says_elsewhere(case: str) -> None:
    """>> a policy that says of a name in one rule what another rule needs to know  << the file permitted nothing, the
    gate did."""
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, "permission": SPOKEN[case]}
    if case not in ("whose policy it is",):
        assert not any(_permits(file(message)))
    assert not any(_permits(gate(message)))
    assert not worded(message)


@pytest.mark.threat("T159")
def test_bug_a_rule_that_permits_and_forbids_by_one_name_permitted_at_the_gate() -> None:
    """>> one rule under `permission` and under `prohibition` << of two classes, and neither (IM 2.6)."""
    rule = {"@id": "urn:r", "action": "use"}
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, "permission": [rule], "conflict": "perm"}
    assert any(_permits(gate(message)))
    for read_as in (gate, file, shown):
        assert not any(_permits(read_as({**message, "prohibition": [rule]})))


@pytest.mark.threat("T159")
@pytest.mark.parametrize("place", ["consequence", "remedy"])
def test_bug_a_refined_action_of_odrl_was_understood_at_the_gate(place: str) -> None:
    """>> what is owed is an action of ODRL with a refinement beside its name << not understood, as in the file."""
    action = {"@id": O + "inform", "refinement": REFINED}
    owed = {"action": "odrl:attribute", "consequence": [{"action": action}]}
    rules: dict[str, Any] = {"permission": [{**USE, "duty": [owed]}]}
    if place == "remedy":
        rules = {"permission": [USE], "prohibition": [{"action": "odrl:print", "odrl:remedy": [{"action": action}]}]}
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, **rules}
    assert gate(message) == file(message)
    assert not worded(message)


@pytest.mark.threat("T159")
def test_a_name_that_is_only_repeated_changes_nothing() -> None:
    """>> one party as text, as a node, as a node of its class, in several rules; one concept likewise << one party."""
    kind = {"leftOperand": "https://w3id.org/hanse/v1#participantKind", "operator": "isAnyOf",
            "rightOperand": [CITY, {"@id": CITY}]}  # fmt: skip
    names: list[Any] = [ALICE, {"@id": ALICE}, {"@id": ALICE, "@type": "Party"}, TOWNS]
    rules = [{**USE, "assignee": one, "constraint": [kind]} for one in names]
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, "permission": rules}
    assert gate(message) == file(message)
    assert any(_permits(gate(message)))

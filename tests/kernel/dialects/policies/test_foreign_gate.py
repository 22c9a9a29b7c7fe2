"""A policy that is decided as it was signed gives the answer that its file gives, or permits less, and is told."""

from typing import Any

import pytest
from hypothesis import given, settings

from connector.app.policy_engine import policy_engine
from connector.kernel.dialects.policies.translate import understood
from connector.kernel.policy.engine import Requester
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views.terms import offered
from tests.fuzz.effort import amount, whole
from tests.kernel.dialects.answers import (
    ALICE,
    BOB,
    CITY,
    COUNTY,
    NOON,
    TOWNS,
    Answer,
    O,
    X,
    answers,
    decided,
    read,
    worlds,
)
from tests.kernel.dialects.any_policy import POLICY
from tests.kernel.dialects.notations import EX
from tests.kernel.dialects.sendable import sendable

ENGINE = policy_engine()
NOTHING = (False,) * 16


def gate(document: dict[str, Any]) -> Answer:
    """As the gates of catalogue, negotiation and transfer read it: as it was signed."""
    try:
        return decided(ENGINE.program(document), worlds())
    except PolicyError:
        return "refused"


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


PARTICIPANT = "https://w3id.org/hanse/v1#participantKind"
DCT = "http://purl.org/dc/terms/"
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
    "a rule with a label": [{**USE, "@id": "_:r"}, {**USE, "@id": "_:r", "constraint": REFINED}],
    "itself, as a party": [USE, {**USE, "assignee": {"@id": "urn:policy", **OTHER}}],
    "itself, as another policy": [USE, {**USE, "assignee": {"@id": "urn:policy", "prohibition": [USE]}}],
    "itself, as a rule": [{**USE, "@id": "urn:policy"}],
    "its party": [USE, {**USE, "assignee": "urn:policy"}],
    "an operand": [{**USE, "constraint": REFINED}, {**USE, "assignee": {"@id": O + "count", **OTHER}}],
    "an operator": [{**USE, "constraint": REFINED}, {**USE, "assignee": {"@id": O + "lteq", **OTHER}}],
}


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


BESIDE: dict[str, dict[str, Any]] = {
    "a prohibition": {"@id": "urn:policy", "odrl:prohibition": [USE]},
    "a day of validity": {"@id": "urn:policy", "dct:valid": "2020-01-01"},
    "a newer one": {"@id": "urn:policy", "dct:isReplacedBy": {"@id": "urn:newer"}},
    "an heir": {"@id": "urn:policy", "inheritFrom": "urn:other"},
    "a condition of a rule": {"@id": "_:r", "constraint": REFINED},
    "another action of a rule": {"@id": "_:r", "action": "odrl:print"},
    "for whom a rule is": {"@id": "_:r", "assignee": BOB},
    "what else holds for a rule": {"@id": "_:r", **OTHER},
    "another value": {"@id": "_:c", "rightOperand": COUNTY},
}


@pytest.mark.threat("T159", "T169")
@pytest.mark.parametrize("case", BESIDE)
@pytest.mark.parametrize("kind", ["Offer", "Agreement"])
def test_bug_a_note_said_more_of_the_policy_itself_or_of_a_rule_with_a_label(case: str, kind: str) -> None:
    """>> a note in which the policy, its rule or constraint stands once more, with a condition  << the gate permitted,
    and a contract came without a person; with a label so did a file of plain JSON."""
    kinds = {"@id": "_:c", "leftOperand": PARTICIPANT, "operator": "eq", "rightOperand": CITY}
    rules = [{**USE, "@id": "_:r", "constraint": [kinds]}]
    message = {"@type": kind, "@id": "urn:policy", "target": X, "permission": rules}
    if kind == "Agreement":
        message |= {"assigner": BOB, "assignee": ALICE, "timestamp": "2026-01-01T00:00:00Z"}
    assert any(_permits(gate(message)))
    offer = dict(message)
    message[DCT + "relation"] = BESIDE[case]
    for read_as in (gate, shown, file):
        assert not any(_permits(read_as(message)))
    assert not worded(message)
    assert not offered(ENGINE, Requester(did=ALICE, kind=CITY), message, NOON).met
    assert not ENGINE.narrower(offer, message).compatible


@pytest.mark.threat("T159")
def test_bug_the_words_shown_of_an_offer_permitted_what_its_file_and_the_gate_did_not() -> None:
    """>> a remedy says more of an operand that the prohibition has, too << shown as a prohibition that is over."""
    over = {"leftOperand": "odrl:dateTime", "operator": "eq", "rightOperand": "2020-01-01T00:00:00Z"}
    owed = {"action": "odrl:attribute", "constraint": [{**over, "leftOperand": {"@id": O + "dateTime", **OTHER}}]}
    rules = {"permission": [USE], "prohibition": [{**USE, "constraint": [over], "remedy": [owed]}]}
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, "conflict": "prohibit", **rules}
    for read_as in (gate, shown, file):
        assert not any(_permits(read_as(message)))


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
    kind = {"leftOperand": PARTICIPANT, "operator": "isAnyOf", "rightOperand": [CITY, {"@id": CITY}]}
    names: list[Any] = [ALICE, {"@id": ALICE}, {"@id": ALICE, "@type": "Party"}, TOWNS]
    rules = [{**USE, "assignee": one, "constraint": [kind]} for one in names]
    message = {"@type": "Offer", "@id": "urn:policy", "target": X, "permission": rules}
    assert gate(message) == file(message)
    assert any(_permits(gate(message)))

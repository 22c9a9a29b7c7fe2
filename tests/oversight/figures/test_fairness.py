"""Equal treatment: a decision made again for another member with the same claims comes out the same, or is told."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.record import plain, record, sha256
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.oversight.figures.fairness import judge
from connector.oversight.figures.model import Body, Event, Judged
from connector.oversight.figures.store import Case
from tests.kernel.policy.worlds import CLOSURE, KIND, NOW, TOWN, H

BY_NAME = {"leftOperand": f"{H}participant", "operator": "eq", "rightOperand": {"@id": TOWN}}
BY_RECIPIENT = {"leftOperand": "recipient", "operator": "eq", "rightOperand": {"@id": TOWN}}
WORLD = World(
    now=NOW,
    participant=TOWN,
    uses={"": 1},
    closure=CLOSURE,
    deeds=(Deed(action="a", at=1, party=TOWN),),
    facts={
        H + "participantKind": Fact(frozenset({H + "county"}), "verified-credential", "vc:1"),
        "http://www.w3.org/ns/odrl/2/recipient": Fact(frozenset({TOWN}), "verified-credential"),
    },
)


def agreement(*constraints: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "Agreement", "assignee": TOWN, "permission": [{"action": "use", "constraint": list(constraints)}]}


def kept(document: dict[str, Any], world: World = WORLD) -> tuple[Event, Case]:
    """A decision as log and case file have it."""
    whole = record(compile(parse(document)).examine(world, "access"), world, document, vocabulary="v1")
    told = json.loads(msgspec.json.encode(whole))
    body = Body(permit=bool(whole["permit"]), decision="d", record=sha256(told), world=str(told["world"]))
    event = Event(id=1, index=None, type="decision", at=NOW, agreement="urn:a", actor="system", body=body)
    written = msgspec.json.encode(plain(world)).decode()
    return event, Case(id="d", agreement="urn:a", record=json.dumps(told), world=written)


@pytest.mark.parametrize(
    ("constraint", "equal"), [(KIND, True), (BY_NAME, False), (BY_RECIPIENT, False)], ids=["kind", "name", "recipient"]
)
def test_who_has_the_same_claims_gets_the_same_answer(constraint: dict[str, Any], equal: bool) -> None:
    """>> a rule that asks for a kind << equal; >> one that names a member << unequal, and it is said."""
    document = agreement(constraint)
    assert judge(*kept(document), document, CLOSURE, BUILT_IN) == Judged(id="d", reproduced=True, equal=equal)


def test_what_was_changed_since_is_not_judged() -> None:
    """>> the case file, the contract or the log says something else << changed, which is no pass."""
    document = agreement(KIND)
    event, case = kept(document)
    changed = Judged(id="d", reproduced=False, equal=False)
    other = replace(case, record=case.record.replace("v1", "v2"))
    assert judge(event, other, document, CLOSURE, BUILT_IN) == changed
    foreign = replace(event, body=replace(event.body, world="0" * 64))
    assert judge(foreign, case, document, CLOSURE, BUILT_IN) == changed
    assert judge(event, case, agreement(BY_NAME), CLOSURE, BUILT_IN).reproduced is False
    assert judge(event, case, {"permission": 7}, CLOSURE, BUILT_IN) == changed
    bent = replace(case, world=case.world.replace(TOWN, "did:web:other"))
    assert judge(event, bent, document, CLOSURE, BUILT_IN).reproduced is False

"""Random policies in the form in which a message of the protocol can bring them: what a gate may have to decide."""

import copy
from collections.abc import Mapping
from typing import Any

from connector.kernel.policy.odrl.names import LOGIC, ODRL
from connector.kernel.protocol import shape
from tests.kernel.dialects.answers import ALICE, BOB, X
from tests.kernel.dialects.notations import EX


def sendable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The offer or agreement that is nearest to a policy of any form, as the protocol's schemas let it pass."""
    made: dict[str, Any] = {**copy.deepcopy(document), "@id": "urn:policy", "target": X}
    made["@type"] = "Agreement" if "Agreement" in str(document["@type"]) else "Offer"
    for kind in ("permission", "prohibition", "obligation"):
        if kind in made:
            made[kind] = [_rule(one) for one in made[kind]]
    if isinstance(made.get("profile"), Mapping):
        made["profile"] = EX + "profile"
    if made["@type"] == "Agreement":
        made |= {"assigner": BOB, "assignee": ALICE, "timestamp": "2026-01-01T00:00:00Z"}
        shape.agreement(made, "")
    else:
        shape.message_offer(made, "")
    return made


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from a duty, and remedies, no schema looks at."""
    made = {name: value for name, value in rule.items() if name != "target"}
    made["action"] = _named(rule["action"])
    if "constraint" in made:
        made["constraint"] = [_clause(one) for one in made["constraint"]]
    if "duty" in made:
        made["duty"] = [_rule(one) for one in made["duty"]]
    return made


def _named(action: Any) -> str:
    return action if isinstance(action, str) else str(action.get("@id", action.get("value", EX + "dream")))


def _clause(clause: Mapping[str, Any]) -> dict[str, Any]:
    for name in clause.keys() & set(LOGIC):
        return {name: [_clause(one) for one in clause[name]]}
    left, operator = (_named(clause[name]) for name in ("leftOperand", "operator"))
    return {**clause, "leftOperand": left, "operator": operator.removeprefix(ODRL)}

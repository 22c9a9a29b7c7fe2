"""Random policies and requests by number, for every fuzz of the engine: the same number always gives the same case.

Unlike the strategies of `worlds` they use the real concept lists, and everything that decisions went wrong with: names
that are none, values of several elements, fees and payments, deeds of strangers, replaced policies. `odd` spoils one
right operand of a policy, the way peers do.
"""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.policy.odrl.model import PHASES, Phase
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from tests.kernel.policy.worlds import at, atom

NOW, DAY = 1_795_000_000_000, 86_400_000
TOWN, FIRM, STRANGER = "did:web:town.example", "did:web:firm.example", "did:web:stranger.example"
DATA = "https://data.example/datasets/1"
KINDS = [H + name for name in ("municipality", "county", "company", "networkOperator")]
PURPOSES = [H + name for name in ("heatPlanning", "statutoryTask", "research", "productDevelopment", "operations")]
AREAS = [H + name for name in ("DE-NW", "DE-BY", "DE", "EU")]
GROUPS = ["urn:example:ikz", "https://groups.example/M%C3%BCnster", "https://groups.example/Münster"]
ODD_NAMES = [
    "hanse:productDevelopment",
    "productDevelopment",
    f"{TOWN}, {FIRM}",
    f"{TOWN},{FIRM}",
    "",
    " ",
    "Forschung",
    "https://user@groups.example/x",
    "https://groups.example/a b",
    "https://groups.example/x\u202e",
    "https://groups.example/Mu\u0308nster",
    "urn:example:ikz\n",
    "did:web:",
    "https:///x",
    "//groups.example/x",
]
"""Names that nobody can understand, whatever the operand."""
FOREIGN = ["https://other.example/terms#research", "urn:example:purpose:1", H + "unheardOf"]
"""Well-formed, but in none of our lists."""
_CONCEPTS = {
    O + "purpose": PURPOSES,
    H + "participantKind": KINDS,
    H + "participantLocation": AREAS,
    O + "spatial": AREAS,
}
_IDENTIFIERS = {H + "memberOf": GROUPS, H + "participant": [TOWN, FIRM], O + "recipient": [TOWN, FIRM, STRANGER]}
_ONE, _MANY = ["eq", "neq"], ["isAnyOf", "isNoneOf", "isAllOf", "isA", "isPartOf", "hasPart"]
_DUE = ["agreement+P1D", "agreementEnd+P1D", "access+PT1H", "violation+P1D", "firstAccess+P2D"]


class Case(NamedTuple):
    """One policy (wire JSON) and one request in one phase."""

    document: dict[str, Any]
    world: World
    phase: Phase


def cases(count: int, start: int = 0) -> Iterator[Case]:
    """`count` cases from number `start` on."""
    for number in range(start, start + count):
        yield case(number)


def case(number: int) -> Case:
    rng = Random(number)
    return Case(policy(rng), world(rng), rng.choice([*PHASES, "access", "access", "access"]))


# Policies


def policy(rng: Random) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@type": rng.choice(["Set", "Set", "Set", "Agreement", "Offer"]),
        "permission": [_permission(rng) for _ in range(rng.randint(1, 3))],
        "prohibition": [_prohibition(rng) for _ in range(rng.choice([0, 0, 1, 1, 2]))],
        "obligation": [_duty(rng, 2) for _ in range(rng.choice([0, 0, 1, 2]))],
        "odrl:conflict": rng.choice(["odrl:prohibit", "odrl:prohibit", "odrl:perm", "odrl:invalid"]),
    }
    if rng.random() < 0.3:
        document["assignee"] = rng.choice([TOWN, TOWN, FIRM])
    if rng.random() < 0.04:
        document["dct:isReplacedBy"] = {"@id": "urn:example:policy:2"}
    return document


def _permission(rng: Random) -> dict[str, Any]:
    duties = [_duty(rng, 1) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    return {"action": rng.choice(["use", "use", "use", "odrl:distribute"]), "constraint": _clauses(rng), "duty": duties}


def _prohibition(rng: Random) -> dict[str, Any]:
    action = rng.choice(["use", "use", "odrl:distribute", H + "aiTraining"])
    remedies = [_duty(rng, 0) for _ in range(rng.choice([0, 0, 1]))]
    return {"action": action, "constraint": _clauses(rng), "odrl:remedy": remedies}


def _clauses(rng: Random) -> list[dict[str, Any]]:
    return [_clause(rng, 2) for _ in range(rng.choice([0, 1, 1, 2]))]


def _clause(rng: Random, depth: int) -> dict[str, Any]:
    if depth and rng.random() < 0.3:
        parts = [_clause(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        return {rng.choice(["and", "or", "xone", "xone", "andSequence"]): parts}
    return comparison(rng)


def comparison(rng: Random) -> dict[str, Any]:
    """One constraint that is understood, mostly of names."""
    if rng.random() < 0.2:
        day = at(NOW + rng.randint(-3, 3) * DAY)
        return atom(O + "dateTime", rng.choice(["lt", "lteq", "gt", "gteq"]), day)
    if rng.random() < 0.1:
        return atom(O + "count", rng.choice(["lteq", "lt", "neq"]), str(rng.randint(1, 3)))
    left, names = rng.choice([*_CONCEPTS.items(), *_CONCEPTS.items(), *_IDENTIFIERS.items()])
    if rng.random() < 0.1:
        names = [*names, *FOREIGN]
    if rng.random() < 0.4:
        return atom(left, rng.choice(_ONE), rng.choice(names))
    return atom(left, rng.choice(_MANY), rng.sample(names, rng.randint(1, min(3, len(names)))))


def _duty(rng: Random, depth: int) -> dict[str, Any]:
    fee = rng.random() < 0.5
    action = "odrl:compensate" if fee else rng.choice(["odrl:inform", "odrl:delete", "odrl:attribute"])
    constraints: list[dict[str, Any]] = []
    if fee:
        constraints.append(atom(O + "payAmount", rng.choice(["eq", "gteq"]), str(rng.choice([10, 20])), unit="urn:eur"))
    if rng.random() < 0.4:
        constraints.append(atom(H + "dueWithin", "lteq", rng.choice(_DUE)))
    if rng.random() < 0.3:
        constraints.append(comparison(rng))
    found: dict[str, Any] = {"action": action, "constraint": constraints}
    if rng.random() < 0.2:
        found["assignee"] = rng.choice([TOWN, FIRM])
    if depth and rng.random() < 0.5:
        follows = [{"action": H + "suspendAccess"}, _duty(rng, depth - 1)]
        found["odrl:consequence"] = follows[: rng.randint(1, 2)]
    return found


# Requests


def world(rng: Random) -> World:
    def some(names: list[str], most: int = 2) -> frozenset[str]:
        return frozenset(rng.sample(names, rng.randint(0, most)))

    facts: dict[str, Fact] = {}
    for left, names in (*_CONCEPTS.items(), *_IDENTIFIERS.items()):
        if left not in (O + "purpose", H + "participant") and rng.random() < 0.8:
            source = "declared" if left in (O + "spatial", O + "recipient") else "verified-credential"
            facts[left] = Fact(some([*names, *(FOREIGN if rng.random() < 0.1 else [])]), source)
    purpose = rng.choice([*PURPOSES, *PURPOSES, None, FOREIGN[0], ODD_NAMES[0], ODD_NAMES[1]])
    uses = rng.randint(1, 4)
    return World(
        now=NOW + rng.randint(-2, 2) * DAY,
        participant=rng.choice([TOWN, TOWN, FIRM]),
        action=rng.choice(["", "", O + "use", O + "distribute", H + "aiTraining"]),
        target=rng.choice(["", DATA]),
        facts=facts,
        purpose=purpose,
        purpose_source="declared" if purpose else "contractual",
        agreement_at=NOW - 3 * DAY,
        agreement_end=rng.choice([None, NOW - DAY]),
        first_access=rng.choice([None, NOW - 2 * DAY]),
        uses={} if rng.random() < 0.1 else {"": uses},
        deeds=tuple(_deed(rng) for _ in range(rng.choice([0, 1, 2, 4]))),
        closure=vocabulary().closure,
    )


def _deed(rng: Random) -> Deed:
    action = rng.choice(["compensate", "compensate", "inform", "delete", "use", "distribute"])
    paid = {O + "payAmount": rng.choice([10, 20]) * 1_000_000, H + "currency": frozenset({"urn:eur"})}
    return Deed(
        action=O + action,
        at=NOW + rng.randint(-60, 20) * DAY // 20,
        party=rng.choice([TOWN, TOWN, FIRM, STRANGER, ""]),
        rule=rng.choice(["", "", "", "/permission/0/duty/0", "/obligation/0", "/prohibition/0"]),
        values=paid if action == "compensate" else {},
    )


# Spoilt policies


def odd(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The policy with one right operand replaced by, or joined with, something that nobody understands."""
    spoilt = copy.deepcopy(document)
    places = list(_comparisons(spoilt))
    if places:
        one = rng.choice(places)
        several = isinstance(one["rightOperand"], list) and rng.random() < 0.5
        one["rightOperand"] = [*one["rightOperand"], rng.choice(ODD_NAMES)] if several else rng.choice(ODD_NAMES)
    return spoilt


def _comparisons(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "rightOperand" in value:
            yield value
        for inner in value.values():
            yield from _comparisons(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _comparisons(inner)

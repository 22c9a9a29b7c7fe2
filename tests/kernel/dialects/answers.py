"""What a policy answers in every notation: for each request of some worlds in each phase."""

from typing import Any

from connector.kernel.policy.evaluation.program import PRODUCT, Mode, Program, compile
from connector.kernel.policy.odrl.model import PHASES, PolicyError
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.notations import EIGHT, EX, READERS
from tests.kernel.dialects.outsiders import H

NOON = 1_795_500_000_000
CITY, COUNTY = H + "municipality", H + "county"
TITLE = "http://purl.org/dc/terms/title"
SKOS = "http://www.w3.org/2004/02/skos/core#"
ALICE, BOB, X, Y, TOWNS = "did:web:a.example", "did:web:b.example", EX + "x", EX + "y", EX + "towns"
XSD = "http://www.w3.org/2001/XMLSchema#"

Answer = tuple[bool, ...] | str


def literal(text: str, **more: str) -> dict[str, str]:
    return {"@value": text, **{f"@{key}": value for key, value in more.items()}}


GERMAN, ENGLISH = literal("Stadt", language="de"), literal("Town", language="en")

BUT: list[dict[str, Any]] = [
    {EX + "but": "sundays"},
    {SKOS + "broader": {"@id": COUNTY}},
    {SKOS + "exactMatch": {"@id": COUNTY}},
    {"odrl:refinement": [{"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]},
    {"odrl:partOf": {"@id": TOWNS}},
    {"dct:isPartOf": {"@id": TOWNS}},
    {"@type": XSD + "integer"},
    {"@type": "_:b0"},
    {"odrl:uid": EX + "town"},
]
"""What may be said of a node beside what it is called or like."""


def worlds() -> list[World]:
    facts = {H + "participantKind": Fact(frozenset({CITY}), "verified-credential")}
    return [
        World(now=NOON, participant=who, action=O + action, target=target, facts=facts, uses={"": 2}, purpose=purpose)
        for who, action, target, purpose in (
            (ALICE, "use", X, None),
            (ALICE, "print", X, H + "research"),
            (BOB, "print", Y, H + "research"),
            (BOB, "sell", X, None),
        )
    ]


def answers(documents: list[dict[str, Any]], worlds: list[World], mode: Mode = PRODUCT) -> Answer:
    """Each decision in each phase; a policy that cannot be read permits nothing."""
    (document,) = documents
    try:
        program = compile(parse(document), mode=mode)
    except PolicyError:
        return "refused"
    return decided(program, worlds)


def decided(program: Program, worlds: list[World]) -> tuple[bool, ...]:
    found = []
    for world in worlds:
        for phase in PHASES:
            verdict = program.verdict(world, phase)
            assert verdict.permit == program.examine(world, phase).permit
            found.append(verdict.permit)
    return tuple(found)


def read(notation: str, document: dict[str, Any], worlds: list[World]) -> Answer:
    try:
        return answers([one.document for one in EIGHT[notation](document)], worlds)
    except Malformed:
        return "refused"


def every(document: dict[str, Any]) -> Answer:
    """What all notations answer."""
    (answer,) = {read(notation, document, worlds()) for notation in READERS}
    return answer

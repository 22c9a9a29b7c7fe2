"""What tests of decisions share: a town that asks, common clauses, and the answer in each phase."""

from typing import Any

from msgspec.structs import replace

from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.odrl.model import PHASES, Closure
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from tests.kernel.policy.deciding import decide

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741
NOW = 1_795_000_000_000
SOON = "2026-11-18T11:06:45Z"
TOWN = World(
    now=NOW,
    participant="did:web:town",
    facts={
        H + "participantKind": Fact(frozenset({H + "municipality"}), "verified-credential"),
        H + "memberOf": Fact(frozenset({"urn:ikz"}), "verified-credential"),
    },
    purpose=H + "winterService",
    purpose_source="declared",
    agreement_at=NOW - 3000,
    uses={"": 1},
    closure=Closure(
        {
            H + "winterService": frozenset({H + "winterService", H + "operations"}),
            H + "operations": frozenset({H + "operations"}),
            **{H + name: frozenset({H + name}) for name in ("research", "municipality", "county", "company")},
        }
    ),
)

SILENT = {"purpose": None, "purpose_source": "contractual"}


def world(**changes: Any) -> World:
    claims = {H + name: changes.pop(short) for short, name in CLAIMS.items() if short in changes}
    facts = {iri: Fact(_texts(value), "verified-credential") for iri, value in claims.items()}
    uses = {"uses": {} if changes["uses"] is None else {"": changes["uses"]}} if "uses" in changes else {}
    return replace(TOWN, **changes | {"facts": {**TOWN.facts, **facts}} | uses)


CLAIMS = {"kind": "participantKind", "groups": "memberOf", "admin_level": "adminLevel"}


def _texts(value: Any) -> Any:
    return frozenset({value}) if isinstance(value, str) else value


def atom(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


KIND = atom(H + "participantKind", "isAnyOf", [H + "municipality", H + "county"])
PURPOSE = atom("odrl:purpose", "isPartOf", H + "operations")
COUNT = atom("odrl:count", "lteq", "2")
ELAPSED = atom("odrl:elapsedTime", "lteq", "PT5S")
UNTIL = atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00")
FROM = atom("odrl:dateTime", "gteq", "2027-01-01T00:00:00+01:00")
ODD = atom("partner", "eq", "gold")


def offer(*constraints: object, **members: Any) -> dict[str, Any]:
    return {
        "permission": [{"action": "use", "constraint": list(constraints)}],
        "odrl:conflict": "odrl:prohibit",
    } | members


def ask(document: dict[str, Any], phase: Any = "access", asker: World = TOWN) -> Decision:
    return decide(parse(document), asker, phase)


def phases(document: dict[str, Any], asker: World = TOWN) -> str:
    """One letter per phase: p permitted, d permitted with something deferred, - refused."""
    decisions = [ask(document, phase, asker) for phase in PHASES]
    return "".join("-" if not d.permit else "d" if d.deferred else "p" for d in decisions)

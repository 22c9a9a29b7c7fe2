"""What tests of foreign policies share: a small policy under any context, and what was made of it."""

from typing import Any

from connector.kernel.dialects.jsonld.contexts import CX
from connector.kernel.dialects.policies.foreign import read_json
from connector.kernel.dialects.policies.translate import Foreign
from connector.kernel.policy.odrl.model import Atom, Logic
from connector.kernel.policy.odrl.parse import parse

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
CX_CONTEXTS = [CX + "odrl.jsonld", CX + "context.jsonld"]
H = "https://w3id.org/hanse/v1#"
T = "2026-01-01T00:00:00Z"


def policy(context: Any, *constraints: dict[str, Any]) -> dict[str, Any]:
    permission = {"action": "use", "constraint": list(constraints)}
    return {"@context": context, "@type": "Set", "@id": "urn:policy:1", "permission": [permission]}


def compare(left: Any, operator: Any, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def only(value: Any) -> Foreign:
    (found,) = read_json(value)
    return found


def atoms(found: Foreign) -> list[tuple[str, str, list[str]]]:
    """Operand, operator and values of the comparisons of the first rule, by local names."""

    def below(clauses: Any) -> list[Atom]:
        return [a for c in clauses for a in (below(c.clauses) if isinstance(c, Logic) else [c])]

    made = parse(found.document)
    rule = (*made.permissions, *made.prohibitions)[0]
    return [(a.left.split("/")[-1], a.operator, [term.text for term in a.right]) for a in below(rule.constraints)]


def told(found: Foreign) -> list[tuple[str, str, str]]:
    return [(note.code, note.before, note.after) for note in found.notes]

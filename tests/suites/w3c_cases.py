"""A small suite of our own in the layout of the W3C examples: one policy, one case, its files as a test wants them."""

import json
from pathlib import Path
from typing import Any

CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"ex": "https://example.org/"}]
COMPENSATE = {
    "action": [
        {
            "rdf:value": {"@id": "odrl:compensate"},
            "refinement": [
                {
                    "leftOperand": "payAmount",
                    "operator": "eq",
                    "rightOperand": {"@value": "5.00", "@type": "xsd:decimal"},
                }
            ],
        }
    ],
}
POLICY: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "Agreement",
    "uid": "ex:policy",
    "permission": [
        {
            "uid": "ex:rule",
            "assignee": "ex:billie",
            "target": "ex:asset",
            "action": "display",
            "constraint": [
                {
                    "uid": "ex:until",
                    "leftOperand": "dateTime",
                    "operator": "lt",
                    "rightOperand": {"@value": "2026-01-01T00:00:00Z", "@type": "xsd:dateTime"},
                }
            ],
        }
    ],
}
REQUEST: dict[str, Any] = {
    "@context": [{"ex": "https://example.org/", "sotw": "https://example.org/sotw#"}],
    "@type": "EvaluationRequest",
    "evaluatedAction": "odrl:display",
    "evaluatedParty": "ex:billie",
    "evaluatedTarget": {"@id": "ex:asset"},
    "requestParameter": [
        {
            "@type": "RequestParameter",
            "describesFeature": "sotw:CurrentXSDDateTime",
            "value": {"@value": "2025-07-23T00:00:00Z", "@type": "xsd:dateTime"},
        }
    ],
}
REPORT: dict[str, Any] = {
    "@type": "PolicyReport",
    "ruleReport": [
        {
            "@type": "PermissionReport",
            "rule": "ex:rule",
            "activationState": "report:Active",
            "controlState": "report:Permit",
            "premiseReport": [
                {"@type": "PartyReport", "satisfactionState": "report:Satisfied"},
                {"@type": "ConstraintReport", "constraint": "ex:until", "satisfactionState": "report:Satisfied"},
            ],
        }
    ],
}


def changed(document: dict[str, Any], **words: str) -> dict[str, Any]:
    """The document with each of these words replaced, wherever it stands."""
    text = json.dumps(document)
    for before, after in words.items():
        text = text.replace(f'"{before.replace("_", ":")}"', json.dumps(after))
    made: dict[str, Any] = json.loads(text)
    return made


def write(
    folder: Path,
    policy: Any = POLICY,
    request: Any = REQUEST,
    report: Any = REPORT,
    state: Any = None,
    name: str = "compliancereport",
) -> Path:
    """The suite with one case in it; what is None is not there."""
    case = folder / "Family A" / "A1 first case"
    case.mkdir(parents=True, exist_ok=True)
    files = {
        case.parent / "policy A.json": policy,
        case / "evaluation request.json": request,
        case / f"{name}.json": report,
        case / "state.json": state,
    }
    for place, document in files.items():
        if document is not None:
            place.write_text(json.dumps(document))
    return folder


def outcome(run: Any, folder: Path) -> tuple[int, dict[str, Any]]:
    code, value, _ = run("policy", "suite", folder, "--format", "w3c", "--json")
    (case,) = value["cases"]
    return code, case

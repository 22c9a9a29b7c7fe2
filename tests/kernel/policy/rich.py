"""One policy that holds every construct that is read, for tests that change it in every place."""

from typing import Any

from connector.kernel.policy.odrl.parse import parse

H = "https://w3id.org/hanse/v1#"


def atom(left: str, operator: str, right: Any, **more: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


COUNT = atom("odrl:count", "lteq", "5")
RICH: dict[str, Any] = {
    "@type": "Set",
    "@id": "urn:uuid:1",
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "dct:title": "Alles",
    "target": ["urn:a", {"@type": "AssetCollection", "source": "urn:assets"}],
    "constraint": [atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00", **{"@id": "urn:c:1"})],
    "permission": [
        {
            "@id": "urn:p:1",
            "action": [
                {"value": "use", "refinement": [atom("odrl:resolution", "lteq", "300", unit="urn:dpi")]},
                "odrl:derive",
            ],
            "assigner": "did:web:a",
            "assignee": [
                "did:web:b",
                {
                    "@type": "PartyCollection",
                    "source": "urn:towns",
                    "refinement": [atom(H + "adminLevel", "isAnyOf", [H + "municipalLevel", H + "countyLevel"])],
                },
            ],
            "constraint": [
                {"and": [COUNT, atom("odrl:timeInterval", "eq", "P1D")]},
                {"xone": [atom("odrl:purpose", "isA", H + "research"), atom("odrl:language", "eq", "DE-de")]},
                {"andSequence": {"@list": [atom("odrl:event", "eq", "urn:e:1"), atom("odrl:event", "eq", "urn:e:2")]}},
                {"or": [atom("odrl:percentage", "lt", "12.5", dataType="xsd:decimal"), {"@id": "urn:c:2"}]},
            ],
            "duty": [
                {
                    "@id": "urn:d:1",
                    "action": {"value": "odrl:compensate", "refinement": [atom(H + "currency", "eq", "EUR")]},
                    "assignee": "did:web:b",
                    "target": "urn:bill",
                    "assigner": "did:web:c",
                    "constraint": [atom("odrl:payAmount", "eq", "12.50", unit="urn:eur")],
                    "consequence": [{"action": "odrl:inform"}],
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute", "odrl:remedy": [{"action": "odrl:delete"}], "uid": "urn:n:1"}],
    "obligation": [
        {
            "action": "odrl:delete",
            "constraint": [atom(H + "dueWithin", "lteq", "agreementEnd+P30D"), atom(H + "dueBy", "lt", "2029-01-01")],
            "odrl:consequence": [{"action": H + "suspendAccess"}],
        }
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a document, itself left out."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [place for key, entry in entries for place in places(entry, (*path, key))]


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with this value there; what does not lie on the way is shared."""
    if not path:
        return value
    changed = document.copy()
    changed[path[0]] = put(document[path[0]], path[1:], value)
    return changed


def first(document: dict[str, Any], rule: str = "permission") -> Any:
    """The first permission, prohibition or obligation."""
    return getattr(parse(document), rule + "s")[0]


def only(constraint: Any) -> Any:
    """A constraint as a permission reads it."""
    return first({"permission": {"action": "use", "constraint": constraint}}).constraints[0]

"""Valid messages made from the definitions of the messages themselves: nothing a peer may say is left out.

`specimens(cls)` gives the bare message and the full one, as JSON values with their envelope; a message of two forms
(`oneOf`) comes in both. What types cannot say (policies, catalogue entries) is taken from the samples here.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import CONTEXT, HANSE

RULE: dict[str, Any] = {
    "action": "use",
    "constraint": [
        {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["urn:p", {"@id": "urn:q"}]},
        {
            "or": [
                {
                    "leftOperand": "dateTime",
                    "operator": "lteq",
                    "rightOperand": {"@value": "2099-12-31T23:00:00Z", "@type": "xsd:dateTime"},
                },
                {"and": [{"leftOperand": "count", "operator": "lteq", "rightOperand": "5"}]},
            ]
        },
    ],
    "duty": [{"action": "delete"}],
}
OFFER: dict[str, Any] = {
    "@type": "Offer",
    "@id": "urn:offer",
    "target": "urn:dataset",
    "permission": [RULE],
    "prohibition": [{"action": "distribute"}],
    "obligation": [{"action": "attribute"}],
    "profile": ["urn:profile"],
    "assigner": "did:web:a.example",
    "assignee": "did:web:b.example",
}
SHOWN = {name: value for name, value in OFFER.items() if name != "target"}
AGREEMENT = {**OFFER, "@type": "Agreement", "@id": "urn:agreement", "timestamp": "2026-11-24T20:00:03Z"}
SERVICE = {"@id": "urn:service", "@type": "DataService", "endpointURL": "https://a.example/2025-1"}
DISTRIBUTION = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": SERVICE}
DATASET = {"@type": "Dataset", "@id": "urn:dataset", "hasPolicy": [SHOWN], "distribution": [DISTRIBUTION]}
SAMPLES: dict[str, Any] = {
    "offer": OFFER,
    "agreement": AGREEMENT,
    "hasPolicy": [SHOWN],
    "distribution": [DISTRIBUTION],
    "dataset": [DATASET],
    "catalog": [{"@type": "Catalog", "@id": "urn:inner", "service": [SERVICE]}],
    "service": [SERVICE],
    "callbackAddress": "https://b.example/2025-1",
    "filter": [{"x": 1}],
    "reason": ["Nein.", {"@value": "No."}],
    f"{HANSE}agreementSignaturePq": "eyJ..c2Vj",
}
"""By the member's name; a dataset that is asked for is a name, the list of a catalogue is not."""
FORKS = {
    "ContractRequestMessage": ("callbackAddress", "providerPid"),
    "ContractOfferMessage": ("callbackAddress", "consumerPid"),
}
"""Messages that carry exactly one of two members."""


def specimens(cls: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
    """Bare and full, in each form; every one is valid."""
    for full in (False, True):
        whole = _struct(cls, full)
        for left_out in FORKS.get(cls.__name__, ("",)):
            members = {name: value for name, value in whole.items() if name != left_out}
            yield {"@context": [CONTEXT], **members}


def all_specimens() -> list[dict[str, Any]]:
    """Of every message that stands alone on the wire."""
    return [one for cls in codec.TYPES.values() for one in specimens(cls)]


def _struct(cls: type[msgspec.Struct], full: bool) -> dict[str, Any]:
    described = inspect.type_info(cls)
    assert isinstance(described, inspect.StructType)
    members: dict[str, Any] = {"@type": cls.__name__}
    forks = FORKS.get(cls.__name__, ())
    for field in described.fields:
        if field.encode_name and (full or field.required or field.encode_name in forks):
            members[field.encode_name] = _value(field.encode_name, field.type, full)
    return members


def _value(name: str, type_: inspect.Type, full: bool) -> Any:
    match type_:
        case inspect.UnionType(types=types):
            return _value(name, next(one for one in types if not isinstance(one, inspect.NoneType)), full)
        case inspect.StructType(cls=cls):
            return _struct(cls, full)
        case inspect.LiteralType(values=values):
            return values[-1] if full else values[0]
        case inspect.ListType(item_type=inspect.StructType() as inner):
            return [_value(name, inner, full)]
        case inspect.StrType():
            sample = SAMPLES.get(name)
            return sample if isinstance(sample, str) else f"urn:{name.rpartition('#')[2].strip('@')}"
        case _:
            return SAMPLES[name]

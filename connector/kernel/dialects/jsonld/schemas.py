"""Our own JSON Schemas (Draft 2019-09) of everything that the codec accepts, for explaining what it does not.

Members and types are read off the messages; what types cannot say is stated once more here, as `protocol.shape` checks
it. A test holds both against each other with every kind of break. Not the official schemas.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from connector.kernel.protocol import codec, messages
from connector.kernel.protocol.messages import CONTEXT
from connector.kernel.protocol.shape import LOGICAL, OPERATORS, STRAY

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2019-09/schema"
DATE_TIME = (
    r"^-?(?:[1-9][0-9]{3,}|0[0-9]{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?)"
    r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?\Z"
)
TEXT: Schema = {"type": "string"}
GIVEN: Schema = {"type": ["string", "object", "array", "number", "boolean"]}
_ATOM = ("leftOperand", "operator", "rightOperand")


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


def _is(name: str) -> Schema:
    return {"const": name}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    named = {"@" + name[1:] if name.startswith("_") else name: schema for name, schema in properties.items()}
    return {"type": "object", "required": list(required), "properties": named}


def _without(schema: Schema, name: str) -> Schema:
    return {**schema, "not": {"required": [name]}}


def _policy(kind: str, *required: str, **more: Schema) -> Schema:
    rules = {name: _list(_ref("Rule")) for name in ("permission", "prohibition", "obligation")}
    profile: Schema = {"type": ["string", "array"], "items": TEXT}
    whole = _object(("@id", *required), _id=TEXT, _type=_is(kind), profile=profile, **rules, **more)
    return {**whole, "anyOf": [{"required": ["permission"]}, {"required": ["prohibition"]}]}


def _constraint() -> Schema:
    some = [{"required": [name]} for name in LOGICAL]
    lists = {name: _list(_ref("Constraint"), 0) for name in LOGICAL}
    operator: Schema = {"type": "string", "enum": [*sorted(OPERATORS), STRAY]}
    operand: Schema = {"type": ["string", "object", "array"]}
    return {
        "type": "object",
        "if": {"anyOf": some},
        "then": {"oneOf": some, "not": {"required": list(_ATOM)}, "properties": lists},
        "else": _object(_ATOM, leftOperand=TEXT, operator=operator, rightOperand=operand),
    }


def _entries() -> dict[str, Schema]:
    """Catalogue entries and addresses, as they stand inside other documents."""
    rule = _object(("action",), action=TEXT, constraint=_list(_ref("Constraint"), 0), duty=_list(_ref("Rule"), 0))
    offers, services = _list(_ref("Offer")), _ref("DataService")
    lists = {name: _list(_ref(entry)) for name, entry in _LISTS.items()}
    return {
        "Rule": _without(rule, "target"),
        "Constraint": _constraint(),
        "Offer": _without(_policy("Offer"), "target"),
        "MessageOffer": _policy("Offer", "@type", "target", target=TEXT),
        "Agreement": _policy(
            "Agreement",
            "@type",
            "target",
            "assigner",
            "assignee",
            "timestamp",
            target=TEXT,
            assigner=TEXT,
            assignee=TEXT,
            timestamp={"type": "string", "pattern": DATE_TIME},
        ),
        "Dataset": _object(
            ("@id", "hasPolicy", "distribution"),
            _id=TEXT,
            _type=_is("Dataset"),
            hasPolicy=offers,
            distribution=_list(_ref("Distribution")),
        ),
        "Distribution": _object(
            ("format", "accessService"),
            _type=_is("Distribution"),
            format=TEXT,
            hasPolicy=offers,
            accessService={"if": {"type": "object"}, "then": services, "else": {"type": ["string", "object"]}},
        ),
        "DataService": _object(
            ("@id", "@type", "endpointURL"),
            _id=TEXT,
            _type=_is("DataService"),
            endpointURL=TEXT,
            servesDataset=_list(_ref("Dataset")),
        ),
        "Catalog": _without(_object(("@id", "@type"), _id=TEXT, _type=_is("Catalog"), **lists), "hasPolicy"),
        "DataAddress": _of(messages.DataAddress),
        "EndpointProperty": _of(messages.EndpointProperty),
    }


_LISTS: Mapping[str, str] = {
    "dataset": "Dataset",
    "catalog": "Catalog",
    "service": "DataService",
    "distribution": "Distribution",
}
_DOCUMENTS: Mapping[tuple[str, str], Schema] = {
    ("ContractRequestMessage", "offer"): _ref("MessageOffer"),
    ("ContractOfferMessage", "offer"): _ref("MessageOffer"),
    ("ContractAgreementMessage", "agreement"): _ref("Agreement"),
    ("Dataset", "hasPolicy"): _list(_ref("Offer")),
    ("Dataset", "distribution"): _list(_ref("Distribution")),
    **{("Catalog", name): _list(_ref(entry)) for name, entry in _LISTS.items()},
    ("CatalogRequestMessage", "filter"): _list({}, 0),
    ("CatalogError", "reason"): _list({}, 0),
}
"""Members that are plain JSON to the message types."""
_EITHER: Mapping[str, tuple[str, str]] = {
    "ContractRequestMessage": ("callbackAddress", "providerPid"),
    "ContractOfferMessage": ("callbackAddress", "consumerPid"),
}


def _type(hint: Any) -> Schema:
    """The schema of one member's type; optional members may be absent, never null."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if type(None) in get_args(hint) else [hint]
    kind = kinds[0]
    if hint is Any:
        return GIVEN
    if kind is str:
        return TEXT
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return _list({} if item is Any else _type(item))
    return _ref(kind.__name__)


def _of(cls: type[msgspec.Struct]) -> Schema:
    """The members of a message or of a part of one; `@context` is the envelope's."""
    name, hints = cls.__name__, get_type_hints(cls)
    fields = [field for field in msgspec.structs.fields(cls) if field.encode_name]
    properties = {
        field.encode_name: _DOCUMENTS.get((name, field.encode_name)) or _type(hints[field.name]) for field in fields
    }
    required = [field.encode_name for field in fields if field.required]
    properties["@type"] = _is(name)
    return {"type": "object", "required": [*required, "@type"], "properties": properties}


def _root(cls: type[msgspec.Struct]) -> Schema:
    schema = _of(cls)
    name = cls.__name__
    schema["properties"]["@context"] = {"type": "array", "items": TEXT, "contains": _is(CONTEXT)}
    # Only a dataset may come without its type.
    schema["required"] = ["@context", *(entry for entry in schema["required"] if (name, entry) != ("Dataset", "@type"))]
    if name in _EITHER:
        schema["oneOf"] = [{"required": [member]} for member in _EITHER[name]]
    return _without(schema, "hasPolicy") if name == "Catalog" else schema


@cache
def schema(name: str) -> Schema:
    """The schema of the message with that `@type`, with everything that it refers to."""
    return {"$schema": DRAFT, **_root(codec.TYPES[name]), "$defs": _entries()}

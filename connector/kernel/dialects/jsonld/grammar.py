"""Which members a document has, which IRI each stands for, and what its value is: read off the messages themselves.

The table names only what the message types cannot say; policies, which stay plain JSON there, are written out.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

import msgspec

from connector.kernel.dialects.jsonld.names import DCAT, DCT, DSPACE
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.protocol import codec, messages
from connector.kernel.protocol.messages import HANSE
from connector.kernel.protocol.shape import LOGICAL, OPERATORS, STRAY


class Kind(Enum):
    """What one value of a member is."""

    TEXT = auto()
    """A string, an id or a literal: its text, exactly as it was sent."""
    TERM = auto()
    """A word of the protocol (`use`, `FINALIZED`), or any IRI."""
    NODE = auto()
    SERVICE = auto()
    """A data service or only its id."""
    OPERAND = auto()
    """A right operand: literal, reference, or several of them."""
    PROFILE = auto()
    ANY = auto()


class Member(msgspec.Struct, frozen=True):
    """`many`: the plain form is a list. `node` names the shape of a NODE."""

    iri: str
    kind: Kind = Kind.TEXT
    node: str = ""
    many: bool = False


class Node(msgspec.Struct, frozen=True):
    """An object: its members by bare name and by IRI; `types` are the names that its `@type` may have."""

    types: tuple[str, ...]
    members: Mapping[str, Member]
    by_iri: Mapping[str, str]


def _several(node: str, iri: str) -> Member:
    return Member(iri, Kind.NODE, node, many=True)


_WIRE: Mapping[str, Member] = {
    "eventType": Member(DSPACE + "eventType", Kind.TERM),
    "state": Member(DSPACE + "state", Kind.TERM),
    "format": Member(DCT + "format", Kind.TERM),
    "endpointType": Member(DSPACE + "endpointType", Kind.TERM),
    "filter": Member(DSPACE + "filter", Kind.ANY, many=True),
    "reason": Member(DSPACE + "reason", Kind.ANY, many=True),
    "offer": Member(DSPACE + "offer", Kind.NODE, "MessageOffer"),
    "agreement": Member(DSPACE + "agreement", Kind.NODE, "Agreement"),
    "dataAddress": Member(DSPACE + "dataAddress", Kind.NODE, "DataAddress"),
    "endpointProperties": _several("EndpointProperty", DSPACE + "endpointProperties"),
    "hasPolicy": _several("Offer", ODRL + "hasPolicy"),
    "distribution": _several("Distribution", DCAT + "distribution"),
    "catalog": _several("Catalog", DCAT + "catalog"),
    "service": _several("DataService", DCAT + "service"),
    "accessService": Member(DCAT + "accessService", Kind.SERVICE, "DataService"),
    "endpointURL": Member(DCAT + "endpointURL"),
    "endpointDescription": Member(DCAT + "endpointDescription"),
}
_DATASETS = {
    "Catalog": {"dataset": _several("Dataset", DCAT + "dataset")},
    "DataService": {"servesDataset": _several("Dataset", DCAT + "servesDataset")},
}
_CONSTRAINTS = _several("Constraint", ODRL + "constraint")
_POLICY = {
    "profile": Member(ODRL + "profile", Kind.PROFILE),
    "target": Member(ODRL + "target"),
    "assigner": Member(ODRL + "assigner"),
    "assignee": Member(ODRL + "assignee"),
    "permission": _several("Rule", ODRL + "permission"),
    "prohibition": _several("Rule", ODRL + "prohibition"),
    "obligation": _several("Rule", ODRL + "obligation"),
}
_RULE = {
    "action": Member(ODRL + "action", Kind.TERM),
    "constraint": _CONSTRAINTS,
    "duty": _several("Rule", ODRL + "duty"),
    "target": Member(ODRL + "target"),
    "assignee": Member(ODRL + "assignee"),
    "assigner": Member(ODRL + "assigner"),
}
_CONSTRAINT = {
    "leftOperand": Member(ODRL + "leftOperand", Kind.TERM),
    "operator": Member(ODRL + "operator", Kind.TERM),
    "rightOperand": Member(ODRL + "rightOperand", Kind.OPERAND),
    **{name: _several("Constraint", ODRL + name) for name in LOGICAL},
}
_POLICY_TYPES = ("Set", "Offer", "Agreement", "Policy", "Request", "Assertion")
_DCAT_TYPES = ("Catalog", "Dataset", "Distribution", "DataService")
_STATES = ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED")
_STATES_OF_TRANSFERS = ("STARTED", "SUSPENDED", "COMPLETED")


def _node(members: Mapping[str, Member], *types: str) -> Node:
    return Node(types, MappingProxyType(dict(members)), {member.iri: name for name, member in members.items()})


def _of(cls: type[msgspec.Struct]) -> Node:
    """Everything that the message knows, except keywords."""
    wire = [name for name in cls.__struct_encode_fields__ if name and not name.startswith("@")]
    own = _DATASETS.get(cls.__name__, {})
    members = {name: _WIRE.get(name, Member(name if name.startswith(HANSE) else DSPACE + name)) for name in wire}
    return _node(members | own, cls.__name__)


_NESTED: tuple[type[msgspec.Struct], ...] = (
    messages.DataAddress,
    messages.EndpointProperty,
    messages.DataService,
    messages.Distribution,
)
NODES: Mapping[str, Node] = MappingProxyType(
    {cls.__name__: _of(cls) for cls in (*codec.TYPES.values(), *_NESTED)}
    | {
        "MessageOffer": _node(_POLICY, "Offer"),
        "Offer": _node(_POLICY, "Offer"),
        "Agreement": _node({**_POLICY, "timestamp": Member(DSPACE + "timestamp")}, "Agreement"),
        "Rule": _node(_RULE, "Permission", "Prohibition", "Duty", "Rule"),
        "Constraint": _node(_CONSTRAINT, "Constraint", "AtomicConstraint", "LogicalConstraint"),
    }
)
"""Every object by the name of its shape; those of messages are their `@type`s."""

POLICIES = frozenset({"MessageOffer", "Offer", "Agreement"})
IN_POLICIES = POLICIES | {"Rule", "Constraint"}
RULES = ("permission", "prohibition", "obligation")

TYPE_IRIS: Mapping[str, str] = MappingProxyType(
    {name: DSPACE + name for name in (*codec.TYPES, "DataAddress", "EndpointProperty")}
    | {name: DCAT + name for name in _DCAT_TYPES}
    | {name: ODRL + name for name in (*_POLICY_TYPES, *NODES["Rule"].types, *NODES["Constraint"].types)}
)
"""Every name that `@type` can have here, and what it stands for."""

WORDS: Mapping[str, str] = MappingProxyType(
    {iri: name for name, iri in TYPE_IRIS.items()}
    | {DSPACE + name: name for name in _STATES + _STATES_OF_TRANSFERS}
    | {ODRL + name: name for name in (*(OPERATORS - {STRAY}), "use", "prohibit")}
)
"""IRI -> the bare word that the protocol's context has for it."""

TERMS = frozenset({name for node in NODES.values() for name in node.members} | set(WORDS.values()))
"""Every bare name that has a meaning of the protocol."""

"""What types cannot say about policies and catalogue entries: required members, closed lists, exactly-one-of.

These documents stay plain JSON values because signatures and digests need them exactly as sent
(spec/protocol.md 2.3). Each check raises `Malformed` with a JSON pointer; none looks at meaning.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

OPERATORS = frozenset(
    {"eq", "neq", "gt", "gteq", "lt", "lteq", "hasPart", "isA", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf"}
)
# Part of the official enum though no ODRL operator: let through here, unknown to the policy evaluation.
STRAY = "term-lteq"
LOGICAL = ("and", "andSequence", "or", "xone")
LONGEST_ID = 512
"""Characters of a pid, of an agreement's id or of what it is about: databases keep them in indexes of bounded size."""

_DATE = r"-?(?:[1-9]\d{3,}|0\d{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?)"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?"
_XSD_DATE_TIME = re.compile(_DATE + "T" + _TIME + _ZONE, re.ASCII)


class Malformed(ValueError):
    """A document that breaks its shape at `pointer` (RFC 6901).

    `code`: context, type, missing, json-type, value, null, empty, one-of, forbidden, too-long.
    """

    def __init__(self, pointer: str, code: str) -> None:
        super().__init__(pointer, code)
        self.pointer = pointer
        self.code = code


Check = Callable[[Any, str], None]


def point(pointer: str, name: str | int) -> str:
    """The pointer to a member or item below `pointer`."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def message_offer(offer: Any, at: str) -> None:
    """An Offer inside a message: with `@type` and `target`."""
    policy(offer, at, "Offer")
    text(offer, "@type", at)
    text(offer, "target", at)
    short(offer, "target", at)


def catalogue_offer(offer: Any, at: str) -> None:
    """An Offer inside a catalogue: its target is where it stands, so it names none."""
    policy(offer, at, "Offer")
    if "target" in offer:
        raise Malformed(point(at, "target"), "forbidden")


def agreement(value: Any, at: str) -> None:
    """An Agreement; the text demands the timestamp that the schema leaves open."""
    policy(value, at, "Agreement")
    for name in ("@type", "target", "assigner", "assignee", "timestamp"):
        text(value, name, at)
    for name in ("@id", "target"):
        short(value, name, at)
    if not _XSD_DATE_TIME.fullmatch(value["timestamp"]):
        raise Malformed(point(at, "timestamp"), "value")


def policy(value: Any, at: str, kind: str) -> None:
    """What Offers and Agreements share: `@id`, and at least one permission or prohibition."""
    members = json_object(value, at)
    text(members, "@id", at)
    constant(members, "@type", kind, at)
    _profile(members, at)
    if not _usual(members):
        for name in ("permission", "prohibition", "obligation"):
            items(members, name, at, _rule)
    if "permission" not in members and "prohibition" not in members:
        raise Malformed(at, "one-of")


def dataset(value: Any, at: str) -> None:
    members = json_object(value, at)
    text(members, "@id", at)
    constant(members, "@type", "Dataset", at)
    for name, check in (("hasPolicy", catalogue_offer), ("distribution", distribution)):
        items(members, name, at, check, required=True)


def public_dataset(value: Any, at: str) -> None:
    """A dataset that nobody offers, which only connectors of ours tell each other of: its distributions say where the
    data are instead of which connector gives them (spec/metadata-federation.md 1.3)."""
    members = json_object(value, at)
    text(members, "@id", at)
    constant(members, "@type", "Dataset", at)
    if "hasPolicy" in members:
        raise Malformed(point(at, "hasPolicy"), "forbidden")
    items(members, "distribution", at, _place_of_data)


def _place_of_data(value: Any, at: str) -> None:
    members = json_object(value, at)
    constant(members, "@type", "Distribution", at)
    if "accessService" in members:
        raise Malformed(point(at, "accessService"), "forbidden")
    for name in ("dcat:accessURL", "dcat:downloadURL"):
        if name in members:
            text(json_object(members[name], point(at, name)), "@id", point(at, name))
    if "dcat:accessURL" not in members:
        raise Malformed(point(at, "dcat:accessURL"), "missing")


def distribution(value: Any, at: str) -> None:
    members = json_object(value, at)
    constant(members, "@type", "Distribution", at)
    text(members, "format", at)
    items(members, "hasPolicy", at, catalogue_offer)
    if "accessService" not in members:
        raise Malformed(point(at, "accessService"), "missing")
    if not isinstance(members["accessService"], str):
        data_service(members["accessService"], point(at, "accessService"))


def data_service(value: Any, at: str) -> None:
    members = json_object(value, at)
    for name in ("@id", "@type", "endpointURL"):
        text(members, name, at)
    constant(members, "@type", "DataService", at)
    items(members, "servesDataset", at, dataset)


def catalogue(value: Any, at: str) -> None:
    """A catalogue, also one inside another: no list is empty, and it has no policy of its own."""
    members = json_object(value, at)
    for name in ("@id", "@type"):
        text(members, name, at)
    constant(members, "@type", "Catalog", at)
    if "hasPolicy" in members:
        raise Malformed(point(at, "hasPolicy"), "forbidden")
    for name, check in _CATALOGUE.items():
        items(members, name, at, check)


_CATALOGUE: Mapping[str, Check] = {
    "dataset": dataset,
    "catalog": catalogue,
    "service": data_service,
    "distribution": distribution,
}


def json_object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(at, "json-type")
    return value


def text(members: Mapping[str, Any], name: str, at: str) -> None:
    """A member that must be there and be a string."""
    if name not in members:
        raise Malformed(point(at, name), "missing")
    if not isinstance(members[name], str):
        raise Malformed(point(at, name), "json-type")


def short(members: Mapping[str, Any], name: str, at: str) -> None:
    """A text that, if it is there, is short enough to be an identifier."""
    value = members.get(name)
    if isinstance(value, str) and len(value) > LONGEST_ID:
        raise Malformed(point(at, name), "too-long")


def constant(members: Mapping[str, Any], name: str, value: str, at: str) -> None:
    """A member that, if it is there, has exactly one possible value."""
    if name in members and members[name] != value:
        raise Malformed(point(at, name), "value")


def items(members: Mapping[str, Any], name: str, at: str, check: Check, *, required: bool = False) -> None:
    """A member that, if it is there, is a list of at least one item that passes `check`."""
    if name not in members:
        if required:
            raise Malformed(point(at, name), "missing")
        return
    _each(members[name], point(at, name), check)
    if not members[name]:
        raise Malformed(point(at, name), "empty")


def _each(values: Any, at: str, check: Check) -> None:
    if not isinstance(values, list):
        raise Malformed(at, "json-type")
    for index, value in enumerate(values):
        check(value, point(at, index))


def _profile(members: Mapping[str, Any], at: str) -> None:
    profile = members.get("profile", "")
    if isinstance(profile, list) and all(isinstance(item, str) for item in profile):
        return
    if not isinstance(profile, str):
        raise Malformed(point(at, "profile"), "json-type")


def _rule(value: Any, at: str) -> None:
    """A permission, prohibition, obligation or duty; it never has a target of its own."""
    members = json_object(value, at)
    text(members, "action", at)
    if "target" in members:
        raise Malformed(point(at, "target"), "forbidden")
    if "constraint" in members:
        _each(members["constraint"], point(at, "constraint"), _constraint)
    if "duty" in members:
        _each(members["duty"], point(at, "duty"), _rule)


def _constraint(value: Any, at: str) -> None:
    members = json_object(value, at)
    logical = [name for name in LOGICAL if name in members]
    if not logical:
        _atomic(members, at)
        return
    if len(logical) > 1 or {"leftOperand", "operator", "rightOperand"} <= members.keys():
        raise Malformed(at, "one-of")
    _each(members[logical[0]], point(at, logical[0]), _constraint)


def _atomic(members: Mapping[str, Any], at: str) -> None:
    text(members, "leftOperand", at)
    text(members, "operator", at)
    if members["operator"] not in OPERATORS and members["operator"] != STRAY:
        raise Malformed(point(at, "operator"), "value")
    if "rightOperand" not in members:
        raise Malformed(point(at, "rightOperand"), "missing")
    if not isinstance(members["rightOperand"], str | dict | list):
        raise Malformed(point(at, "rightOperand"), "json-type")


class _Constraint(msgspec.Struct):
    """One that `_constraint` passes: a comparison, or one way of joining others and no comparison beside it."""

    leftOperand: str | UnsetType = UNSET
    operator: str | UnsetType = UNSET
    rightOperand: str | dict[str, Any] | list[Any] | UnsetType = UNSET
    all: "list[_Constraint] | UnsetType" = msgspec.field(name="and", default=UNSET)
    andSequence: "list[_Constraint] | UnsetType" = UNSET
    any: "list[_Constraint] | UnsetType" = msgspec.field(name="or", default=UNSET)
    xone: "list[_Constraint] | UnsetType" = UNSET

    def __post_init__(self) -> None:
        joined = (self.all, self.andSequence, self.any, self.xone).count(UNSET)
        if joined == 4:
            good = self.operator in _OPERATORS and self.leftOperand is not UNSET and self.rightOperand is not UNSET
        else:
            good = joined == 3 and self.leftOperand is UNSET
        if not good:
            raise ValueError


class _Rule(msgspec.Struct):
    """One that `_rule` passes."""

    action: str
    target: Any = UNSET
    constraint: list[_Constraint] | UnsetType = UNSET
    duty: "list[_Rule] | UnsetType" = UNSET

    def __post_init__(self) -> None:
        if self.target is not UNSET:
            raise ValueError


_Some = Annotated[list[_Rule], Meta(min_length=1)] | UnsetType


class _Rules(msgspec.Struct):
    permission: _Some = UNSET
    prohibition: _Some = UNSET
    obligation: _Some = UNSET


_OPERATORS = OPERATORS | {STRAY}


def _usual(members: Mapping[str, Any]) -> bool:
    """Whether every rule is surely as it has to be, in one pass of the decoder; where one may not be, the checks above
    have the word, and say what is wrong and where."""
    try:
        msgspec.convert(members, _Rules)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True

"""Makes a foreign JSON-LD document plain: one walk along the grammar, no context processing (spec/protocol.md 2.1).

Reads prefixes and full IRIs, `{"@id"}` and `{"@value"}` objects, single values for lists and one-element lists for
single values. Whatever it does not read stays as it is, so that the codec refuses it; what is ambiguous is Malformed.
A policy that is already plain is not touched: digests, signatures and answers need it as it was spelled.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.kernel.dialects.jsonld.grammar import (
    IN_POLICIES,
    NODES,
    POLICIES,
    RULES,
    TYPE_IRIS,
    WORDS,
    Kind,
    Member,
    Node,
)
from connector.kernel.dialects.jsonld.names import Names, short
from connector.kernel.dialects.jsonld.nodes import blank
from connector.kernel.policy.odrl.names import CLASSES, XSD, member
from connector.kernel.protocol import shape
from connector.kernel.protocol.shape import Malformed, point

DEPTH = 64
"""Deepest nesting that is read; policies are read 32 deep."""
_PLAIN: Mapping[str, Callable[[Any, str], None]] = {
    "MessageOffer": shape.message_offer,
    "Offer": shape.catalogue_offer,
    "Agreement": shape.agreement,
}


class Walk:
    """One document with at most one context, at its root.

    `places` maps pointers of the plain form to pointers of the document where they differ.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.places: dict[str, str] = {}
        self.touched: set[str] = set()
        """The policies that had to be rewritten, by name of their shape."""

    def document(self, value: Any, name: str) -> Any:
        """The plain form of a message; `name` is its `@type`."""
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            self.places[""] = "/0"
            value = value[0]
        return self._node(value, name, ("", self.places.get("", "")), 0)

    def _node(self, value: Any, name: str, at: tuple[str, str], depth: int) -> Any:
        if depth > DEPTH:
            raise Malformed(at[1], "depth")
        value, at = self._single(value, at)
        if not isinstance(value, dict):
            return value
        if name in POLICIES and self._verbatim(value, name):
            return value
        plain = _without_empty(self._members(value, name, at, depth), name)
        if name in POLICIES and plain != value:
            self.touched.add(name)
        return plain

    def _single(self, value: Any, at: tuple[str, str]) -> tuple[Any, tuple[str, str]]:
        """An expanded document has a list of one where the plain form has a single value."""
        if isinstance(value, list) and len(value) == 1:
            return value[0], self._place(at[0], point(at[1], 0))
        return value, at

    def _verbatim(self, value: dict[str, Any], name: str) -> bool:
        if not self._names.tame:
            return False
        try:
            _PLAIN[name](value, "")
        except (Malformed, RecursionError):
            return False
        return True

    def _members(self, value: dict[str, Any], name: str, at: tuple[str, str], depth: int) -> dict[str, Any]:
        node, plain = NODES[name], dict[str, Any]()
        for key, item in value.items():
            origin = point(at[1], key)
            if key.startswith("@"):
                self._keyword(plain, key, item, node, origin)
                continue
            wire = self._name(node, key, origin)
            if wire in plain:
                raise Malformed(origin, "twice")
            if item is None and name not in IN_POLICIES:
                continue
            member = node.members.get(wire)
            if name in IN_POLICIES and member is not None and member.kind in _NAMED and not _is_name(item):
                plain[wire] = item
                continue
            there = self._place(point(at[0], wire), origin)
            plain[wire] = (
                self._other(item, origin, ":" in key) if member is None else self._value(item, member, there, depth)
            )
        return plain

    def _keyword(self, plain: dict[str, Any], key: str, item: Any, node: Node, origin: str) -> None:
        match key:
            case "@id":
                plain[key] = _text(item)
            case "@type":
                plain[key] = self._type(item, node, origin)
            case "@context":
                pass
            case _:
                raise Malformed(origin, "keyword")

    def _name(self, node: Node, key: str, origin: str) -> str:
        """The member's bare name, our own name for a member that the protocol does not know, or the key itself."""
        if ":" not in key:
            if key in node.members and not self._names.bare:
                raise Malformed("/@context", "no-context")
            return key
        iri = self._names.member(key)
        return node.by_iri.get(iri) or short(iri)

    def _type(self, item: Any, node: Node, origin: str) -> Any:
        """Exactly one of the types may be one that we know; it is not our business what else a thing may be."""
        entries = item if isinstance(item, list) else [item]
        if not all(isinstance(entry, str) for entry in entries):
            return item
        known = {word for entry in entries if (word := self._word(entry)) in TYPE_IRIS}
        if not self._names.bare and known & set(entries):
            raise Malformed("/@context", "no-context")
        if len(known) > 1 or (known and any(self._excluding(entry, known) for entry in entries)):
            raise Malformed(origin, "types")
        return known.pop() if known else entries[0] if len(entries) == 1 else item

    def _excluding(self, entry: str, known: set[str]) -> bool:
        """Whether a type is another class of ODRL than the one that the node has."""
        word = self._word(entry)
        return word not in known and member(word) in CLASSES

    def _word(self, text: str) -> str:
        """The protocol's bare word for a term, however it is spelled; anything else as it was written."""
        if ":" not in text:
            return text
        return WORDS.get(self._names.member(text)) or self._names.value(text)

    def _place(self, plain: str, origin: str) -> tuple[str, str]:
        if plain != origin:
            self.places[plain] = origin
        return plain, origin

    # Values

    def _value(self, item: Any, member: Member, at: tuple[str, str], depth: int) -> Any:
        if not member.many:
            return self._one(item, member, at, depth)
        item = _inner(item)
        if isinstance(item, list):
            places = [self._place(point(at[0], index), point(at[1], index)) for index in range(len(item))]
            return [self._one(entry, member, place, depth) for entry, place in zip(item, places, strict=True)]
        if item is None:
            return item
        return [self._one(item, member, self._place(point(at[0], 0), at[1]), depth)]

    def _one(self, item: Any, member: Member, at: tuple[str, str], depth: int) -> Any:
        match member.kind:
            case Kind.TEXT:
                return _text(item)
            case Kind.TERM:
                text = _text(item)
                return self._word(text) if isinstance(text, str) else text
            case Kind.NODE:
                return self._node(item, member.node, at, depth + 1)
            case Kind.SERVICE:
                text = _text(item)
                return text if isinstance(text, str) else self._node(item, member.node, at, depth + 1)
            case Kind.OPERAND:
                return self._operand(item)
            case Kind.PROFILE:
                return self._profile(item)
            case Kind.ANY:
                return _scalar(item)

    def _operand(self, item: Any) -> Any:
        """Numbers have no plain form but `{"@value"}`; one element stands for itself only where it came expanded."""
        item = _inner(item)
        if isinstance(item, list):
            entries = [self._operand(entry) for entry in item]
            return entries[0] if len(item) == 1 and isinstance(item[0], dict) and "@value" in item[0] else entries
        if isinstance(item, bool | int | float):
            return {"@value": item}
        if not isinstance(item, dict):
            return item
        if item.keys() == {"@value"} and isinstance(item["@value"], str):
            return item["@value"]
        return {key: self._spelled(entry) if key in ("@id", "@type") else entry for key, entry in item.items()}

    def _profile(self, item: Any) -> Any:
        if isinstance(item, list) and not (len(item) == 1 and isinstance(item[0], dict)):
            return [self._spelled(_text(entry)) for entry in item]
        return self._spelled(_text(item))

    def _spelled(self, item: Any) -> Any:
        return self._names.value(item) if isinstance(item, str) else item

    def _other(self, item: Any, origin: str, qualified: bool, depth: int = 0) -> Any:
        """A member that the protocol does not know: names and references keep their meaning outside the document."""
        if depth > DEPTH:
            raise Malformed(origin, "depth")
        if isinstance(item, list):
            if qualified and len(item) == 1 and isinstance(item[0], dict) and item[0].keys() <= {"@value", "@id"}:
                return _scalar(item[0])
            return [self._other(entry, origin, qualified, depth + 1) for entry in item]
        if not isinstance(item, dict):
            return item
        return {
            key if key.startswith("@") or ":" not in key else short(self._names.member(key)): (
                self._spelled(entry) if key in ("@id", "@type") else self._other(entry, origin, qualified, depth + 1)
            )
            for key, entry in item.items()
        }


def _is_name(item: Any) -> bool:
    """Whether this can be a name in a policy: a label of the document is none, nor is text in a language."""
    if isinstance(item, list):
        return all(_is_name(entry) for entry in item)
    if isinstance(item, str):
        return not blank(item)
    if not isinstance(item, dict) or "@id" in item:
        return not isinstance(item, dict) or _is_name(item["@id"])
    kind = item.get("@type", "")
    return "@language" not in item and isinstance(kind, str) and kind in _OF_NAMES


_NAMED = frozenset({Kind.TEXT, Kind.TERM, Kind.PROFILE})
_OF_NAMES = frozenset({"", *(prefix + name for prefix in ("xsd:", XSD) for name in ("string", "anyURI", "dateTime"))})
"""Datatypes of a literal that is a name, or the time of an agreement."""


def _text(item: Any) -> Any:
    """The text of a string, a reference or a literal, also alone in a list; anything else as it is."""
    if isinstance(item, list) and len(item) == 1:
        item = item[0]
    if not isinstance(item, dict):
        return item
    if item.keys() == {"@id"}:
        return item["@id"]
    if "@value" in item and item.keys() <= {"@value", "@type", "@language"}:
        return item["@value"]
    return item


def _scalar(item: Any) -> Any:
    """A bare literal or reference as its value; one with a type or a language keeps it."""
    if isinstance(item, dict) and item.keys() in ({"@value"}, {"@id"}):
        return next(iter(item.values()))
    return item


def _inner(item: Any) -> Any:
    """A list or set object, also alone in a list, as the list in it."""
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], dict) and item[0].keys() == {"@list"}:
        item = item[0]
    if isinstance(item, dict) and item.keys() in ({"@list"}, {"@set"}):
        inner = next(iter(item.values()))
        return inner if isinstance(inner, list) else [inner]
    return item


def _without_empty(plain: dict[str, Any], name: str) -> dict[str, Any]:
    """An empty list says nothing, and others write it where the plain form has no member at all.

    In a policy one kind of rule at least must remain: a document without any rule is no policy.
    """
    if name in POLICIES and not any(plain.get(rules) for rules in RULES[:2]):
        return plain
    lists = RULES if name in POLICIES else _OMITTED.get(name, _REASON)
    return {key: item for key, item in plain.items() if item != [] or key not in lists}


_REASON = ("reason",)
_OMITTED = {
    "Catalog": ("dataset", "catalog", "service", "distribution"),
    "DataAddress": ("endpointProperties",),
    "DataService": ("servesDataset",),
    "Distribution": ("hasPolicy",),
}

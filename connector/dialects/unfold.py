"""Nodes become policies in the wire form that the kernel parses; nothing is left out, nothing is understood here.

Members of ODRL get their short names, everything else keeps its IRI, so that the kernel marks what it does not know.
A node that leads back to itself is refused with the place; a node shared by many is written out for each of them, up to
a bound.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.dialects.nodes import RDF, TYPE, Many, Members, Nodes, Ref, Text, Value, blank, types
from connector.policy.names import ODRL, XSD
from connector.protocol.shape import Malformed, point

WRITTEN = 100_000
"""Objects, values and cells of lists that one document may become; what many share counts for each of them."""
POLICIES = 200
DEPTH = 48

_KINDS = ("Policy", "Set", "Offer", "Agreement", "Request", "Assertion", "Privacy", "Ticket")
_RULES = frozenset({"permission", "prohibition", "obligation"})
_DUTIES = frozenset({"duty", "consequence", "remedy"})
_LOGIC = frozenset({"and", "or", "xone", "andSequence"})
_CLAUSES = frozenset({"constraint", "refinement"}) | _LOGIC
_NAMES = frozenset({"leftOperand", "operator", "profile", "conflict", "unit", "dataType"})
Given = Mapping[str, list[Value]]
_WHO = frozenset({"target", "assigner", "assignee"})
_BARE = _RULES | _LOGIC | _WHO | {"duty", "constraint", "action", "leftOperand", "operator", "rightOperand", "profile"}
_SKIPPED = frozenset({ODRL + "uid"})
_TIMESTAMP = "https://w3id.org/dspace/2025/1/timestamp"


def policies(nodes: Nodes) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, document) of each policy, in the order of the source; raises Malformed (`no-policy`, `cycle`, …)."""
    roots = [name for name, members in nodes.items() if _is_policy(members)]
    if not roots:
        raise Malformed("", "no-policy")
    if len(roots) > POLICIES:
        raise Malformed("", "too-much")
    writer = _Writer(nodes)
    for name in roots:
        yield "" if blank(name) else name, writer.policy(name, "" if len(roots) == 1 else point("", name))


def kind(members: Members) -> str:
    """The kind of policy that a node says it is: the most definite one."""
    named = {iri.removeprefix(ODRL) for iri in types(members) if iri.startswith(ODRL)}
    return next((name for name in reversed(_KINDS) if name in named), "")


def _is_policy(members: Members) -> bool:
    if kind(members):
        return True
    holds = any(ODRL + name in members for name in _RULES)
    return holds and ODRL + "action" not in members


class _Writer:
    def __init__(self, nodes: Nodes) -> None:
        self._nodes, self._written = nodes, 0
        self._path: list[str] = []

    def policy(self, name: str, at: str) -> dict[str, Any]:
        members = self._nodes[name]
        document: dict[str, Any] = {"@type": kind(members)} if kind(members) else {}
        kept = {key: values for key, values in members.items() if key != TYPE or not kind(members)}
        return self._object(name, document, kept, at)

    def _object(self, name: str, document: dict[str, Any], members: Given, at: str) -> dict[str, Any]:
        self._spend(1 + sum(map(len, members.values())))
        if name in self._path:
            raise Malformed(at, "cycle")
        if len(self._path) >= DEPTH:
            raise Malformed(at, "depth")
        self._path.append(name)
        if not blank(name):
            document = {"@id": name, **document}
        for key, values in members.items():
            if key not in _SKIPPED:
                wire = _wire(key)
                document[wire] = self._member(key, values, point(at, wire))
        self._path.pop()
        return document

    def _spend(self, amount: int) -> None:
        self._written += amount
        if self._written > WRITTEN:
            raise Malformed("", "too-much")

    def _member(self, key: str, values: list[Value], at: str) -> Any:
        local = key.removeprefix(ODRL) if key.startswith(ODRL) else ""
        if key == TYPE:
            return [value.id for value in values if isinstance(value, Ref)]
        if local in _RULES | _DUTIES | _CLAUSES:
            return [self._node(value, point(at, i)) for i, value in enumerate(self._flat(values, at))]
        if local == "action":
            return _single([self._action(value, at) for value in self._flat(values, at)])
        if local in _NAMES:
            return _single([_text(value) for value in self._flat(values, at)])
        if local in _WHO:
            return _single([self._whom(value, at) for value in self._flat(values, at)])
        if key == _TIMESTAMP:
            return _single([_text(value) for value in self._flat(values, at)])
        return _single([self._any(value, at) for value in self._flat(values, at)])

    def _flat(self, values: list[Value], at: str) -> list[Value]:
        """The values with lists written out; an RDF list is followed along its cells."""
        found: list[Value] = []
        for value in values:
            if isinstance(value, Many):
                found += self._flat(list(value.items), at)
            elif isinstance(value, Ref) and (value.id == RDF + "nil" or RDF + "first" in self._nodes.get(value.id, {})):
                found += self._cells(value.id, at)
            else:
                found.append(value)
        return found

    def _cells(self, cell: str, at: str) -> list[Value]:
        found: list[Value] = []
        seen: set[str] = set()
        while cell != RDF + "nil":
            members = self._nodes.get(cell, {})
            first, rest = members.get(RDF + "first", []), members.get(RDF + "rest", [])
            if cell in seen:
                raise Malformed(at, "cycle")
            self._spend(1)
            if len(first) != 1 or len(rest) != 1 or not isinstance(rest[0], Ref):
                raise Malformed(at, "rdf")
            seen.add(cell)
            found += first
            cell = rest[0].id
        return found

    def _node(self, value: Value, at: str) -> Any:
        """A rule, duty or constraint: written out, or as a reference if nothing is said about it."""
        if not isinstance(value, Ref):
            return _literal(value)
        members = self._nodes.get(value.id)
        if not members:
            return {"@id": value.id}
        kept = {key: values for key, values in members.items() if key != TYPE}
        return self._object(value.id, {}, kept, at)

    def _action(self, value: Value, at: str) -> Any:
        members = self._nodes.get(value.id, {}) if isinstance(value, Ref) else {}
        if not isinstance(value, Ref) or members.keys() <= _ABOUT_ACTIONS:
            return _text(value)
        action = self._object(value.id, {}, {k: v for k, v in members.items() if k not in _ABOUT_ACTIONS}, at)
        inner = action.pop(RDF + "value", None)
        if isinstance(inner, Mapping) and "@id" in inner:
            inner = inner["@id"]
        action.pop("@id", None)
        if inner is None and blank(value.id):
            return action
        return {"value": value.id if inner is None else inner, **action}

    def _whom(self, value: Value, at: str) -> Any:
        """A party or asset by its id, or the collection that it is."""
        members = self._nodes.get(value.id, {}) if isinstance(value, Ref) else {}
        self._spend(len(members.get(TYPE, ())))
        kinds = set(types(members)) & {ODRL + "PartyCollection", ODRL + "AssetCollection"}
        if not isinstance(value, Ref) or not (kinds or ODRL + "source" in members or ODRL + "refinement" in members):
            return _text(value)
        kept = {key: values for key, values in members.items() if key != TYPE and key != ODRL + "partOf"}
        whom = self._object(value.id, {"@type": sorted(k.removeprefix(ODRL) for k in kinds)}, kept, at)
        source = whom.get("odrl:source")
        if isinstance(source, Mapping) and "@id" in source:
            whom["odrl:source"] = source["@id"]
        return whom

    def _any(self, value: Value, at: str) -> Any:
        if not isinstance(value, Ref):
            return _literal(value)
        if blank(value.id) and value.id in self._nodes:
            return self._object(value.id, {}, self._nodes[value.id], at)
        return {"@id": value.id}


_ABOUT_ACTIONS = frozenset(
    {TYPE, ODRL + "includedIn", ODRL + "implies", "http://www.w3.org/2004/02/skos/core#exactMatch"}
)


def _wire(key: str) -> str:
    if key == TYPE:
        return "@type"
    if key == _TIMESTAMP:
        return "timestamp"
    if not key.startswith(ODRL):
        return key
    local = key.removeprefix(ODRL)
    return local if local in _BARE else f"odrl:{local}"


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _text(value: Value) -> Any:
    match value:
        case Ref(id):
            return id
        case Text(text, datatype, language) if not datatype or datatype == XSD + "anyURI" or language:
            return text
    return _literal(value)


def _literal(value: Value) -> Any:
    match value:
        case Text(text, "", ""):
            return text
        case Text(text, datatype, ""):
            return {"@value": text, "@type": datatype}
        case Text(text, _, language):
            return {"@value": text, "@language": language}
    raise Malformed("", "json-ld")

"""Nodes become policies in the wire form that the kernel parses; nothing is left out, nothing is understood here.

Members of ODRL get their short names, everything else keeps its IRI, so that the kernel marks what it does not know. A
node without a name is written out as what is said about it, never as a label: what nobody can name may be anything
(decision 0043). A node that leads back to itself is refused with the place; a node shared by many is written out for
each of them, up to a bound.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.kernel.dialects.jsonld.nodes import (
    NAMELESS,
    RDF,
    TYPE,
    Many,
    Members,
    Nodes,
    Ref,
    Text,
    Value,
    blank,
    texts,
    types,
)
from connector.kernel.dialects.policies.identity import CLASSES, Place, exclusive
from connector.kernel.dialects.policies.parties import OF_POLICIES, TERMS, describes, explains, term
from connector.kernel.policy.odrl.names import ACTIONS, ODRL, XSD, expand
from connector.kernel.protocol.shape import Malformed, point

WRITTEN = 100_000
"""Objects, values and cells of lists that one document may become; what many share counts for each of them."""
POLICIES = 200
DEPTH = 48

_KINDS = frozenset({"Policy", "Set", "Offer", "Agreement", "Request", "Assertion", "Privacy", "Ticket"})
_RULES = frozenset({"permission", "prohibition", "obligation"})
_LOGIC = frozenset({"and", "or", "xone", "andSequence"})
_CLAUSES = frozenset({"constraint", "refinement"}) | _LOGIC
_NAMES = TERMS | {"uid"}
Given = Mapping[str, list[Value]]
_WHO = {"target": "AssetCollection", "assigner": "PartyCollection", "assignee": "PartyCollection"}
_BARE = _RULES | _LOGIC | _WHO.keys() | {"duty", "constraint", "action", "leftOperand", "operator", "rightOperand"}
_BARE |= {"profile"}
_TIMESTAMP = "https://w3id.org/dspace/2025/1/timestamp"
_DCT = "http://purl.org/dc/terms/"
_INVERSE = {
    ODRL + "target": ODRL + "hasPolicy",
    ODRL + "assignee": ODRL + "assigneeOf",
    ODRL + "assigner": ODRL + "assignerOf",
    _DCT + "isReplacedBy": _DCT + "replaces",
}
"""Members of a policy, and how the other side says the same (ODRL Vocabulary; IM 2.8)."""


def policies(nodes: Nodes) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, document) of each policy, in the order of the source; raises Malformed (`no-policy`, `cycle`, …)."""
    roots = [name for name, members in nodes.items() if _is_policy(members)]
    if not roots:
        raise Malformed("", "no-policy")
    if len(roots) > POLICIES:
        raise Malformed("", "too-much")
    writer = _Writer(nodes)
    found = [
        ("" if blank(name) else name, writer.policy(name, "" if len(roots) == 1 else point("", name))) for name in roots
    ]
    exclusive(writer.rules.values())
    yield from found


def _is_policy(members: Members) -> bool:
    if any(iri.startswith(ODRL) and iri.removeprefix(ODRL) in _KINDS for iri in types(members)):
        return True
    holds = any(ODRL + name in members for name in _RULES)
    return holds and ODRL + "action" not in members


class _Writer:
    def __init__(self, nodes: Nodes) -> None:
        self._nodes, self._written = nodes, 0
        self._path: list[str] = []
        self.rules: dict[str, list[Place]] = {}
        """The rules as they were written out, by node."""
        self._whole = self._pointed(ODRL + "partOf").keys()
        self._beside = {key: self._pointed(name) for key, name in _INVERSE.items()}

    def _pointed(self, name: str) -> dict[str, list[Value]]:
        """What a member leads to, with the nodes that have it."""
        found: dict[str, list[Value]] = {}
        for subject, members in self._nodes.items():
            for value in self._flat(members.get(name, []), ""):
                if not isinstance(value, Many):
                    found.setdefault(value.id if isinstance(value, Ref) else value.text, []).append(Ref(subject))
        return found

    def policy(self, name: str, at: str) -> dict[str, Any]:
        """A policy with what other nodes say about it: about what and whom it is, and what has replaced it."""
        members = {key: list(values) for key, values in self._nodes[name].items()}
        names = (name, *texts(self._nodes, name, ODRL + "uid"))
        for key, pointed in self._beside.items():
            there = self._flat(members.get(key, []), at)
            said = [value for one in dict.fromkeys(names) for value in pointed.get(one, [])]
            known = set(there)
            if more := [value for value in said if value not in known]:
                members[key] = there + more
        kinds = [iri.removeprefix(ODRL) for iri in types(members) if iri.removeprefix(ODRL) in _KINDS]
        document: dict[str, Any] = {}
        if len(kinds) == len(members.get(TYPE, ())) == 1:
            del members[TYPE]
            document["@type"] = kinds[0]
        return self._object(name, document, members, at)

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
            wire = _wire(key)
            document[wire] = self._member(key, values, point(at, wire))
            if _local(key) in _NAMES:
                document[wire], said = term(document[wire])
                document |= {NAMELESS + wire: said} if said else {}
        self._path.pop()
        return document

    def _spend(self, amount: int) -> None:
        self._written += amount
        if self._written > WRITTEN:
            raise Malformed("", "too-much")

    def _member(self, key: str, values: list[Value], at: str) -> Any:
        local = _local(key)
        if key == TYPE:
            return [_local(term) or term for term in map(_term, values) if isinstance(term, str)]
        values = self._flat(values, at)
        if local in CLASSES:
            return [self._rule(value, CLASSES[local], point(at, i)) for i, value in enumerate(values)]
        if local in _CLAUSES:
            return [self._node(value, point(at, i)) for i, value in enumerate(values)]
        if local == "action":
            return _single([self._action(value, at) for value in values])
        if local in _NAMES:
            return _single([self._named(value, local, at) for value in values])
        if local in _WHO:
            return _single([self._whom(value, _WHO[local], at) for value in values])
        if local == "rightOperand":
            return _single([self._compared(value, at) for value in values])
        if key == _TIMESTAMP:
            return _single([_when(value) for value in values])
        return _single([self._any(value, at) for value in values])

    def _flat(self, values: list[Value], at: str) -> list[Value]:
        """The values with lists written out; an RDF list is followed along its cells.

        A list that is empty counts only where nothing stands beside it: it must not disappear.
        """
        found: list[Value] = []
        for value in values:
            if isinstance(value, Many):
                more = self._flat(list(value.items), at)
            elif isinstance(value, Ref) and (value.id == RDF + "nil" or RDF + "first" in self._nodes.get(value.id, {})):
                more = self._cells(value.id, at)
            else:
                more = [value]
            if not more and len(values) > 1:
                raise Malformed(at, "empty")
            found += more
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

    def _rule(self, value: Value, class_: str, at: str) -> Any:
        document = self._node(value, at)
        if isinstance(value, Ref) and isinstance(document, dict):
            self.rules.setdefault(value.id, []).append((class_, document))
        return document

    def _node(self, value: Value, at: str) -> Any:
        """A rule, duty or constraint: written out, or as a reference if nothing is said about it."""
        if not isinstance(value, Ref):
            return _literal(value)
        return self._object(value.id, {}, self._nodes.get(value.id, {}), at)

    def _action(self, value: Value, at: str) -> Any:
        if not isinstance(value, Ref):
            return _term(value)
        said = self._nodes.get(value.id, {})
        members = {key: there for key, there in said.items() if not _is_known(value.id, key, there)}
        if not members:
            return _term(value)
        action = self._object(value.id, {}, members, at)
        inner = action.pop(RDF + "value", None)
        if inner is None:
            return action
        action.pop("@id", None)
        return {"value": inner["@id"] if isinstance(inner, dict) and inner.keys() == {"@id"} else inner, **action}

    def _whom(self, value: Value, collection: str, at: str) -> Any:
        """A party or asset by its id if nothing more is said about it; what has parts is a collection."""
        if not isinstance(value, Ref):
            return _term(value)
        members = {
            key: values
            for key, values in self._nodes.get(value.id, {}).items()
            if _local(key) not in OF_POLICIES and (blank(value.id) or not describes(key))
        }
        self._spend(1)
        if value.id in self._whole:
            members[TYPE] = [*members.get(TYPE, []), Ref(ODRL + collection)]
        if not members and not blank(value.id):
            return value.id
        whom = self._object(value.id, {}, members, at)
        source = whom.get("odrl:source")
        if isinstance(source, Mapping) and source.keys() == {"@id"}:
            whom["odrl:source"] = source["@id"]
        return whom

    def _compared(self, value: Value, at: str) -> Any:
        """A right operand or term, with all that is said about it but what only describes it (decision 0127)."""
        if not isinstance(value, Ref) or blank(value.id):
            return self._any(value, at)
        said = self._nodes.get(value.id, {})
        members = {key: there for key, there in said.items() if _local(key) not in OF_POLICIES and not explains(key)}
        return self._object(value.id, {}, members, at) if members else {"@id": value.id}

    def _named(self, value: Value, local: str, at: str) -> Any:
        """A term, with what is said about it; a policy or rule is said about itself under its `uid`."""
        if isinstance(value, Ref) and blank(value.id) and value.id in self._nodes:
            return self._object(value.id, {}, self._nodes[value.id], at)
        name = _term(value)
        if local == "uid" or not isinstance(name, str) or expand(name) not in self._nodes:
            return name
        found = self._compared(Ref(expand(name)), at)
        return found if len(found) > 1 else name

    def _any(self, value: Value, at: str) -> Any:
        if not isinstance(value, Ref):
            return _literal(value)
        if blank(value.id):
            return self._object(value.id, {}, self._nodes.get(value.id, {}), at)
        return {"@id": value.id}


def _is_known(action: str, key: str, values: list[Value]) -> bool:
    """Whether a statement about an action only describes it or repeats what ODRL says: that it is one, and in which it
    is included."""
    if explains(key):
        return not blank(action)
    if key == TYPE:
        return all(isinstance(v, Ref) and (v.id == ODRL + "Action" or not v.id.startswith(ODRL)) for v in values)
    return key == ODRL + "includedIn" and values == [Ref(ACTIONS.get(action, ""))]


def _local(key: str) -> str:
    return key.removeprefix(ODRL) if key.startswith(ODRL) else ""


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


def _term(value: Value) -> Any:
    """A name: an IRI or a word. A literal with a type or a language is none, and stays what it is."""
    match value:
        case Ref(id):
            return NAMELESS if blank(id) else id
        case Text(text, datatype, "") if not datatype or datatype == XSD + "anyURI":
            return text
    return _literal(value)


def _when(value: Value) -> Any:
    return value.text if isinstance(value, Text) and value.datatype == XSD + "dateTime" else _term(value)


def _literal(value: Value) -> Any:
    match value:
        case Text(text, "", ""):
            return text
        case Text(text, datatype, ""):
            return {"@value": text, "@type": datatype}
        case Text(text, _, language):
            return {"@value": text, "@language": language}
    raise Malformed("", "json-ld")

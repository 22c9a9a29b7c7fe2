"""Plain JSON read as the graph that it stands for: what is said about a party, asset, action, term or right operand
counts everywhere in it.

To JSON-LD and RDF a name is one node. An object that says something about it, and a bare mention of it elsewhere, are
the same party; only so a policy says the same in every notation (decision 0043).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connector.kernel.dialects.jsonld.nodes import blank
from connector.kernel.dialects.policies.parties import TERMS, WHO, named
from connector.kernel.policy.odrl.names import expand, member, reference
from connector.kernel.policy.odrl.reader import entries
from connector.kernel.protocol.shape import Malformed

WRITTEN = 100_000
"""Values that mentions may become; what is said about a name counts for each of them."""
SAID = 200
"""Different values of one member that may be said about a name."""
NOWHERE: Mapping[str, Sequence[Mapping[str, Any]]] = {}
_DEPTH = 100
_COMPARED = "rightOperand"
_SPELT = {_COMPARED: reference, **dict.fromkeys(TERMS | {"action"}, expand)}
_COLLECTION = {"target": "AssetCollection", "assigner": "PartyCollection", "assignee": "PartyCollection"}


def joined(
    document: Any, wholes: Collection[str] = (), about: Mapping[str, Sequence[Mapping[str, Any]]] = NOWHERE
) -> Any:
    """The same JSON, in which each mention of one of them says all that is said about it anywhere.

    `wholes` are the names of which it is said elsewhere that they are collections, `about` what else is said elsewhere.

    Raises Malformed (`too-much`) where that would become too large.
    """
    graph = _Graph()
    seen: set[tuple[str, str]] = set()
    for place, one in _mentions(document, 0):
        name = _name(place, one)
        if name in about and (place, name) not in seen:
            seen.add((place, name))
            for item in about[name]:
                graph.add(place, name, item)
        if name and isinstance(one, Mapping):
            graph.add(place, name, one)
        if name in wholes and place in _COLLECTION:
            graph.wholes.add(name)
    return graph.written(document, 0) if graph.said or graph.wholes else document


class _Graph:
    """What is said about each name, by member."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, list[Any]]] = {}
        self.wholes: set[str] = set()
        """The names that have parts: each is a collection of what its place names, as in RDF (`unfold.py`)."""
        self._sizes: dict[str, int] = {}
        self._left = WRITTEN

    def add(self, place: str, name: str, item: Mapping[str, Any]) -> None:
        own = item.get("@id")
        for key, value in item.items():
            inner = member(key)
            if inner == "@id" or (inner == "uid" and own in (None, value)):
                continue
            self.tell(name, inner, value)
            if inner == "partOf" and place in _COLLECTION:
                for whole in entries(value):
                    if collection := _name(place, whole):
                        self.wholes.add(collection)

    def tell(self, name: str, key: str, value: Any) -> None:
        there = self.said.setdefault(name, {}).setdefault(key, [])
        if value in there:
            return
        if len(there) >= SAID:
            raise Malformed("", "too-much")
        there.append(value)
        self._sizes[name] = self._sizes.get(name, 1) + size(value)

    def written(self, value: Any, depth: int) -> Any:
        if depth > _DEPTH:
            return value
        if isinstance(value, list):
            return [self.written(item, depth + 1) for item in value]
        if not isinstance(value, Mapping):
            return value
        return {key: self._member(member(key), item, depth + 1) for key, item in value.items()}

    def _member(self, name: str, item: Any, depth: int) -> Any:
        return self._mention(name, item, depth) if _mentioning(name) else self.written(item, depth)

    def _mention(self, place: str, item: Any, depth: int) -> Any:
        if depth > _DEPTH:
            return item
        if isinstance(item, list):
            return [self._mention(place, one, depth + 1) for one in item]
        if isinstance(item, Mapping) and item.keys() in ({"@list"}, {"@set"}):
            return {key: self._mention(place, one, depth + 1) for key, one in item.items()}
        name = _name(place, item)
        whole = name in self.wholes and place in _COLLECTION
        if name not in self.said and not whole:
            return self.written(item, depth + 1)
        self._left -= self._sizes.get(name, 1)
        if self._left < 0:
            raise Malformed("", "too-much")
        said = self.said.get(name, {})
        if whole and _COLLECTION[place] not in (kinds := said.get("@type", [])):
            said = {**said, "@type": [*kinds, _COLLECTION[place]]}
        return {"@id": name} | {key: _one(values) for key, values in said.items()}


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else [entry for value in values for entry in entries(value)]


def size(value: Any) -> int:
    waiting, size = [value], 0
    while waiting:
        one = waiting.pop()
        size += 1
        waiting += one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
    return size


def _mentioning(name: str) -> bool:
    return name in WHO or name in _SPELT


def _mentions(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """(member, value) for each party, asset, action, term and right operand that a rule or policy names."""
    if depth > _DEPTH:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if _mentioning(name := member(key)):
                yield from ((name, one) for one in entries(named(item) if name in WHO else item))
            yield from _mentions(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _mentions(item, depth + 1)


def _name(place: str, item: Any) -> str:
    """Compared is with a text, unless it is said to be the name of a node."""
    if isinstance(item, Mapping):
        item = item.get("@id", None if place in TERMS or place == _COMPARED else item.get("uid"))
    elif place == _COMPARED:
        return ""
    if not isinstance(item, str) or blank(item):
        return ""
    return _SPELT.get(place, str)(item)

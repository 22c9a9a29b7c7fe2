"""What a document of plain JSON says about a policy in other places than the policy itself (decision 0043).

Where something is said makes no difference to a graph. So whose policy it is (`hasPolicy`, `assigneeOf`, `assignerOf`),
that it was replaced, and its classes are written into it, and so is what else is said about it, its rules and their
constraints; which parties and assets are collections, and what is said about other names, is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.kernel.dialects.policies.joining import size
from connector.kernel.policy.odrl.names import PREFIXES, REPLACED, STRUCTURE, expand, member
from connector.kernel.policy.odrl.reader import entries, plain
from connector.kernel.protocol.shape import Malformed

_INVERSE = {
    "hasPolicy": "target",
    "assigneeOf": "assignee",
    "assignerOf": "assigner",
    PREFIXES["dct"] + "replaces": REPLACED,
    "dcterms:replaces": REPLACED,
}
"""How another object says it, and the member of the policy that says the same."""
_RULES = frozenset({"permission", "prohibition", "obligation"})
_OWN = ("@type", REPLACED)
"""Members that another object of the policy's name may have."""
_NODES = _RULES | {"duty", "remedy", "consequence", "constraint", "refinement", "and", "or", "xone", "andSequence"}
"""Members whose values are rules or constraints."""
WRITTEN = 100_000
"""Values that what is said about rules and constraints may become; it counts for each of them."""
SAID = 200
"""Different values of one member that may be said about a name."""
_DEPTH = 100


class Beside:
    """The statements of one document; raises Malformed (`too-much`)."""

    def __init__(self, document: Any) -> None:
        self.wholes: set[str] = set()
        """Names of collections: something is part of them, or they say so themselves."""
        self.about: dict[str, list[Mapping[str, Any]]] = {}
        """What is said about names that may be those of a party, asset, action or term."""
        self._said: dict[str, dict[str, list[Any]]] = {}
        self._left = WRITTEN
        for item in _objects(document, 0):
            self._read(item)

    def _read(self, item: Mapping[str, Any]) -> None:
        name = _name(item)
        if name and (statements := {key: value for key, value in item.items() if _counts(key)}):
            for spelled in {name, expand(name)}:
                self.about.setdefault(spelled, []).append({"@id": name, **statements})
        for key, value in item.items():
            inner = member(key)
            if inner in _INVERSE:
                for one in filter(None, map(plain, entries(value))):  # a policy written out is read with its place
                    self._tell(one, _INVERSE[inner], name or {})
            elif inner == "partOf":
                self.wholes |= {one for one in map(_named, entries(value)) if one}
            elif inner in _OWN and name:
                for own in entries(value):
                    self._tell(name, inner, own)
                    if inner == "@type" and isinstance(own, str) and own.endswith("Collection"):
                        self.wholes.add(name)

    def _tell(self, name: str, key: str, value: Any) -> None:
        there = self._said.setdefault(name, {}).setdefault(key, [])
        if value in there:
            return
        if len(there) >= SAID:
            raise Malformed("", "too-much")
        there.append(value)

    def written(self, policy: dict[str, Any]) -> dict[str, Any]:
        """The policy with what is said about it, its rules and constraints elsewhere; raises Malformed (`too-much`)."""
        made = dict(policy)
        for key, more in self._said.get(_name(policy), {}).items():
            _add(made, key, more)
        return self._node(made, _OWN, 0)

    def _node(self, node: Mapping[str, Any], told: Sequence[str], depth: int) -> dict[str, Any]:
        """`told` are the members of which it has all that is said."""
        made = dict(node)
        for statement in self.about.get(_name(node), ()):
            for key, value in statement.items():
                name = member(key)
                if name in told or name == "@id" or name.isalnum():  # what ODRL says twice is `identity`'s to judge
                    continue
                if _add(made, name, entries(value)):
                    self._left -= size(value)
                if self._left < 0:
                    raise Malformed("", "too-much")
        return {k: self._inner(item, depth + 1) if member(k) in _NODES else item for k, item in made.items()}

    def _inner(self, item: Any, depth: int) -> Any:
        if depth > _DEPTH:
            return item
        if isinstance(item, list):
            return [self._inner(one, depth + 1) for one in item]
        if not isinstance(item, Mapping):
            return item
        if item.keys() in ({"@list"}, {"@set"}):
            return {key: self._inner(one, depth + 1) for key, one in item.items()}
        return self._node(item, (), depth)


def _add(made: dict[str, Any], key: str, more: list[Any]) -> bool:
    """Whether the member has more values than before."""
    own = next((one for one in made if member(one) == key), key)
    there = entries(made[own]) if own in made else []
    known = [plain(one) or one for one in there]
    new = [one for one in more if (plain(one) or one) not in known]
    if new:
        made[own] = [*there, *new] if there or len(new) > 1 else new[0]
    return bool(new)


def _counts(key: str) -> bool:
    """Whether a member may say who or what something is. A bare name is that of ODRL or, in a catalogue, of DCAT, which
    only describes; whose policy it is counts in the policy."""
    name = member(key)
    if name.isalnum():
        return name in STRUCTURE - _RULES or name in ("source", "partOf", "includedIn", "value")
    return name == "@type" or not (name.startswith("@") or name in _INVERSE)


def _objects(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEPTH:
        return
    if isinstance(value, Mapping):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _objects(item, depth + 1)


def _named(item: Any) -> str:
    return _name(item) if isinstance(item, Mapping) else item if isinstance(item, str) else ""


def _name(item: Mapping[str, Any]) -> str:
    """Also a label: the policy that has it is known by it in its own document."""
    found = next((value for key, value in item.items() if member(key) in ("@id", "uid")), "")
    return found if isinstance(found, str) else ""

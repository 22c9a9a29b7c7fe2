"""Policies of others become the wire form of ours: JSON-LD of any spelling, RDF, and the dialects of EDC and Catena-X.

One entry for everything that is not a message of a running negotiation. What comes out can be parsed by the kernel;
each policy carries the notes about what was read as what, to be shown before anyone signs (spec/policy.md 13.2).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.kernel.dialects.jsonld.contexts import POLICY_CONTEXTS
from connector.kernel.dialects.jsonld.expansion import POLICY_CONTEXT, expand
from connector.kernel.dialects.jsonld.nodes import Nodes, from_expanded, from_rdf
from connector.kernel.dialects.policies import identity
from connector.kernel.dialects.policies.beside import Beside
from connector.kernel.dialects.policies.joining import joined
from connector.kernel.dialects.policies.translate import Foreign, Note, translated
from connector.kernel.dialects.policies.unfold import policies
from connector.kernel.policy.odrl.names import KINDS, member
from connector.kernel.policy.odrl.reader import entries, plain
from connector.kernel.protocol.messages import CONTEXT
from connector.kernel.protocol.shape import Malformed, point

JSON_NODES = 6_000
"""Values of a JSON-LD document that takes a processor; a policy of 262 branches has 3 000."""
_KNOWN = frozenset({CONTEXT, POLICY_CONTEXT}) | POLICY_CONTEXTS
_RULES = frozenset({"permission", "prohibition", "obligation"})
_CLASSES = KINDS | {"Policy"}
_DEPTH = 40
_MOST = 200


def read_rdf(data: bytes, format: str = "TURTLE") -> tuple[Foreign, ...]:
    """The policies of an RDF document; raises Malformed. `format` as in `nodes.FORMATS`."""
    return tuple(_unfolded(from_rdf(data, format), "rdf", []))


def read_json(value: Any) -> tuple[Foreign, ...]:
    """The policies of a JSON or JSON-LD document, parsed strictly; raises Malformed."""
    if not isinstance(value, dict | list):
        raise Malformed("", "json-type")
    contexts = list(_contexts(value, 0))
    if all(entry == CONTEXT for entry in contexts) and not (not contexts and _is_expanded(value, 0)):
        found = [(place, document) for place, document in _within(value, "", 0)]
        if not found:
            raise Malformed("", "no-policy")
        if len(found) > _MOST:
            raise Malformed("", "too-much")
        for place, document in found:
            _filled(document, place)
        identity.check(value)
        beside = Beside(value)
        told = ((place, joined(beside.written(document), beside.wholes, beside.about)) for place, document in found)
        made = tuple(translated(document, place, "wire") for place, document in told)
        for one in made:
            identity.exclusive(identity.rules(one.document))
        return made
    unknown = [entry for entry in contexts if isinstance(entry, str) and entry not in _KNOWN]
    notes = [Note("/@context", "context-unknown", entry) for entry in dict.fromkeys(unknown)]
    expanded = expand(_meant(value), _KNOWN, JSON_NODES)
    identity.check(expanded)
    return tuple(_unfolded(from_expanded(expanded), "json-ld", notes))


def _unfolded(nodes: Nodes, form: str, notes: list[Note]) -> Iterator[Foreign]:
    for name, document in policies(nodes):
        yield translated(document, name, form, notes)


def _contexts(value: Any, depth: int) -> Iterator[Any]:
    """Every entry of every `@context`, wherever it stands; deeper ones than anybody reads do not count."""
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        context = value.get("@context", [])
        yield from context if isinstance(context, list) else [context]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _contexts(item, depth + 1)


def _is_expanded(value: Any, depth: int) -> bool:
    """Whether every name is an IRI or a keyword: then lists and sets are those of JSON-LD, and not plain values."""
    if depth > _DEPTH:
        return False
    if isinstance(value, dict):
        full = all(isinstance(key, str) and (key.startswith("@") or (":" in key and "//" in key)) for key in value)
        return full and all(_is_expanded(item, depth + 1) for item in value.values())
    return not isinstance(value, list) or all(_is_expanded(item, depth + 1) for item in value)


def _meant(value: Any) -> Any:
    """The protocol's context explains policies only inside of its messages; a policy by itself needs the same terms."""
    if not isinstance(value, dict) or "@context" not in value:
        return value
    context = value["@context"]
    entries = context if isinstance(context, list) else [context]
    if CONTEXT not in entries or not _is_policy(value):
        return value
    at = entries.index(CONTEXT) + 1
    return {**value, "@context": [*entries[:at], POLICY_CONTEXT, *entries[at:]]}


def _is_policy(value: Mapping[str, Any]) -> bool:
    """Whether rules stand there. A rule has an action, and so may a policy that says that it is one (IM 2.7.1)."""
    names = {member(key): item for key, item in value.items() if isinstance(key, str)}
    if not names.keys() & _RULES:
        return False
    types = entries(names.get("@type", []))
    return "action" not in names or any(isinstance(one, str) and member(one) in _CLASSES for one in types)


def _within(value: Any, at: str, depth: int, asset: Any = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The policies of a plain document: itself, or what a message, catalogue or definition carries.

    `asset` is whose policy it is; the policy is about it as well, whatever else it names (ODRL IM 2.2.2).
    """
    if depth > _DEPTH:
        raise Malformed(at, "depth")
    if isinstance(value, dict) and _is_policy(value):
        yield at, _about(asset, {key: item for key, item in value.items() if key != "@context"})
    elif isinstance(value, dict):
        for key, item in value.items():
            whose = _reference(value) if member(key) == "hasPolicy" else None
            yield from _within(item, point(at, key), depth + 1, whose)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, point(at, index), depth + 1, asset)


def _filled(document: Mapping[str, Any], place: str) -> None:
    """Raises Malformed (`empty`) where an empty list stands beside other values: no graph could hold it (0043)."""
    waiting: list[tuple[str, Any]] = [(place, document)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, list) and len(value) > 1 and {"@list": []} in value:
            raise Malformed(at, "empty")
        inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(point(at, key), item) for key, item in inner]


def _reference(value: Mapping[str, Any]) -> Any:
    return value["@id"] if isinstance(value.get("@id"), str) else {}


def _about(asset: Any, document: dict[str, Any]) -> dict[str, Any]:
    key = next((key for key in document if member(key) == "target"), "target")
    there = entries(document[key]) if key in document else []
    if asset is None or any(plain(one) == asset for one in there):
        return document
    return {**document, key: [*there, asset] if there else asset}

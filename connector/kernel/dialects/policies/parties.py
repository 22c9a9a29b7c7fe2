"""Parties, assets and actions of a foreign policy: who and what is named, and what says nothing about that.

Every reader passes here, so that a policy says the same in every notation (decision 0043): a label that only its
document knows names nobody, what merely describes a named party or asset does not matter, and an action of ODRL is not
made another one by what is said about it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connector.kernel.dialects.jsonld.nodes import NAMELESS, blank
from connector.kernel.policy.odrl.names import (
    ACTIONS,
    DESCRIBING,
    LABELS,
    PREFIXES,
    SAME,
    STRUCTURE,
    XSD,
    expand,
    member,
)
from connector.kernel.policy.odrl.reader import entries, plain

WHO = frozenset({"target", "assigner", "assignee"})
TERMS = frozenset({"leftOperand", "operator", "profile", "conflict", "unit", "dataType"})
"""Members whose values are terms: names of what a policy is written with."""
_SPACES = (PREFIXES["dcat"], "http://xmlns.com/foaf/0.1/", "http://www.w3.org/2006/vcard/ns#", "http://schema.org/")
_NAMING = frozenset({"@id", "uid", "source", "value", "@list", "@set", "@value"})
_OF_CONCEPTS = frozenset(
    "http://www.w3.org/2004/02/skos/core#" + name
    for name in (
        "prefLabel",
        "altLabel",
        "hiddenLabel",
        "notation",
        "note",
        "changeNote",
        "definition",
        "editorialNote",
        "example",
        "historyNote",
        "scopeNote",
    )
)
"""What a concept is called and how it is explained (SKOS 5 to 7); what is broader or the same is no such thing."""
OF_POLICIES = frozenset({"hasPolicy", "assigneeOf", "assignerOf"})
"""Members that say something about a policy, which counts there, and nothing about what has them."""


def named(item: Any) -> Any:
    """A party or asset, or several, without what only describes it; without a name for what a label stands for."""
    if isinstance(item, list):
        found = [named(one) for one in item]
        return _once(found, [_bare(one) for one in found])
    if isinstance(item, str):
        return {} if blank(item) else item
    if not isinstance(item, Mapping):
        return item
    if item.keys() in ({"@list"}, {"@set"}):
        return {key: named(inner) for key, inner in item.items()}
    return _undescribed(item)


def nameless(item: Any) -> bool:
    """Whether a party, asset, action or term has no name by which anybody could know it."""
    if not isinstance(item, Mapping):
        return bool(item == NAMELESS)
    names = {member(key): value for key, value in item.items() if isinstance(key, str)}
    return names.get("value") == NAMELESS or not names.keys() & _NAMING


def operand(item: Any) -> Any:
    """A right operand, or several, without what only names or describes it; a label names nothing to compare.

    With anything else that is said about it, nobody knows what it means (decision 0127).
    """
    if isinstance(item, list):
        found = [operand(one) for one in item]
        return _once(found, [_literal(one) for one in found])
    if isinstance(item, Mapping) and item.keys() in ({"@list"}, {"@set"}):
        return {key: operand(inner) for key, inner in item.items()}
    return _compared(_nameless(item)) if isinstance(item, Mapping) else item


def term(item: Any) -> tuple[Any, list[Any]]:
    """A term, or several, by name alone, and what else is said about it: with that nobody knows what it means. What
    only names or describes it is left out (decision 0127)."""
    if isinstance(item, list):
        found = [term(one) for one in item]
        return [name for name, _ in found], [one for _, said in found for one in said]
    if not isinstance(item, Mapping) or item.keys() in ({"@id"}, {"@value"}):
        return item, []
    if item.keys() in ({"@list"}, {"@set"}):
        ((key, inner),) = item.items()
        names, said = term(inner)
        return {key: names}, said
    if "@value" in item:
        return item, []
    name, more = item.get("@id", NAMELESS), _compared(item)
    if not isinstance(name, str) or blank(name):
        return NAMELESS, [_nameless(more)]
    rest = {key: value for key, value in more.items() if key != "@id"}
    return name, [rest] if rest else []


def action(item: Any) -> Any:
    """An action, or several. A refinement belongs to an action of one's own (`rdf:value`), not to one of ODRL."""
    if isinstance(item, list):
        return [action(one) for one in item]
    if not isinstance(item, Mapping):
        return item
    if item.keys() in ({"@list"}, {"@set"}):
        return {key: action(inner) for key, inner in item.items()}
    names = {member(key): value for key, value in item.items() if isinstance(key, str)}
    name = names.get("@id", names.get("uid", NAMELESS))
    if "value" in names or item.keys() == {"@value"}:
        return item
    if not isinstance(name, str) or blank(name):
        return {**_nameless(item), "value": NAMELESS}
    kept = {key: value for key, value in item.items() if not _repeats(expand(name), member(key), value)}
    return {**kept, NAMELESS + "refinement": name} if "refinement" in names and _of_odrl(name) else kept


def _repeats(action: str, name: str, value: Any) -> bool:
    """Whether a member only describes an action, or says what ODRL says: in which one it is included."""
    included = plain(value) if name == "includedIn" else None
    return explains(name) or (included is not None and expand(included) == ACTIONS.get(action, ""))


def _once(items: Sequence[Any], same: Sequence[Any]) -> list[Any]:
    """To a graph, the same value twice is one value; only what has no name may be another thing each time."""
    found: dict[str, Any] = {}
    for number, (one, alike) in enumerate(zip(items, same, strict=True)):
        found.setdefault(json.dumps(alike, sort_keys=True) if one else str(number), one)
    return list(found.values())


def _bare(item: Any) -> Any:
    """A party or asset of which nothing but its name is left, by that name."""
    return item if (name := plain(item)) is None else name


def _literal(item: Any) -> Any:
    return item["@value"] if isinstance(item, Mapping) and item.keys() == {"@value"} else item


def _of_odrl(name: str) -> bool:
    iri = expand(name)
    return SAME.get(iri, iri) in ACTIONS


def _nameless(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not (key == "@id" and isinstance(value, str) and blank(value))}


def _undescribed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Without its label, and if it has a name, without what only describes it."""
    kept = _nameless(item)
    if not any(member(key) in ("@id", "uid") for key in kept):
        return kept
    members = ((key, member(key), value) for key, value in kept.items())
    return {key: value for key, name, value in members if not (describes(name) or _elsewhere(name, value))}


def _compared(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if not any(member(key) in ("@id", "uid") for key in item):
        return item
    own = item.get("@id")
    return {key: value for key, value in item.items() if not _beside_the_point(member(key), value, own)}


def _beside_the_point(name: str, value: Any, own: Any) -> bool:
    if name == "uid":
        return own is not None and plain(value) == own
    if name == "@type":
        return all(isinstance(one, str) and _is_class(one) for one in entries(value))
    return explains(name) or _elsewhere(name, value)


def _elsewhere(name: str, value: Any) -> bool:
    """Whether it only says of whom a policy is, which counts there; one that is written out here is something else."""
    return name in OF_POLICIES and all(plain(one) for one in entries(value))


def _is_class(name: str) -> bool:
    """Whether it may be what kind of thing somebody is; a datatype would say how to compare a text."""
    return not blank(name) and not expand(name).startswith(XSD)


def explains(name: str) -> bool:
    """Whether a member of what is compared with only says what that is called or like."""
    return describes(name) or name in _OF_CONCEPTS


def describes(name: str) -> bool:
    """Whether a member says about a named party or asset only what it is like, and nothing about who or what it is."""
    if name in LABELS or name in DESCRIBING:
        return True
    return name.startswith(_SPACES) and local(name) not in STRUCTURE


def local(name: str) -> str:
    """What stands behind the namespace of an IRI, or behind a prefix."""
    return re.split("[#/:]", name)[-1]

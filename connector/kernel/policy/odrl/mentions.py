"""What a policy says about one name in one place and not in another, or about itself from inside of a rule.

To JSON-LD and RDF a name is one thing, and what is said about it counts wherever it stands. Files are read so
(decision 0043); a policy that is decided stays as it was signed. So that both have one answer, a policy in which the
place of a word would matter is not understood (decision 0150).
"""

from collections.abc import Mapping

from connector.kernel.policy.odrl.names import PREFIXES, expand, member, reference
from connector.kernel.policy.odrl.reader import entries, plain, text_of

_WHO = frozenset({"target", "assigner", "assignee"})
_TERMS = frozenset({"action", "leftOperand", "operator", "profile", "conflict", "unit", "dataType"})
_CLASSES: Mapping[str, str] = {
    "permission": "permission",
    "prohibition": "prohibition",
    **dict.fromkeys(("obligation", "duty", "consequence", "remedy"), "duty"),
}
"""The class of a rule by its place; the three exclude each other (ODRL IM 2.6)."""
_TEXTS = _WHO | _TERMS
"""Members of which a text is a name; of what is compared with it is only a text."""
_BARE = _TEXTS | {"rightOperand"}
_LISTS = frozenset({"@list", "@set"})
_OF_POLICIES = frozenset({"hasPolicy", "assigneeOf", "assignerOf", "dcterms:replaces", PREFIXES["dct"] + "replaces"})
"""What an object inside of a policy would say about a policy, perhaps this one."""
_TELLING = _OF_POLICIES | {"partOf"}
_NAMES = frozenset({"@id", "uid"})
_PLAIN = frozenset({"Party", "Asset", "Action"})
"""Classes that say no more about a name than its place does."""


def divided(document: Mapping[str, object]) -> tuple[str, ...]:
    """The names about which places of the document, which `screen` has passed, say different things; sorted."""
    bare: set[str] = set()
    own = _spelt("", _name(document))
    # What stands below the name of the policy itself is said here already.
    said: dict[str, tuple[str, str]] = {own: ("policy", "")} if own else {}
    wholes: set[str] = set()
    found: set[str] = set()
    waiting: list[tuple[str, object]] = [(member(key), value) for key, value in document.items()]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            if place in _TEXTS:
                bare.add(_spelt(place, value))
        elif isinstance(value, list | tuple):
            waiting += [(place, one) for one in value]
        elif isinstance(value, Mapping):
            names = {key if key.isalnum() else member(key): item for key, item in value.items()}
            waiting += [(place if key in _LISTS else key, item) for key, item in names.items() if key not in _NAMES]
            if not _TELLING.isdisjoint(names):
                found |= _OF_POLICIES & names.keys()
                wholes |= {whole for whole in map(_name, entries(names.get("partOf", []))) if whole}
            name = "" if _NAMES.isdisjoint(names) else _spelt(place, _name(names))
            if not name:
                continue
            more = {key: item for key, item in names.items() if key not in _NAMES and not _says_nothing(key, item)}
            if more:
                one = (_CLASSES.get(place, ""), text_of(more))
                found |= {name} if said.setdefault(name, one) != one else set()
            elif place in _BARE:
                bare.add(name)
    return tuple(sorted(found | (bare & (said.keys() | wholes))))


def _says_nothing(key: str, value: object) -> bool:
    return key == "@type" and isinstance(value, str) and member(value) in _PLAIN


def _name(value: object) -> str:
    if isinstance(value, Mapping):
        value = next((item for key, item in value.items() if member(key) in _NAMES), "")
    return plain(value) or ""


def _spelt(place: str, name: str) -> str:
    return expand(name) if place in _TERMS else reference(name)

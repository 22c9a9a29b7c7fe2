"""One name, one thing: a document must not say different things about one name, and no rule is of two kinds.

To JSON-LD and RDF all that is said about a name is about one node, while a reader of plain JSON sees several objects. A
document that says it differently in two places would therefore be two policies, and is refused (decision 0043).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector.kernel.policy.odrl.names import member
from connector.kernel.policy.odrl.reader import entries
from connector.kernel.protocol.shape import Malformed, point

CLASSES: Mapping[str, str] = {
    "permission": "Permission",
    "prohibition": "Prohibition",
    **dict.fromkeys(("obligation", "duty", "consequence", "remedy"), "Duty"),
}
"""Which class a rule has by its place; the three exclude each other (ODRL IM 2.6)."""
_DEPTH = 100
_ELSEWHERE = frozenset({"uid", "hasPolicy", "partOf"})
"""Members of ODRL that do not make a node something else."""

Place = tuple[str, dict[str, Any]]
"""The class that a rule has by its place, and the rule as it is written out there."""


def check(document: Any) -> None:
    """Raises Malformed (`same-name`) if two places say different things about one name, in plain or expanded JSON."""
    known: dict[str, str] = {}
    for at, item in _objects(document, "", 0):
        if not (name := _name(item)) or not any(map(_tells, item)):
            continue
        said = json.dumps(item, sort_keys=True)
        if known.setdefault(name, said) != said:
            raise Malformed(at, "same-name")


def exclusive(places: Iterable[Sequence[Place]]) -> None:
    """A rule that stands where two classes of rules stand says so, and is then neither of them."""
    for same in places:
        if len(classes := {class_ for class_, _ in same}) > 1:
            for _, rule in same:
                rule["@type"] = sorted(classes | {str(one) for one in entries(rule.get("@type", []))})


def rules(document: Mapping[str, Any]) -> Iterable[list[Place]]:
    """The rules of a policy in wire form by their names, duties and what follows from them included."""
    found: dict[str, list[Place]] = {}
    waiting: list[Any] = [document]
    while waiting:
        for key, value in waiting.pop().items():
            if class_ := CLASSES.get(member(key), ""):
                below = [one for one in entries(value) if isinstance(one, dict)]
                waiting += below
                for one in below:
                    if name := _name(one):
                        found.setdefault(name, []).append((class_, one))
    return found.values()


def _objects(value: Any, at: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if depth > _DEPTH:
        return
    if isinstance(value, Mapping):
        yield at, value
        for key, item in value.items():
            yield from _objects(item, point(at, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, point(at, index), depth + 1)


def _name(item: Mapping[str, Any]) -> str:
    found = item.get("@id", item.get("uid", item.get("odrl:uid", "")))
    return found if isinstance(found, str) else ""


def _tells(key: str) -> bool:
    return (name := member(key)).isalnum() and name not in _ELSEWHERE

"""What Eclipse EDC makes of a policy on its way through: seen with 0.15.1 (spec/protocol.md 6.1).

Its own model has no place for `profile` and `conflict`, and keeps a right operand as text. So an EDC consumer asks for
an echo of the offer; yet it compares the agreement with the offer as its user took it from the catalogue, and accepts
nothing but that. The echo permits no more than the offer: a clash of rules voids it, and our terms are full IRIs.
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.kernel.policy.odrl.names import expand, member

_LOST = frozenset({"profile", "odrl:profile", "conflict", "odrl:conflict"})


def echo(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as an EDC consumer asks for it."""
    return {name: _through(value) for name, value in policy.items() if name not in _LOST}


def _through(value: Any) -> Any:
    if isinstance(value, list):
        return [_through(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _text(inner) if name == "rightOperand" else _through(inner) for name, inner in value.items()}
    return value


def _text(value: Any) -> Any:
    """Several right operands become one text, which is their expanded JSON."""
    if not isinstance(value, list) or len(value) < 2:
        return value
    expanded = [entry if isinstance(entry, dict) else {"@value": entry} for entry in value]
    return json.dumps(expanded, separators=(",", ":"), ensure_ascii=False)


class Preview(Struct, frozen=True):
    """What an EDC partner does not do with a policy: `lost` members it cannot keep, `unread` operands it drops."""

    lost: tuple[str, ...]
    unread: tuple[str, ...]
    clauses: int
    """How many conditions stand on operands that EDC does not evaluate."""


_KEPT = frozenset({"action", "constraint", "duty"})
_NO_RULE = frozenset({"@id", "@type", "uid"})
_POLICY_LOST = frozenset({"profile", "conflict"})


def preview(policy: Mapping[str, Any]) -> Preview:
    """What EDC makes of our terms: it removes every condition whose operand nobody bound (spec/policy.md 13.2).

    Of the operands that we write, a stock EDC has bound none; its own word for a period is `inForceDate`.
    """
    members = {member(name): value for name, value in policy.items()}
    lost = {name for name in _POLICY_LOST if name in members}
    operands: list[str] = []
    for kind in ("permission", "prohibition", "obligation"):
        for rule in _objects(members.get(kind)):
            named = {member(name): value for name, value in rule.items()}
            lost |= {name for name in named if name not in _KEPT | _NO_RULE}
            operands += _operands(rule)
    return Preview(tuple(sorted(lost)), tuple(dict.fromkeys(operands)), len(operands))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _operands(value: Any) -> list[str]:
    """The left operands below `value`, in order; level by level, so that depth costs no stack."""
    found, level = list[str](), [value]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                for name, inner in item.items():
                    if member(name) == "leftOperand":
                        text = inner.get("@id") if isinstance(inner, Mapping) else inner
                        found += [expand(text)] if isinstance(text, str) else []
                    below.append(inner)
            elif isinstance(item, list):
                below += item
        level = below
    return [name for name in found if name != _IN_FORCE]


_IN_FORCE = "https://w3id.org/edc/v0.0.1/ns/inForceDate"

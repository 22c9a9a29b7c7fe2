"""What Eclipse EDC makes of a policy on its way through: seen with 0.15.1 (dataspace-protocol.md 5.3).

Its own model has no place for `profile` and `conflict`, and keeps a right operand as text. So an EDC consumer asks for
an echo of the offer; yet it compares the agreement with the offer as its user took it from the catalogue, and accepts
nothing but that. The echo permits no more than the offer: a clash of rules voids it, and our terms are full IRIs.
"""

import json
from collections.abc import Mapping
from typing import Any

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

"""Sets in the OVAL suite: values in one text, with blanks between them, and `isPartOf` and `hasPart` as containment.

Our engine reads both operators along a vocabulary. Where an operand belongs to no vocabulary of ours OVAL means the
sets themselves: `isPartOf` holds if every value is among those of the policy, `hasPart` if all of those are there.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from connector.kernel.policy.odrl.names import ODRL, expand, member
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.reader import entries

SETS = frozenset({"hasPart", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf"})
_WITHIN = "urn:hanse:suite:within:"
"""Before an operand and a set: an operand of ours, `true` if all values of the operand are in that set."""


def containing(value: Any) -> Any:
    """The policy, with the sets of unregistered operands as lists, and their containment as our operators say it."""
    if isinstance(value, list):
        return [containing(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    names = {member(key): key for key in value if isinstance(key, str)}
    left = expand(str(value.get(names.get("leftOperand", ""), "")))
    operator = expand(str(value.get(names.get("operator", ""), ""))).removeprefix(ODRL)
    if not left or BUILT_IN.get(left) is not None or operator not in SETS:
        return {key: containing(item) for key, item in value.items()}
    wanted = _wanted(value.get(names.get("rightOperand", ""), []))
    changed = {names["operator"]: _OPERATORS.get(operator, operator), names["rightOperand"]: wanted}
    if operator == "isPartOf":
        inside = _WITHIN + "?".join(quote(text, safe="") for text in (left, *wanted))
        changed = {names["leftOperand"]: inside, names["operator"]: "eq", names["rightOperand"]: "true"}
    return {**value, **changed}


_OPERATORS = {"hasPart": "isAllOf"}


def within(name: str, said: Mapping[str, Sequence[str]]) -> list[str]:
    """What an operand of ours is, given the values of the others; empty if nobody says them, or for others."""
    if not name.startswith(_WITHIN):
        return []
    left, *wanted = map(unquote, name.removeprefix(_WITHIN).split("?"))
    actual = set(cells(said.get(left, [])))
    return [str(actual <= set(wanted)).lower()] if actual else []


def cells(texts: Sequence[str]) -> list[str]:
    """The values in these cells."""
    return [part for text in texts for part in text.split()]


def _wanted(right: Any) -> list[str]:
    found = [one.get("@id", one.get("@value", "")) if isinstance(one, Mapping) else one for one in entries(right)]
    return cells([str(one) for one in found])

"""Policies of any shape: the quick pass of the decoder never lets through what the named checks would refuse."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from connector.kernel.protocol import shape
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.jsonld.whole import ATOM, OFFER

GONE = object()
ODD = (
    GONE,
    None,
    1,
    True,
    "",
    "use",
    "eq",
    "term-lteq",
    [],
    [1],
    ["eq"],
    {},
    {"@id": "urn:x"},
    ATOM,
    [ATOM],
    [ATOM, {}],
)
NAMES = (
    "permission",
    "prohibition",
    "obligation",
    "action",
    "target",
    "constraint",
    "duty",
    "leftOperand",
    "operator",
    "rightOperand",
    "and",
    "andSequence",
    "or",
    "xone",
)


def test_what_the_quick_pass_takes_every_check_takes() -> None:
    """>> an offer in which any one member of any object is taken out, added, or of another kind << what is taken at
    once holds by each check, too; and some is taken, and some is not."""
    told = [(shape._usual(policy), holds(policy)) for policy in spoilt(OFFER)]
    assert [found for found in told if found == (True, False)] == []
    assert {(True, True), (False, False)} <= set(told)


def test_what_we_write_takes_the_quick_pass() -> None:
    """>> an offer with conditions that are joined, a duty, a prohibition and an obligation << nobody walks it."""
    assert shape._usual(OFFER)


def holds(policy: dict[str, Any]) -> bool:
    try:
        for name in ("permission", "prohibition", "obligation"):
            shape.items(policy, name, "", shape._rule)
    except Malformed:
        return False
    return True


def spoilt(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number in range(len(objects(value))):
        for name in NAMES:
            for odd in ODD:
                copy = deepcopy(value)
                place = objects(copy)[number]
                place.pop(name, None)
                if odd is not GONE:
                    place[name] = odd
                yield copy


def objects(value: object) -> list[dict[str, Any]]:
    """Every object in it, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(one for item in inner for one in objects(item))]

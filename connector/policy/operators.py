"""The twelve ODRL operators on typed values, and the logical ones on four states (policy.md 3.1, 3.2, 3.7).

Comparisons answer True, False or None for "cannot be known". A state is "yes", "no", "unknown" or "deferred" (only a
later phase can decide); deferred clauses neither refuse nor satisfy.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

from .model import Closure
from .values import Span

State = Literal["yes", "no", "unknown", "deferred"]

COMPARE: Mapping[str, Callable[[int, Span], bool]] = {
    "eq": lambda actual, span: span.start <= actual < span.end,
    "neq": lambda actual, span: not span.start <= actual < span.end,
    "lt": lambda actual, span: actual < span.start,
    "lteq": lambda actual, span: actual < span.end,
    "gt": lambda actual, span: actual >= span.end,
    "gteq": lambda actual, span: actual >= span.start,
}
EDGES: Mapping[str, Callable[[Span], tuple[int, ...]]] = {
    "eq": lambda span: (span.start, span.end),
    "neq": lambda span: (span.start, span.end),
    "lt": lambda span: (span.start,),
    "lteq": lambda span: (span.end,),
    "gt": lambda span: (span.end,),
    "gteq": lambda span: (span.start,),
}
"""Where the answer of a comparison flips: the first value with the new answer."""

Texts = frozenset[str]


def _any(answers: Collection[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _within(actual: Texts, wanted: Texts, closure: Closure) -> bool | None:
    return _any([closure.within(part, whole) for part in actual for whole in wanted])


def _has_parts(actual: Texts, wanted: Texts, closure: Closure) -> bool | None:
    found = [_any([closure.within(part, whole) for whole in actual]) for part in wanted]
    return False if False in found else None if None in found else True


BELONG: Mapping[str, Callable[[Texts, Texts, Closure], bool | None]] = {
    "eq": lambda actual, wanted, _: actual == wanted,
    "neq": lambda actual, wanted, _: not actual & wanted,
    "isAnyOf": lambda actual, wanted, _: bool(actual & wanted),
    "isNoneOf": lambda actual, wanted, _: not actual & wanted,
    "isAllOf": lambda actual, wanted, _: wanted <= actual,
    "isA": _within,
    "isPartOf": _within,
    "hasPart": _has_parts,
}


def every(states: Collection[State]) -> State:
    """Kleene `and`; unknown outweighs deferred, because a later phase will not make it known."""
    for state in ("no", "unknown", "deferred"):
        if state in states:
            return state
    return "yes"


def some(states: Collection[State]) -> State:
    """Kleene `or`; deferred outweighs unknown, because a later phase may still satisfy it."""
    for state in ("yes", "deferred", "unknown"):
        if state in states:
            return state
    return "no"


def exactly_one(states: Collection[State]) -> State:
    """`xone`: unknown (or deferred) as long as the number of satisfied clauses could still be one."""
    satisfied = sum(state == "yes" for state in states)
    if satisfied > 1:
        return "no"
    for state in ("unknown", "deferred"):
        if state in states:
            return state
    return "yes" if satisfied else "no"


COMBINE: Mapping[str, Callable[[Collection[State]], State]] = {
    "and": every,
    "andSequence": every,
    "or": some,
    "xone": exactly_one,
}
"""`andSequence` is read as `and`: there are no timestamps of satisfaction to check the order against."""

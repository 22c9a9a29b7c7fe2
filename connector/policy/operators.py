"""The twelve ODRL operators on typed values, and the logical ones on four states (policy.md 3.1, 3.2, 3.7).

Comparisons answer True, False or None for "cannot be known". A state is "yes", "no", "unknown" or "deferred" (only a
later phase can decide); deferred clauses neither refuse nor satisfy.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

from .model import Closure
from .values import Span

State = Literal["yes", "no", "unknown", "deferred"]

NO, UNKNOWN, DEFERRED, YES = range(4)
"""The states as numbers, so ordered that `and` is the least and `or` the greatest of them."""
STATES: tuple[State, ...] = ("no", "unknown", "deferred", "yes")
RANK: Mapping[State, int] = {state: number for number, state in enumerate(STATES)}

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
_NONE: Texts = frozenset()


def _within(actual: Texts, wanted: Texts, closure: Closure) -> bool | None:
    """Whether one of `wanted` contains one of `actual`, itself or by the vocabulary; linear in both."""
    if actual & wanted:
        return True
    known = closure.above
    for part in actual:
        if any(whole in known for whole in known.get(part, _NONE) & wanted):
            return True
    if not actual or not wanted:
        return False
    return False if actual <= known.keys() and wanted <= known.keys() else None


def _has_parts(actual: Texts, wanted: Texts, closure: Closure) -> bool | None:
    """Whether every one of `wanted` lies in one of `actual`."""
    if not actual:
        return not wanted
    strangers = not actual <= closure.above.keys()
    open_ = False
    for part in wanted - actual:
        above = closure.above.get(part)
        if above is not None and any(whole in closure.above for whole in above & actual):
            continue
        if above is not None and not strangers:
            return False
        open_ = True
    return None if open_ else True


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


def one_of(states: Collection[int]) -> int:
    """`xone` over states as numbers."""
    satisfied = 0
    least = YES
    for state in states:
        if state == YES:
            satisfied += 1
        elif state and state < least:
            least = state
    if satisfied > 1:
        return NO
    return least if least < YES else YES if satisfied else NO


COMBINE: Mapping[str, Callable[[Collection[State]], State]] = {
    "and": every,
    "andSequence": every,
    "or": some,
    "xone": exactly_one,
}
"""`andSequence` is read as `and`: there are no timestamps of satisfaction to check the order against."""

"""The twelve ODRL operators on typed values, and the logical ones on four states (spec/policy.md 2.7, 3.2).

Comparisons answer True, False or None for "cannot be known". A state is "yes", "no", "unknown" or "deferred" (only a
later phase can decide); deferred clauses neither refuse nor satisfy.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

from connector.kernel.policy.odrl.identifiers import Names
from connector.kernel.policy.odrl.values import Span

State = Literal["yes", "no", "unknown", "deferred"]

NO, UNKNOWN, DEFERRED, YES = range(4)
"""The states as numbers, so ordered that `and` is the least and `or` the greatest of them."""
STATES: tuple[State, ...] = ("no", "unknown", "deferred", "yes")
RANK: Mapping[State, int] = {state: number for number, state in enumerate(STATES)}

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
Belong = Callable[[Texts, Texts, Names], bool | None]


def _equal(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    """Exactly the wanted ones; surely not if one element is surely another."""
    if actual == wanted:
        return True
    if not actual:
        return False if names.apart((), wanted) else None
    return False if any(names.apart((one,), wanted) for one in actual) else None


def _any_of(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    if actual & wanted:
        return True
    return False if names.apart(actual, wanted) else None


def _none_of(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    found = _any_of(actual, wanted, names)
    return None if found is None else not found


def _all_of(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    if wanted <= actual:
        return True
    return False if any(names.apart((one,), actual) for one in wanted) else None


def _within(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    """Whether one of `wanted` contains one of `actual`, itself or by the vocabulary; linear in both."""
    if actual & wanted:
        return True
    whole = frozenset(filter(names.placed, wanted))
    if any(names.placed(part) and names.closure.above[part] & whole for part in actual):
        return True
    if not actual or not wanted:
        return False
    return False if whole == wanted and all(map(names.placed, actual)) else None


def _has_parts(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    """Whether every one of `wanted` lies in one of `actual`."""
    if not actual:
        return not wanted
    wholes = frozenset(filter(names.placed, actual))
    strangers = wholes != actual
    open_ = False
    for part in wanted - actual:
        above = names.closure.above[part] if names.placed(part) else None
        if above is not None and above & wholes:
            continue
        if above is not None and not strangers:
            return False
        open_ = True
    return None if open_ else True


BELONG: Mapping[str, Belong] = {
    "eq": _equal,
    "neq": _none_of,
    "isAnyOf": _any_of,
    "isNoneOf": _none_of,
    "isAllOf": _all_of,
    "isA": _within,
    "isPartOf": _within,
    "hasPart": _has_parts,
}
"""What is asked of a set as a whole: `eq` wants exactly that one, `neq` and `isNoneOf` that none is among them."""


def _another(actual: Texts, wanted: Texts, names: Names) -> bool | None:
    """Whether one element at least is none of these; true of nothing at all, too."""
    if not actual or any(names.apart((one,), wanted) for one in actual):
        return True if names.apart((), wanted) else None
    return False if actual <= wanted else None


BELONG_ANY: Mapping[str, Belong] = {**BELONG, "eq": _any_of, "neq": _another, "isNoneOf": _another}
"""The same where it is enough that one element meets it: in prohibitions, and in what says that a duty applies."""

_SETTLED = frozenset({"isAnyOf", "isA", "isPartOf"})


def puzzled(operator: str, answer: bool | None) -> bool | None:
    """The answer if the right operand also has names that nobody understands: only what they cannot change."""
    return answer if answer is (operator in _SETTLED) else None


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

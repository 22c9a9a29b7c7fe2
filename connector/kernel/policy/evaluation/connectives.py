"""Several clauses as one: `and`, `or`, `xone` over compiled clauses, and over states as numbers (spec/policy.md 2.7).

Each is there twice, because unknown counts as not met in a permission and as met in a prohibition. What a later phase
decides may satisfy the one and contradict the other; so neither is decided against a request before it (5.3).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.ranges import Ranges, joined
from connector.kernel.policy.odrl.operators import DEFERRED, NO, UNKNOWN, YES, one_of
from connector.kernel.policy.odrl.state_of_world import World

Check = Callable[[World], int]
Show = Callable[[World], Node]


class Piece(NamedTuple):
    """A compiled clause. `cost` is a rough number of steps; `ranges` are there if it only asks for one number."""

    check: Check
    show: Show
    cost: int
    ranges: Ranges | None = None


def constant(state: int) -> Check:
    """A check that always gives this state."""
    return lambda _world: state


# ---- states as numbers

COMBINED: Mapping[str, Callable[[Sequence[int]], int]] = {"and": min, "andSequence": min, "or": max, "xone": one_of}
"""The connectives over states as numbers."""

_SURE = (NO, DEFERRED, UNKNOWN, YES).index
"""Where unknown counts as met (prohibitions, duties) a state stands the higher, the less a later phase can make a no
of it: unknown stays unknown, deferred may become anything."""


def surely_all(states: Sequence[int]) -> int:
    """`and` where unknown counts as met: what a later phase decides may still make a no of it."""
    return min(states, key=_SURE, default=YES)


def surely(states: Sequence[int]) -> int:
    """`or` where unknown counts as met: what a later phase decides cannot make a no of it."""
    return max(states, key=_SURE, default=NO)


def surely_one(states: Sequence[int]) -> int:
    """`xone` where unknown counts as met: no as soon as two hold, so a second that is decided later leaves it open."""
    satisfied, later = states.count(YES), states.count(DEFERRED)
    if satisfied > 1:
        return NO
    if satisfied + later > 1:
        return DEFERRED
    if UNKNOWN in states:
        return UNKNOWN
    return DEFERRED if later else YES if satisfied else NO


FORBIDDING: Mapping[str, Callable[[Sequence[int]], int]] = {
    "and": surely_all,
    "andSequence": surely_all,
    "or": surely,
    "xone": surely_one,
}
"""The same where unknown counts as met."""


# ---- compiled clauses


def _nothing(_world: World) -> Node:
    raise AssertionError


def _fused(pieces: Sequence[Piece], union: bool) -> list[Piece]:
    """Clauses about the same number become one, the cheap ones come first."""
    alike: dict[object, list[Piece]] = {}
    for number, piece in enumerate(pieces):
        alike.setdefault(piece.ranges.key if piece.ranges else number, []).append(piece)
    found: list[Piece] = []
    for group in alike.values():
        several = [piece.ranges for piece in group if piece.ranges]
        if len(several) < 2:
            found += group
        else:
            one = joined(several, union)
            found.append(Piece(one.check(one.known), _nothing, 2, one))
    return sorted(found, key=lambda piece: piece.cost)


def both(pieces: Sequence[Piece]) -> Piece:
    """All of these; the tree is made by the caller."""
    return _all_of(_fused(pieces, union=False))


def in_order(pieces: Sequence[Piece]) -> Piece:
    """All of these, asked in the given order: nobody knows when each came to hold (spec/policy.md 2.7)."""
    return _all_of(pieces)._replace(ranges=None)


def _all_of(pieces: Sequence[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    checks = tuple(piece.check for piece in pieces)

    def check(world: World) -> int:
        least = YES
        for one in checks:
            state = one(world)
            if state < least:
                if not state:
                    return NO
                least = state
        return least

    return Piece(check, _nothing, 1 + sum(piece.cost for piece in pieces))


def surely_both(pieces: Sequence[Piece]) -> Piece:
    """All of these where unknown counts as met."""
    found = _fused(pieces, union=False)
    if len(found) == 1:
        return found[0]
    checks = tuple(piece.check for piece in found)

    def check(world: World) -> int:
        least = YES
        for one in checks:
            state = one(world)
            if not state:
                return NO
            if state == DEFERRED or least == YES:
                least = state
        return least

    return Piece(check, _nothing, 1 + sum(piece.cost for piece in found))


def either(pieces: Sequence[Piece]) -> Piece:
    """One of these at least."""
    found = _fused(pieces, union=True)
    if len(found) == 1:
        return found[0]
    checks = tuple(piece.check for piece in found)

    def check(world: World) -> int:
        most = NO
        for one in checks:
            state = one(world)
            if state > most:
                if state == YES:
                    return YES
                most = state
        return most

    return Piece(check, _nothing, 1 + sum(piece.cost for piece in found))


def surely_either(pieces: Sequence[Piece]) -> Piece:
    """One of these at least where unknown counts as met."""
    checks = tuple(piece.check for piece in _fused(pieces, union=True))
    one = either(pieces)
    if len(checks) == 1:
        return one

    def check(world: World) -> int:
        most = NO
        for each in checks:
            state = each(world)
            if state == YES:
                return YES
            if state == UNKNOWN or most == NO:
                most = state
        return most

    return one._replace(check=check)


def exactly(pieces: Sequence[Piece], combine: Callable[[Sequence[int]], int]) -> Piece:
    """One of these, as `combine` counts (`one_of`, `surely_one`)."""
    checks = tuple(piece.check for piece in pieces)
    return Piece(
        lambda world: combine([check(world) for check in checks]), _nothing, 1 + sum(piece.cost for piece in pieces)
    )

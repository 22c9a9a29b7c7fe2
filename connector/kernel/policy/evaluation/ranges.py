"""Comparisons of one number as sets of half-open ranges, so that many of them over the same operand cost one look-up.

A set is a sorted tuple of edges: inside from an odd edge up to but not including the next. `-inf` opens at the bottom,
a missing last edge leaves the top open.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import inf
from typing import NamedTuple

from connector.kernel.policy.odrl.operators import NO, UNKNOWN, YES
from connector.kernel.policy.odrl.state_of_world import Value, World
from connector.kernel.policy.odrl.values import Span

Edges = tuple[float, ...]
Key = tuple[str, str, str]


def _unknown(_world: World) -> Value:
    return None


class Ranges(NamedTuple):
    """Where a comparison holds; `key` names operand, unit and window, `known` looks the number up."""

    edges: Edges
    key: Key = ("", "", "")
    known: Callable[[World], Value] = _unknown

    def holds(self, actual: int) -> bool:
        return bisect_right(self.edges, actual) % 2 == 1

    def check(self, known: Callable[[World], Value]) -> Callable[[World], int]:
        """The state for what is known; one range is compared, several are looked up."""
        match self.edges:
            case (low, high) if low != -inf:
                return _between(low, high, known)
            case (_, high):
                return _below(high, known)
            case edges:
                return _among(edges, known)


def _between(low: float, high: float, known: Callable[[World], Value]) -> Callable[[World], int]:
    def check(world: World) -> int:
        actual = known(world)
        if type(actual) is not int:
            return UNKNOWN
        return YES if low <= actual < high else NO

    return check


def _below(high: float, known: Callable[[World], Value]) -> Callable[[World], int]:
    def check(world: World) -> int:
        actual = known(world)
        if type(actual) is not int:
            return UNKNOWN
        return YES if actual < high else NO

    return check


def _among(edges: Edges, known: Callable[[World], Value]) -> Callable[[World], int]:
    def check(world: World) -> int:
        actual = known(world)
        if type(actual) is not int:
            return UNKNOWN
        return YES if bisect_right(edges, actual) % 2 else NO

    return check


def ranges(operator: str, right: object, key: Key = ("", "", "")) -> Ranges | None:
    """The numbers for which the comparison with `right` holds; None if it is no comparison of numbers."""
    if not isinstance(right, Span):
        return None
    start, end = right
    edges: dict[str, Edges] = {
        "eq": (start, end),
        "neq": (-inf, start, end),
        "lt": (-inf, start),
        "lteq": (-inf, end),
        "gt": (end,),
        "gteq": (start,),
    }
    return Ranges(edges[operator], key) if operator in edges else None


def _turned(edges: Edges) -> Edges:
    """The complement."""
    return edges[1:] if edges[:1] == (-inf,) else (-inf, *edges)


def _union(sets: Iterable[Edges]) -> Edges:
    parts = sorted((low, high) for edges in sets for low, high in list(pairwise((*edges, inf)))[::2] if low < high)
    found: list[float] = []
    for low, high in parts:
        if found and low <= found[-1]:
            found[-1] = max(found[-1], high)
        else:
            found += (low, high)
    return tuple(found[:-1] if found and found[-1] == inf else found)


def joined(sets: list[Ranges], union: bool) -> Ranges:
    """Where at least one of these holds, or all of them; all about the same number. Linear but for one sort."""
    edges = [one.edges for one in sets]
    found = _union(edges) if union else _turned(_union(map(_turned, edges)))
    return sets[0]._replace(edges=found)

"""Who shares what with whom among participants that somebody may look at: edges of contracts in force, and where a
picture puts the members. Pure.
"""

from collections.abc import Iterable, Sequence
from math import cos, pi, sin
from typing import Final

from msgspec import Struct

MOST: Final = 60
"""Members in a picture; the table has all."""
_RADIUS_X: Final = 42.0
_RADIUS_Y: Final = 42.0


class Bond(Struct, frozen=True, kw_only=True):
    """A contract in force: who gives (`provider`) and who gets (`consumer`), both DIDs."""

    agreement: str
    provider: str
    consumer: str
    title: str


class Edge(Struct, frozen=True, kw_only=True):
    """All contracts in one direction; `titles` of what is shared, without doubles."""

    provider: str
    consumer: str
    contracts: int
    titles: tuple[str, ...]


class Place(Struct, frozen=True, kw_only=True):
    """Where a member stands, in percent of width and height. `own`: one of those that are looked at."""

    did: str
    number: int
    x: float
    y: float
    own: bool


def edges(bonds: Iterable[Bond]) -> list[Edge]:
    """The most contracts first; one that both sides of a process have is counted once."""
    known = {bond.agreement: bond for bond in bonds}
    found: dict[tuple[str, str], list[Bond]] = {}
    for bond in known.values():
        found.setdefault((bond.provider, bond.consumer), []).append(bond)
    made = [
        Edge(
            provider=provider,
            consumer=consumer,
            contracts=len(held),
            titles=tuple(sorted({bond.title for bond in held if bond.title})),
        )
        for (provider, consumer), held in found.items()
    ]
    return sorted(made, key=lambda edge: (-edge.contracts, edge.provider, edge.consumer))


def places(found: Sequence[Edge], own: Sequence[str]) -> list[Place]:
    """Those with the most contracts, the own ones always, on a circle; one alone stands in the middle."""
    weight: dict[str, int] = dict.fromkeys(own, 0)
    for edge in found:
        for did in (edge.provider, edge.consumer):
            weight[did] = weight.get(did, 0) + edge.contracts
    mine = set(own)
    chosen = sorted(weight, key=lambda did: (did not in mine, -weight[did], did))[:MOST]
    if len(chosen) == 1:
        return [Place(did=chosen[0], number=1, x=50, y=50, own=chosen[0] in mine)]
    return [
        Place(
            did=did,
            number=number + 1,
            own=did in mine,
            x=round(50 + _RADIUS_X * sin(2 * pi * number / len(chosen)), 2),
            y=round(50 - _RADIUS_Y * cos(2 * pi * number / len(chosen)), 2),
        )
        for number, did in enumerate(chosen)
    ]

"""Regions of requests: what one operand may be, described exactly, and whether such descriptions leave anything over.

A `Leaf` says of one operand: its value lies in these spans, or contains or consists only of these classes of concepts,
or (`others`) it has no value at all. The complement of a leaf is a leaf and the overlap of leaves is one `Room`, so
that nothing is ever estimated (spec/policy.md 12.3).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

ABSENT, BOUND = 1, 2
"""Ways to have no value: nobody knows it; or (a purpose) nobody declared it and the peer is bound to those agreed."""

LOW, HIGH = -(2**80), 2**80
"""Beyond every number that a policy can name."""

Spans = tuple[tuple[int, int], ...]
"""Half-open, in order, apart from each other."""

ALL: Spans = ((LOW, HIGH),)


class Dimension(NamedTuple):
    """One thing that a request decides. `window` and `unit` keep apart what must not be compared.

    `single`: a set of exactly one text. `others` are the ways in which it may have no value. `low` is the smallest
    number it can be.
    """

    name: str
    unit: str = ""
    window: str = ""
    single: bool = False
    others: int = ABSENT
    low: int = LOW


class Leaf(NamedTuple):
    """`others` allow it without value; `spans` are for numbers, `mask` (a bit per class of concepts) for sets."""

    dimension: Dimension
    kind: Literal["in", "has", "only"]
    spans: Spans = ()
    mask: int = 0
    full: int = 0
    """All classes of the dimension."""
    others: int = 0

    def denied(self) -> "Leaf":
        """The leaf that holds exactly where this one does not."""
        others = self.dimension.others & ~self.others
        if self.kind == "in":
            return self._replace(spans=complement(self.spans), others=others)
        turned: Literal["has", "only"] = "only" if self.kind == "has" else "has"
        return self._replace(kind=turned, mask=self.full & ~self.mask, others=others)


class Room(NamedTuple):
    """What is left of one dimension when all its leaves hold."""

    others: int
    spans: Spans = ALL
    only: int = -1
    has: tuple[int, ...] = ()

    def valued(self, single: bool) -> bool:
        """Whether some value is left."""
        if not self.spans:
            return False
        if single:
            return self.one() != 0
        return all(mask & self.only for mask in self.has)

    def one(self) -> int:
        """The classes of which a set of one element may be."""
        left = self.only
        for mask in self.has:
            left &= mask
        return left


Box = Mapping[Dimension, Room]


def complement(spans: Spans) -> Spans:
    edges = [LOW, *(edge for span in spans for edge in span), HIGH]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start, end) for start, end in pairs if start < end)


def overlap(left: Spans, right: Spans) -> Spans:
    found = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return tuple(sorted((start, end) for start, end in found if start < end))


def narrowed(box: Box, leaf: Leaf) -> Room | None:
    """What is left of the leaf's dimension in the box if the leaf holds as well; None if nothing is."""
    dimension = leaf.dimension
    room = box.get(dimension)
    if room is None:
        room = Room(dimension.others, ((dimension.low, HIGH),))
    others = room.others & leaf.others
    if leaf.kind == "in":
        room = room._replace(others=others, spans=overlap(room.spans, leaf.spans))
    elif leaf.kind == "only":
        room = room._replace(others=others, only=room.only & leaf.mask)
    else:
        room = room._replace(others=others, has=(*room.has, leaf.mask) if leaf.mask not in room.has else room.has)
    return room if others or room.valued(dimension.single) else None

"""The Merkle tree of RFC 9162 (section 2.1): roots, proofs, and a frontier that grows without its old leaves.

Pure. Leaves are leaf hashes. Proofs ask for full subtrees only, wherever those are kept; what they prove is
`verify.merkle`, which the offline verifier shares.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from connector.verify.formats.merkle import EMPTY, leaf_hash, node_hash, verify_consistency, verify_inclusion

__all__ = ["EMPTY", "Frontier", "Tree", "leaf_hash", "node_hash", "verify_consistency", "verify_inclusion"]

HASH_BYTES = 32
TILE_HEIGHT = 8
Full = Callable[[int, int], bytes]
"""(start, length) -> root of the full subtree there; `length` is a power of two that divides `start`."""


class Node(NamedTuple):
    """The root of a full subtree of `256 ** level` leaves, the `place`-th of its level (C2SP tlog-tiles)."""

    level: int
    place: int
    hash: bytes


class Frontier(NamedTuple):
    """The roots of the largest full subtrees, left to right: all that is needed to append and to know the root."""

    size: int
    hashes: tuple[bytes, ...]

    def append(self, leaves: Iterable[bytes], grown: list[Node] | None = None) -> "Frontier":
        """The frontier with these leaf hashes behind; `grown` takes the nodes above level 0 that this completes."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaves:
            node, place, height = leaf, size, 0
            while place & 1:
                node, place, height = node_hash(stack.pop(), node), place >> 1, height + 1
                if grown is not None and height % TILE_HEIGHT == 0:
                    grown.append(Node(height // TILE_HEIGHT, place, node))
            stack.append(node)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The tree's root hash."""
        if not self.hashes:
            return EMPTY
        *rest, node = self.hashes
        for left in reversed(rest):
            node = node_hash(left, node)
        return node

    def pack(self) -> bytes:
        """The hashes in one piece, for the database."""
        return b"".join(self.hashes)

    @staticmethod
    def unpack(size: int, packed: bytes) -> "Frontier":
        """The frontier of `size` leaves from what `pack` gave."""
        starts = range(0, len(packed), HASH_BYTES)
        return Frontier(size, tuple(packed[start : start + HASH_BYTES] for start in starts))


NOTHING = Frontier(0, ())


class Tree:
    """A tree over all its leaves that keeps every full subtree, so a proof costs a walk and not a rebuild."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = range(0, len(below) - 1, 2)
            self._levels.append([node_hash(below[left], below[left + 1]) for left in pairs])

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves."""
        end = self.size if size is None else size
        return _span(self.full, 0, end) if end else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """PATH(index, first `size` leaves)."""
        return inclusion(self.full, index, self.size if size is None else size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """PROOF(old, first `new` leaves)."""
        return consistency(self.full, old, self.size if new is None else new)

    def full(self, start: int, length: int) -> bytes:
        """Root of the full subtree there (`Full`)."""
        return self._levels[length.bit_length() - 1][start // length]


def inclusion(full: Full, index: int, size: int) -> list[bytes]:
    """PATH(index, first `size` leaves): the siblings from the leaf up (2.1.3.1)."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(full, middle, end))
            end = middle
        else:
            path.append(_span(full, start, middle))
            start = middle
    return path[::-1]


def consistency(full: Full, old: int, new: int) -> list[bytes]:
    """PROOF(old, first `new` leaves) (2.1.4.1); empty where nothing has to be proven."""
    return [] if old in (0, new) else _subproof(full, old, 0, new, True)


def _subproof(full: Full, old: int, start: int, end: int, known: bool) -> list[bytes]:
    if start + old == end:
        return [] if known else [_span(full, start, end)]
    half = _split(end - start)
    if old <= half:
        return [*_subproof(full, old, start, start + half, known), _span(full, start + half, end)]
    return [*_subproof(full, old - half, start + half, end, False), _span(full, start, start + half)]


def _span(full: Full, start: int, end: int) -> bytes:
    length = end - start
    if length & (length - 1) == 0:
        return full(start, length)
    middle = start + _split(length)
    return node_hash(_span(full, start, middle), _span(full, middle, end))


def _split(length: int) -> int:
    """The largest power of two smaller than `length`."""
    return 1 << ((length - 1).bit_length() - 1)

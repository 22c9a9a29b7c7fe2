"""The tree as C2SP tlog-tiles: 256 hashes wide, from leaves and from kept roots of full subtrees (contracts.md 16.2).

Any tile costs at most 256 rows and any proof some thousand, however large the log. There are no entry bundles: leaves
are salted and tell nothing; records reach those whom they concern in bundles.
"""

import re
from collections.abc import Iterable

import msgspec

from connector.audit import merkle
from connector.audit.merkle import HASH_BYTES, TILE_HEIGHT, Node
from connector.errors import Defect, Unknown
from connector.storage.database import Tx

WIDTH = 1 << TILE_HEIGHT
HIGHEST = 63
_PLACE = re.compile(r"(?:x[0-9]{3}/){0,4}[0-9]{3}")
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")
_LEVEL = re.compile(r"0|[1-9][0-9]?")


class Tile(msgspec.Struct, frozen=True):
    """The `place`-th tile of a level, or its first `width` hashes."""

    level: int
    place: int
    width: int


def named(level: str, path: str) -> Tile:
    """The tile that a path like `x001/067.p/112` names at its level; Unknown for any other spelling."""
    place, partial, width = path.partition(".p/")
    number = "".join(place.split("/")).replace("x", "")
    if not _LEVEL.fullmatch(level) or int(level) > HIGHEST or not _PLACE.fullmatch(place):
        raise Unknown("log.no-tile")
    if len(number) > 3 and number.startswith("000"):
        raise Unknown("log.no-tile")
    if partial and (not _WIDTH.fullmatch(width) or int(width) >= WIDTH):
        raise Unknown("log.no-tile")
    return Tile(int(level), int(number), int(width) if partial else WIDTH)


def read(tx: Tx, participant: str, tile: Tile, size: int) -> bytes:
    """The tile's hashes one after the other, if they lie within the first `size` leaves; Unknown if not all do."""
    first = tile.place * WIDTH
    if first + tile.width > size >> (TILE_HEIGHT * tile.level):
        raise Unknown("log.no-tile")
    return b"".join(_hashes(tx, participant, tile.level, first, tile.width))


def consistency(tx: Tx, participant: str, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with that of `old`."""
    return merkle.consistency(_Kept(tx, participant).full, old, new)


def inclusion(tx: Tx, participant: str, index: int, size: int) -> list[bytes]:
    """The proof that a leaf stands in the tree of `size` leaves."""
    return merkle.inclusion(_Kept(tx, participant).full, index, size)


def keep(tx: Tx, participant: str, nodes: Iterable[Node]) -> None:
    """Store what a batch completed, in the transaction that numbers its entries."""
    for node in nodes:
        tx.run(
            "INSERT INTO log_node (participant, level, place, hash) VALUES (:participant, :level, :place, :hash)"
            " ON CONFLICT DO NOTHING",
            participant=participant,
            level=node.level,
            place=node.place,
            hash=node.hash,
        )


def lacking(tx: Tx, participant: str, size: int) -> bool:
    """Whether nodes over the first `size` leaves are not kept: the log was sealed before they were."""
    level = 1
    while (wanted := size >> (TILE_HEIGHT * level)) > 0:
        if _kept(tx, participant, level) < wanted:
            return True
        level += 1
    return False


def complete(tx: Tx, participant: str, size: int, most: int = 64) -> bool:
    """Makes up for `most` such nodes at a time (256 times as many rows); True when none is left."""
    left, level = most, 1
    while (wanted := size >> (TILE_HEIGHT * level)) > 0:
        kept = _kept(tx, participant, level)
        until = min(wanted, kept + left)
        for place in range(kept, until):
            below = _hashes(tx, participant, level - 1, place * WIDTH, WIDTH)
            keep(tx, participant, [Node(level, place, _folded(below))])
        left -= max(0, until - kept)
        if until < wanted:
            return False
        level += 1
    return True


def _kept(tx: Tx, participant: str, level: int) -> int:
    """How many nodes of a level are kept: they come one after the other, and none goes."""
    row = tx.one(
        "SELECT MAX(place) AS last FROM log_node WHERE participant = :participant AND level = :level",
        participant=participant,
        level=level,
    )
    return 0 if row is None or row["last"] is None else int(row["last"]) + 1


class _Kept:
    """Full subtrees from the rows of the level below them."""

    def __init__(self, tx: Tx, participant: str) -> None:
        self._tx, self._participant = tx, participant

    def full(self, start: int, length: int) -> bytes:
        level, rest = divmod(length.bit_length() - 1, TILE_HEIGHT)
        unit = 1 << (TILE_HEIGHT * level)
        return _folded(_hashes(self._tx, self._participant, level, start // unit, 1 << rest))


def _hashes(tx: Tx, participant: str, level: int, first: int, count: int) -> list[bytes]:
    """`count` neighbours of a level; Defect `audit.gap` if rows are gone."""
    if level == 0:
        rows = tx.all(
            "SELECT leaf AS hash, leaf_index AS place FROM audit_entry WHERE participant = :participant"
            " AND leaf_index >= :first AND leaf_index < :end ORDER BY leaf_index",
            participant=participant,
            first=first,
            end=first + count,
        )
    else:
        rows = tx.all(
            "SELECT hash, place FROM log_node WHERE participant = :participant AND level = :level"
            " AND place >= :first AND place < :end ORDER BY place",
            participant=participant,
            level=level,
            first=first,
            end=first + count,
        )
    if len(rows) != count:
        missing = next((at for at, row in enumerate(rows, first) if row["place"] != at), first + len(rows))
        raise Defect("audit.gap", index=missing << (TILE_HEIGHT * level))
    return [merkle.leaf_hash(row["hash"]) if level == 0 else bytes(row["hash"]) for row in rows]


def _folded(hashes: list[bytes]) -> bytes:
    """The root over a power of two of neighbours."""
    while len(hashes) > 1:
        hashes = [merkle.node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    assert len(hashes[0]) == HASH_BYTES
    return hashes[0]

"""The tree as C2SP tlog-tiles: 256 hashes wide, from leaves and from kept roots of full subtrees (spec/records.md 2.4).

Any tile costs at most 256 rows and any proof some thousand, however large the log. There are no entry bundles: leaves
are salted and tell nothing; records reach those whom they concern in bundles.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from connector.foundation.errors import Defect, Unknown
from connector.foundation.storage.at_rest import at_rest
from connector.foundation.storage.database import Row, Tx, long
from connector.identity.audit import merkle
from connector.identity.audit.merkle import HASH_BYTES, TILE_HEIGHT, Node

WIDTH = 1 << TILE_HEIGHT
HIGHEST = 63
MOST_TILES = 256
"""Held at once for proofs: some 8 MB."""
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
    return Proofs(tx, participant).consistency(old, new)


class Proofs:
    """Proofs of one log within one transaction: a tile that several of them need is read once.

    Some two tiles per level and proof, and the proofs of neighbours share theirs. At most `MOST_TILES` are held.
    """

    def __init__(self, tx: Tx, participant: str) -> None:
        self._tx, self._participant = tx, participant
        self._held: OrderedDict[tuple[int, int], merkle.Tree] = OrderedDict()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """That the leaf `index` stands in the tree of `size` leaves; Defect `audit.gap` if rows are gone."""
        return merkle.inclusion(self._full, index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """That the tree of `new` leaves begins with that of `old`; Defect `audit.gap` if rows are gone."""
        return merkle.consistency(self._full, old, new)

    def _full(self, start: int, length: int) -> bytes:
        level, rest = divmod(length.bit_length() - 1, TILE_HEIGHT)
        place, first = divmod(start >> (TILE_HEIGHT * level), WIDTH)
        tile, count = self._tile(level, place), 1 << rest
        if first + count > tile.size:
            raise Defect("audit.gap", index=(place * WIDTH + tile.size) << (TILE_HEIGHT * level))
        return tile.full(first, count)

    def _tile(self, level: int, place: int) -> merkle.Tree:
        known = self._held.get((level, place))
        if known is None:
            rows = _rows(self._tx, self._participant, level, place * WIDTH, WIDTH)
            known = self._held[level, place] = merkle.Tree(_neighbours(rows, level, place * WIDTH))
        self._held.move_to_end((level, place))
        if len(self._held) > MOST_TILES:
            self._held.popitem(last=False)
        return known


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


@long
@at_rest
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


def _hashes(tx: Tx, participant: str, level: int, first: int, count: int) -> list[bytes]:
    """`count` neighbours of a level; Defect `audit.gap` if rows are gone."""
    found = _neighbours(_rows(tx, participant, level, first, count), level, first)
    if len(found) != count:
        raise Defect("audit.gap", index=(first + len(found)) << (TILE_HEIGHT * level))
    return found


def _rows(tx: Tx, participant: str, level: int, first: int, count: int) -> list[Row]:
    if level == 0:
        return tx.all(
            "SELECT leaf AS hash, leaf_index AS place FROM audit_entry WHERE participant = :participant"
            " AND leaf_index >= :first AND leaf_index < :end ORDER BY leaf_index",
            participant=participant,
            first=first,
            end=first + count,
        )
    return tx.all(
        "SELECT hash, place FROM log_node WHERE participant = :participant AND level = :level"
        " AND place >= :first AND place < :end ORDER BY place",
        participant=participant,
        level=level,
        first=first,
        end=first + count,
    )


def _neighbours(rows: Sequence[Row], level: int, first: int) -> list[bytes]:
    """Their hashes, one behind the other from `first` on; Defect `audit.gap` for a hole between them."""
    for place, row in enumerate(rows, first):
        if row["place"] != place:
            raise Defect("audit.gap", index=place << (TILE_HEIGHT * level))
    return [merkle.leaf_hash(row["hash"]) if level == 0 else bytes(row["hash"]) for row in rows]


def _folded(hashes: list[bytes]) -> bytes:
    """The root over a power of two of neighbours."""
    while len(hashes) > 1:
        hashes = [merkle.node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    assert len(hashes[0]) == HASH_BYTES
    return hashes[0]

"""The tree in tiles of 256: whatever is read from rows is what the whole tree in memory says."""

from collections.abc import Callable

import pytest

from connector.foundation.errors import Defect, Unknown
from connector.foundation.storage import Database, Tx
from connector.identity.audit import merkle, origins, sealer, store, tiles
from connector.identity.audit.tiles import Tile
from tests.identity.audit.entries import HEIGHTS, ROOT, TOWN, entries, lower_tiles
from tests.verify.forge import PROVIDER, LogKey

KEY = LogKey()


def tree(size: int) -> merkle.Tree:
    return merkle.Tree([merkle.leaf_hash(number.to_bytes(32)) for number in range(size)])


async def grown(db: Database, size: int, step: int, first: int = 0) -> None:
    """A log that was sealed in batches of `step`."""
    for start in range(first, size, step):
        await db.write(TOWN, entries, start, min(step, size - start))
        batch = await db.write(TOWN, sealer.assign, TOWN, step)
        assert batch is not None
        await db.write(TOWN, sealer.keep, TOWN, batch.size, sealer.sign(batch, sealer.origin(ROOT), [KEY]))


def level(count: int, hashes: list[bytes]) -> list[bytes]:
    """The level above: one hash per full tile."""
    return [merkle.Tree(hashes[at * 256 : at * 256 + 256]).root() for at in range(count)]


async def test_every_tile_of_a_log_is_what_its_tree_says(any_db: Database) -> None:
    """1,100 leaves in uneven batches: four full tiles, a partial one, and the level above them."""
    await grown(any_db, 1100, 130)
    leaves = [merkle.leaf_hash(number.to_bytes(32)) for number in range(1100)]
    for place in range(4):
        tile = await any_db.read(TOWN, tiles.read, TOWN, Tile(0, place, 256), 1100)
        assert tile == b"".join(leaves[place * 256 : place * 256 + 256])
    assert await any_db.read(TOWN, tiles.read, TOWN, Tile(0, 4, 76), 1100) == b"".join(leaves[1024:])
    assert await any_db.read(TOWN, tiles.read, TOWN, Tile(1, 0, 4), 1100) == b"".join(level(4, leaves))
    for absent in (Tile(0, 4, 77), Tile(0, 4, 256), Tile(0, 5, 1), Tile(1, 0, 5), Tile(1, 1, 1), Tile(2, 0, 1)):
        with pytest.raises(Unknown):
            await any_db.read(TOWN, tiles.read, TOWN, absent, 1100)


@pytest.mark.threat("T50")
async def test_what_is_not_sealed_is_not_there(sqlite_db: Database) -> None:
    """A tile never reaches beyond the size that was signed, though the leaves lie in the table."""
    await grown(sqlite_db, 300, 300)
    await sqlite_db.write(TOWN, entries, 300, 300)
    assert await sqlite_db.write(TOWN, sealer.assign, TOWN) is not None
    newest = await sqlite_db.read(TOWN, sealer.latest, TOWN)
    assert newest is not None
    assert newest.size == 300
    with pytest.raises(Unknown):
        await sqlite_db.read(TOWN, tiles.read, TOWN, Tile(0, 1, 45), newest.size)


async def test_proofs_from_rows_are_the_proofs_of_the_tree(sqlite_db: Database) -> None:
    """Consistency between many sizes and inclusion of many leaves, across the borders of tiles."""
    await grown(sqlite_db, 1100, 200)
    whole = tree(1100)
    sizes = (1, 2, 255, 256, 257, 511, 512, 700, 1024, 1099, 1100)
    for old in sizes:
        for new in (size for size in sizes if size >= old):
            proof = await sqlite_db.read(TOWN, tiles.consistency, TOWN, old, new)
            assert proof == whole.consistency(old, new)
            assert merkle.verify_consistency(old, new, proof, whole.root(old), whole.root(new))
    for index in (0, 255, 256, 1023, 1024, 1099):
        proof = await sqlite_db.read(TOWN, lambda tx, at: tiles.Proofs(tx, TOWN).inclusion(at, 1100), index)
        assert proof == whole.inclusion(index)


class Counting:
    """Counts the rows that a unit reads."""

    def __init__(self, tx: Tx) -> None:
        self.tx, self.rows = tx, 0

    def all(self, sql: str, /, **values: object) -> list[object]:
        found = self.tx.all(sql, **values)
        self.rows += len(found)
        return list(found)


@pytest.mark.threat("T50")
@pytest.mark.parametrize("height", HEIGHTS)
async def test_a_large_log_costs_no_more_to_read(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    """70,000 leaves, the example of C2SP tlog-tiles: three levels, at most 256 rows a tile, some hundred a proof. With
    tiles of 16 they are 280."""
    width = lower_tiles(monkeypatch, height)
    size = (width + 17) * width + 112 if width > 112 else (width + 1) * width + 8
    await grown(sqlite_db, size, size // 2)
    (last, rest), above = divmod(size, width), size // width - width
    expected = {Tile(0, last, rest): True, Tile(1, 0, width): True, Tile(1, 1, above): True, Tile(2, 0, 1): True}
    expected |= {Tile(0, last, rest + 1): False, Tile(1, 1, above + 1): False, Tile(2, 0, 2): False}
    expected |= {Tile(3, 0, 1): False}

    def reads(tx: Tx) -> None:
        for tile, there in expected.items():
            counting = Counting(tx)
            if there:
                assert len(tiles.read(counting, TOWN, tile, size)) == tile.width * 32  # type: ignore[arg-type]
            else:
                with pytest.raises(Unknown):
                    tiles.read(counting, TOWN, tile, size)  # type: ignore[arg-type]
            assert counting.rows <= width
        counting = Counting(tx)
        proof = tiles.consistency(counting, TOWN, size // 2 - 7, size)  # type: ignore[arg-type]
        whole = tree(size)
        assert merkle.verify_consistency(size // 2 - 7, size, proof, whole.root(size // 2 - 7), whole.root())
        assert counting.rows < 6 * width

    await sqlite_db.read(TOWN, reads)


@pytest.mark.parametrize("height", HEIGHTS)
async def test_a_log_from_before_there_were_tiles_makes_up_for_them(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    """Its nodes were never kept: the next seal computes them, in portions, before it adds its own."""
    width = lower_tiles(monkeypatch, height)
    size = (max(width, 80) + 1) * width
    await grown(sqlite_db, size, size // 2)
    kept = await sqlite_db.read(TOWN, nodes)

    def forget(tx: Tx) -> None:
        tx.run("DELETE FROM log_node WHERE level > 1 OR place > 3")

    await sqlite_db.write(TOWN, forget)
    assert await sqlite_db.read(TOWN, tiles.lacking, TOWN, size)
    assert not await sqlite_db.write(TOWN, tiles.complete, TOWN, size)  # only a portion at a time
    await sqlite_db.write(TOWN, store.append, TOWN, "decision", None, "p-1", {}, did=PROVIDER)
    await sealer.seal(sqlite_db, TOWN, ROOT, [KEY])
    assert not await sqlite_db.read(TOWN, tiles.lacking, TOWN, size + 1)
    assert await sqlite_db.read(TOWN, nodes) == kept


def nodes(tx: Tx) -> list[tuple[int, int, bytes]]:
    rows = tx.all("SELECT level, place, hash FROM log_node ORDER BY level, place")
    return [(row["level"], row["place"], row["hash"]) for row in rows]


async def test_a_gap_in_the_leaves_stops_neither_the_log_nor_hides(sqlite_db: Database) -> None:
    """Somebody deleted a row: tiles and proofs over it say so, and what is new is sealed all the same."""
    await grown(sqlite_db, 600, 300)

    def harm(tx: Tx) -> None:
        tx.run("DELETE FROM audit_entry WHERE leaf_index = 17")
        tx.run("DELETE FROM log_node")

    await sqlite_db.write(TOWN, harm)
    await sqlite_db.write(TOWN, entries, 600, 5)
    newest = await sealer.seal(sqlite_db, TOWN, ROOT, [KEY])
    assert newest is not None
    assert (newest.size, newest.root) == (605, tree(605).root())
    with pytest.raises(Defect) as caught:
        await sqlite_db.read(TOWN, tiles.read, TOWN, Tile(0, 0, 256), 605)
    assert (caught.value.code, caught.value.facts["index"]) == ("audit.gap", 17)


@pytest.mark.parametrize(
    ("level", "path", "tile"),
    [
        ("0", "000", Tile(0, 0, 256)),
        ("0", "067", Tile(0, 67, 256)),
        ("1", "x001/067", Tile(1, 1067, 256)),
        ("63", "x001/x234/067.p/255", Tile(63, 1_234_067, 255)),
        ("0", "x999/999.p/1", Tile(0, 999_999, 1)),
    ],
)
def test_paths_name_tiles(level: str, path: str, tile: Tile) -> None:
    """Three digits each, all but the last with an x."""
    assert tiles.named(level, path) == tile


@pytest.mark.threat("T50")
@pytest.mark.parametrize(
    ("level", "path"),
    [
        ("00", "000"),
        ("64", "000"),
        ("-1", "000"),
        ("", "000"),
        ("entries", "000"),
        ("0", ""),
        ("0", "0"),
        ("0", "0000"),
        ("0", "x000/001"),
        ("0", "001/001"),
        ("0", "x001"),
        ("0", "X001/001"),
        ("0", "000.p/0"),
        ("0", "000.p/256"),
        ("0", "000.p/01"),
        ("0", "000.p/"),
        ("0", "000.p/1.p/1"),
        ("0", "000/"),
        ("0", "٠٠٠"),
        ("0", "x001/x001/x001/x001/x001/001"),
        ("9" * 5000, "000"),
        ("0", "000.p/" + "9" * 5000),
    ],
)
def test_one_tile_has_one_path(level: str, path: str) -> None:
    """Other spellings of the same number, and numbers beyond all trees, are nobody's address."""
    with pytest.raises(Unknown):
        tiles.named(level, path)


# Origins


async def test_a_new_origin_goes_on_where_the_tree_stands(any_db: Database) -> None:
    """What was sealed keeps its place; the unsigned batch is signed under the new name; the old one is done."""
    await grown(any_db, 10, 10)
    before = await any_db.read(TOWN, sealer.latest, TOWN)
    await any_db.write(TOWN, entries, 10, 5)
    waiting = await any_db.write(TOWN, sealer.assign, TOWN)
    assert waiting is not None
    stale = sealer.sign(waiting, sealer.origin(ROOT), [KEY])
    opened = await any_db.write(TOWN, origins.open_next, TOWN, PROVIDER, ROOT, 99, "w.example/witness")
    assert opened == 1
    await any_db.write(TOWN, sealer.keep, TOWN, waiting.size, stale, 0)  # signed under the old name, stored too late
    newest = await sealer.seal(any_db, TOWN, ROOT, [KEY])
    assert newest is not None
    assert newest.checkpoint is not None
    assert newest.checkpoint.startswith("localhost:18443/musterstadt/log/1\n16\n")
    assert await any_db.read(TOWN, sealer.latest, TOWN, 0) == before
    moved = await any_db.read(TOWN, sealer.signed, TOWN, 15)
    assert moved is not None
    assert moved.epoch == 1


async def test_an_origin_lasts_an_hour_whatever_a_witness_says(sqlite_db: Database) -> None:
    """The second call at once opens nothing; without any checkpoint there is nothing to record but the name."""
    opening: Callable[..., int | None] = origins.open_next
    assert await sqlite_db.write(TOWN, opening, TOWN, PROVIDER, ROOT, 99, "w") == 1
    assert await sqlite_db.write(TOWN, opening, TOWN, PROVIDER, ROOT, 10**15, "w") is None
    assert await sqlite_db.read(TOWN, origins.current, TOWN) == 1

"""What a bundle costs its log: a few tiles for each proof, however many entries there are (threat T56).

The bytes are those that a tree over all leaves gives, which is how proofs were made before.
"""

import json
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.dataspace.witness import cosignatures
from connector.exchange.contracts.evidence import export
from connector.exchange.reconciliation import proven_records
from connector.foundation.errors import Defect
from connector.foundation.storage import Database, Tx
from connector.identity.audit import disclose, entry, merkle, sealer, store, tiles
from connector.verify.checks import disclosure, logbook, records
from connector.verify.formats import checkpoint
from tests.fuzz.effort import amount
from tests.identity.audit.entries import AGREEMENT, HEIGHTS, KEY, ROOT, TOWN, add, entries, lower_tiles
from tests.verify.forge import PROVIDER

MOST = 65_537
Row = dict[str, object]


class Counting:
    """Passes statements on and counts the rows that come back."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.rows = tx, 0

    def all(self, sql: str, /, **values: object) -> list[Mapping[str, object]]:
        found = self._tx.all(sql, **values)
        self.rows += len(found)
        return list(found)

    def one(self, sql: str, /, **values: object) -> Mapping[str, object] | None:
        self.rows += 1
        return self._tx.one(sql, **values)


def counted(tx: Tx) -> tuple[export.LogEvidence, int]:
    counting = Counting(tx)
    return export.log_evidence(counting, TOWN, AGREEMENT), counting.rows  # type: ignore[arg-type]


def rebuilt(tx: Tx) -> export.LogEvidence:
    """The same evidence from a tree over every leaf of the log."""
    batch = sealer.latest(tx, TOWN)
    assert batch is not None
    assert batch.checkpoint is not None
    rows = tx.all("SELECT leaf FROM audit_entry WHERE leaf_index < :size ORDER BY leaf_index", size=batch.size)
    tree = merkle.Tree([merkle.leaf_hash(row["leaf"]) for row in rows])
    own = (*store.key_events(tx, TOWN), *store.records(tx, TOWN, AGREEMENT))
    lines = [export.line(one, tree.inclusion(one.index or 0)) for one in own]
    where = next(one.index or 0 for one in reversed(own) if one.type == entry.AGREEMENT)
    proof = records.write_proof(where, tree.inclusion(where), batch.checkpoint)
    last = records.Logged(own[-1].index or 0, json.loads(own[-1].record), own[-1].record, own[-1].salt, ())
    how_far = disclosure.value(AGREEMENT, last, checkpoint.parse(batch.checkpoint))
    return export.LogEvidence(records.write(lines), proof, told=how_far)


async def log_of(db: Database, size: int, step: int) -> None:
    """Key event and agreement at its begin, a transfer in the middle, the end of the agreement at its end."""
    await db.write(TOWN, add, "key", None)
    await db.write(TOWN, add, "agreement", AGREEMENT)
    await db.write(TOWN, entries, 2, size // 2 - 2)
    await db.write(TOWN, add, "transfer", AGREEMENT)
    await db.write(TOWN, entries, size // 2 + 1, size - size // 2 - 3)
    await db.write(TOWN, add, "termination", AGREEMENT)
    await db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER)
    while (batch := await db.write(TOWN, sealer.assign, TOWN, step)) is not None:
        await db.write(TOWN, sealer.keep, TOWN, batch.size, sealer.sign(batch, sealer.origin(ROOT), [KEY]))


@pytest.mark.threat("T56")
async def test_a_bundle_from_a_large_log_reads_a_few_tiles(sqlite_db: Database) -> None:
    """>> 10,000 entries, five records to prove << some tiles at most; the bytes are those of the whole tree."""
    await log_of(sqlite_db, 10_000, 2_500)
    evidence, rows = await sqlite_db.read(TOWN, counted)
    assert evidence == await sqlite_db.read(TOWN, rebuilt)
    assert rows < 6 * tiles.WIDTH, rows
    logbook.read({"agreement.tlog-proof": evidence.proof})


@pytest.mark.threat("T56")
@pytest.mark.parametrize("height", HEIGHTS)
async def test_ten_times_the_log_costs_no_more(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    """>> 70,000 entries, three levels of tiles << as few rows as from 10,000, and the same bytes as ever. With tiles
    of 16 they are 280."""
    size = 280 if lower_tiles(monkeypatch, height) == 16 else 70_000
    await log_of(sqlite_db, size, size // 2)
    evidence, rows = await sqlite_db.read(TOWN, counted)
    assert evidence == await sqlite_db.read(TOWN, rebuilt)
    assert rows < 9 * tiles.WIDTH, rows


@pytest.mark.parametrize("size", [8, 255, 256, 257, 511, 513])
async def test_the_bytes_are_the_same_at_the_borders_of_tiles(any_db: Database, size: int) -> None:
    """Logs that just fill a tile, or just do not."""
    await log_of(any_db, size, 100)
    evidence, _ = await any_db.read(TOWN, counted)
    assert evidence == await any_db.read(TOWN, rebuilt)


async def test_records_of_one_tile_share_what_is_read(sqlite_db: Database) -> None:
    """>> an agreement of 200 records side by side << no more tiles than for one of them."""
    await sqlite_db.write(TOWN, add, "agreement", AGREEMENT)
    await sqlite_db.write(TOWN, entries, 1, 2_000)
    for _ in range(199):
        await sqlite_db.write(TOWN, add, "transfer", AGREEMENT)
    await sqlite_db.write(TOWN, entries, 2_200, 800)
    await sqlite_db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER)
    assert await sealer.seal(sqlite_db, TOWN, ROOT, [KEY]) is not None
    evidence, rows = await sqlite_db.read(TOWN, counted)
    assert len(records.parse(evidence.records)) == 201
    assert rows < 201 + 6 * tiles.WIDTH, rows


class Planned:
    """Passes statements on and keeps how SQLite finds their rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.plans = tx, list[str]()

    def all(self, sql: str, /, **values: object) -> list[Mapping[str, object]]:
        self.plans += [str(row["detail"]) for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **values)]
        return list(self._tx.all(sql, **values))

    def one(self, sql: str, /, **values: object) -> Mapping[str, object] | None:
        found = self.all(sql, **values)
        return found[0] if found else None


@pytest.mark.threat("T56")
async def test_nothing_walks_the_log_to_find_a_few_records(sqlite_db: Database) -> None:
    """Past bug: a page for a partner, and each look at a witness, went through all entries of everybody."""
    await log_of(sqlite_db, 300, 300)

    def looks(tx: Tx) -> tuple[list[str], list[str]]:
        page, look = Planned(tx), Planned(tx)
        shown = proven_records.sealed(page, TOWN, AGREEMENT, ("agreement", "transfer"), 0, 300, 9)  # type: ignore[arg-type]
        assert [one.index for one in shown] == [1, 150]
        standing = cosignatures.standing(look, TOWN, "w")  # type: ignore[arg-type]
        assert standing is not None
        assert standing.agreed
        return page.plans, look.plans

    page, look = await sqlite_db.read(TOWN, looks)
    assert page[0].startswith("SEARCH audit_entry USING INDEX audit_entry_chain")
    assert any(plan.startswith("SEARCH audit_entry USING INDEX audit_entry_type") for plan in look)
    walks = ("leaf_index>", "leaf_index<", "TEMP B-TREE", "SCAN audit_entry")
    assert [plan for plan in (*page, *look) if any(word in plan for word in walks)] == []


async def test_a_page_begins_behind_any_index(any_db: Database) -> None:
    """Behind a record of the agreement, behind one of somebody else, behind the last, before the first."""
    await log_of(any_db, 300, 300)
    types, behind = ("agreement", "transfer", "termination"), {-1: [1, 150, 298], 0: [1, 150, 298], 1: [150, 298]}
    for after, expected in {**behind, 149: [150, 298], 150: [298], 298: [], 10**15: []}.items():
        shown = await any_db.read(TOWN, proven_records.sealed, TOWN, AGREEMENT, types, after, 300, 9)
        assert [one.index for one in shown] == expected
    assert await any_db.read(TOWN, proven_records.sealed, TOWN, "urn:uuid:other", types, 1, 300, 9) == []
    two = await any_db.read(TOWN, proven_records.sealed, TOWN, AGREEMENT, types, -1, 298, 2)
    assert [one.index for one in two] == [1, 150]


class Memory:
    """Answers what proofs ask for from leaves in memory, as the tables would."""

    def __init__(self, size: int) -> None:
        leaves = [number.to_bytes(32) for number in range(size)]
        grown: list[merkle.Node] = []
        merkle.NOTHING.append((merkle.leaf_hash(leaf) for leaf in leaves), grown)
        self.levels = {0: leaves}
        for node in grown:
            self.levels.setdefault(node.level, []).append(node.hash)
        self.read = 0

    def all(self, sql: str, /, *, first: int, end: int, level: int = 0, **values: object) -> list[Row]:
        rows = self.levels.get(level, [])
        found: list[Row] = [{"hash": rows[at], "place": at} for at in range(first, min(end, len(rows)))]
        self.read += len(found)
        return found


BORDERS = (1, 2, 255, 256, 257, 65_535, 65_536, 65_537)
sizes = st.one_of(st.sampled_from(BORDERS), st.integers(1, MOST))


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory(MOST)


@pytest.fixture(scope="module")
def whole(memory: Memory) -> merkle.Tree:
    return merkle.Tree([merkle.leaf_hash(leaf) for leaf in memory.levels[0]])


def proofs(memory: Memory) -> tiles.Proofs:
    return tiles.Proofs(memory, TOWN)  # type: ignore[arg-type]


@given(sizes, sizes, st.integers(0, MOST - 1))
@example(65_536, 65_537, 65_536)
@example(65_535, 65_537, 0)
@example(256, 257, 255)
@settings(max_examples=amount(60, 150), deadline=None)
def test_proofs_of_any_sizes_are_those_of_the_tree(
    memory: Memory, whole: merkle.Tree, one: int, other: int, place: int
) -> None:
    """Consistency between any two sizes and inclusion of any leaf, each from a bounded number of rows."""
    old, new = sorted((one, other))
    before = memory.read
    assert proofs(memory).consistency(old, new) == whole.consistency(old, new)
    index = place % new
    assert proofs(memory).inclusion(index, new) == whole.inclusion(index, new)
    assert memory.read - before <= 10 * tiles.WIDTH


def test_what_is_held_is_bounded(memory: Memory, whole: merkle.Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile that gave way is read again; nothing else changes."""
    monkeypatch.setattr(tiles, "MOST_TILES", 2)
    own = proofs(memory)
    for index in (0, 30_000, 65_000, 0):
        assert own.inclusion(index, MOST) == whole.inclusion(index, MOST)
        assert len(own._held) <= 2


@pytest.mark.threat("T26")
@pytest.mark.parametrize(
    ("level", "kept", "gap", "index", "size"),
    [(0, 300, 300, 299, 301), (0, 511, 511, 257, 512), (1, 3, 768, 1_100, 2_000)],
)
def test_a_hole_that_a_proof_needs_is_named(level: int, kept: int, gap: int, index: int, size: int) -> None:
    """Leaves that are missing at the end of a tile, and a node above them."""
    broken = Memory(2_000)
    del broken.levels[level][kept:]
    with pytest.raises(Defect) as caught:
        tiles.Proofs(broken, TOWN).inclusion(index, size)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.facts["index"]) == ("audit.gap", gap)

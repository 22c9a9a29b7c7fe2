"""Every table is moved or left behind, and what is a secret in it is known."""

from connector.continuity.moving import frames, rows, tables
from connector.continuity.moving.frames import Row
from connector.continuity.offboarding import participant_rows
from connector.data.harvest.store import PART
from connector.foundation.storage.database import Database

TOWN = "musterstadt"


async def test_every_table_with_rows_of_participants_is_decided(any_db: Database) -> None:
    """>> a table that somebody adds << it stands here as moved, or as left behind with why."""
    found = set(await any_db.read(TOWN, participant_rows.tables))
    assert found == set(tables.MOVED) | set(tables.LEFT)
    assert not set(tables.MOVED) & set(tables.LEFT)


async def test_both_databases_mean_the_same_by_a_row(sqlite_db: Database, postgres_db: Database) -> None:
    """Columns, their kinds and the order of rows: what one writes the other reads."""
    here, there = [await db.read(TOWN, rows.layout) for db in (sqlite_db, postgres_db)]
    assert {one.name: one for one in here} == {one.name: one for one in there}
    assert {one.name for one in here} == set(tables.MOVED)
    known = {one.name: one.columns for one in here}
    secrets = {(name, column) for name in known for column, kind in known[name].items() if kind is bytes}
    plain = {
        ("agreement", "document"),
        ("audit_entry", "leaf"),
        ("audit_entry", "record"),
        ("audit_entry", "salt"),
        ("audit_seal", "frontier"),
        ("audit_seal", "root"),
        ("audit_timestamp", "token"),
        ("ending", "statement"),
        ("harvest_dataset", "triples"),
        ("harvest_original", "content"),
        ("harvest_waiting", "content"),
        ("log_node", "hash"),
        ("object", "body"),
        ("partner_log", "root"),
    }
    assert secrets - plain == set(tables.SEALED) | {("key", "secret")}


def test_what_is_packed_is_as_long_as_those_who_pack_it_make_it() -> None:
    assert tables.PACKED["harvest_original", "content"] == PART


def test_large_rows_come_in_blocks_that_are_taken() -> None:
    """>> rows of three megabytes, one of five, small ones << all of them once and in order, no block too large."""
    found: list[Row] = [(number, bytes(size << 20)) for number, size in enumerate((3, 3, 5, 0, 0, 3))]
    blocks = list(frames.portions(found))
    assert [len(block) for block in blocks] == [1, 1, 1, 3]
    assert [row for block in blocks for row in frames.unpacked(frames.packed(block))] == found
    assert max(len(frames.packed(block)) for block in blocks) < frames.MOST_BLOCK

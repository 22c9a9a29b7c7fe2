"""Every table is moved or left behind, and what is a secret in it is known."""

from connector.moving import rows, tables
from connector.offboarding import participant_rows
from connector.storage.database import Database

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
        ("agreement", "document"), ("audit_entry", "leaf"), ("audit_entry", "record"), ("audit_entry", "salt"),
        ("audit_seal", "frontier"), ("audit_seal", "root"), ("audit_timestamp", "token"), ("ending", "statement"),
        ("harvest_dataset", "triples"), ("harvest_original", "content"), ("log_node", "hash"), ("object", "body"),
        ("partner_log", "root"),
    }  # fmt: skip
    assert secrets - plain == set(tables.SEALED) | {("key", "secret")}

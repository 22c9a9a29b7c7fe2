"""What the database holds of one participant: found by the schema, deleted in portions, overwritten on SQLite."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from connector.continuity.offboarding import participant_rows
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.schema import MIGRATIONS

TOWN, VILLAGE = "musterstadt", "nachbardorf"
KEY = (
    "INSERT INTO key (participant, kid, purpose, state, public_jwk, secret, created_at)"
    " VALUES (:p, :kid, 'log', 'active', '{}', :secret, 1)"
)


def on_disk(place: Path, secrets: list[bytes]) -> list[bool]:
    """Which of them stand in the file, its journal written back."""
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    whole = place.read_bytes()
    return [one in whole for one in secrets]


async def test_what_is_deleted_is_overwritten(sqlite_db: Database, tmp_path: Path) -> None:
    """>> sealed keys of two participants, one is deleted << its keys are in no page of the file, the other's are."""
    ours, theirs = ([os.urandom(120) for _ in range(6)] for _ in range(2))

    def keep(tx: Tx, slug: str, secrets: list[bytes]) -> None:
        for number, secret in enumerate(secrets):
            tx.run(KEY, p=slug, kid=str(number), secret=secret)

    await sqlite_db.write(TOWN, keep, TOWN, ours)
    await sqlite_db.write(VILLAGE, keep, VILLAGE, theirs)
    place = tmp_path / "hanse.db"
    tails = [one[-40:] for one in ours]
    assert all(on_disk(place, tails))
    await sqlite_db.write(TOWN, lambda tx: tx.one("PRAGMA secure_delete = OFF"))  # as Python's own SQLite is built
    assert await sqlite_db.write(TOWN, participant_rows.erase, TOWN, 500) == 6
    assert not any(on_disk(place, tails))
    assert all(on_disk(place, theirs))
    usual = await sqlite_db.write(TOWN, lambda tx: tx.one("PRAGMA secure_delete"))
    assert usual == {"secure_delete": 0}


async def test_a_table_that_comes_later_is_found_by_its_column(sqlite_db: Database) -> None:
    """>> a table with the column, and one that refers to it << counted and emptied, the child first."""

    def later(tx: Tx) -> None:
        tx.run("CREATE TABLE afresh (participant TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (participant, id))")
        tx.run(
            "CREATE TABLE a_child (participant TEXT NOT NULL, id TEXT NOT NULL, FOREIGN KEY (participant, id)"
            " REFERENCES afresh (participant, id))"
        )
        for table in ("afresh", "a_child"):
            tx.run(f"INSERT INTO {table} (participant, id) VALUES (:p, '1'), (:v, '1')", p=TOWN, v=VILLAGE)

    await sqlite_db.write(TOWN, later)
    counted = await sqlite_db.read(TOWN, participant_rows.counted, TOWN)
    assert (counted["afresh"], counted["a_child"]) == (1, 1)
    assert [await sqlite_db.write(TOWN, participant_rows.erase, TOWN, 1) for _ in range(3)] == [1, 1, 0]
    assert not await sqlite_db.read(TOWN, participant_rows.held, TOWN)
    assert await sqlite_db.read(VILLAGE, participant_rows.held, VILLAGE)


async def test_every_table_with_the_column_is_in_the_list(any_db: Database) -> None:
    """The migrations in words: whatever they give a column `participant` is found, on both databases."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))
    named = {
        part.split("(")[0].strip()
        for part in text.split("CREATE TABLE ")[1:]
        if "participant {text}" in part.split(";")[0]
    }
    assert set(await any_db.read(TOWN, participant_rows.tables)) == named

"""What seldom changes is kept, and never longer than it is true, whoever changes it and whatever is undone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake
from connector.foundation.storage import Database, Tx
from connector.foundation.storage.database import long
from connector.foundation.storage.nested import nested
from connector.foundation.storage.seldom import TABLES, once, once_if_small
from connector.foundation.storage.sqlite.kept import FEW, SMALL, KeptRows

TOWN = "musterstadt"


class Named:
    """Reads the name of a participant, and counts how often the database was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, tx: Tx, participant: str) -> str | None:
        self.asked += 1
        row = tx.one("SELECT name FROM participant WHERE id = :id", id=participant)
        return None if row is None else str(row["name"])

    def __call__(self, tx: Tx) -> str | None:
        return once(tx, self.read, TOWN)


def rename(tx: Tx, name: str) -> None:
    tx.run("UPDATE participant SET name = :name WHERE id = :id", name=name, id=TOWN)


@long
def rename_long(tx: Tx, name: str) -> None:
    rename(tx, name)


@pytest.fixture
async def named(sqlite_db: Database) -> Named:
    """Has been asked once."""
    found = Named()
    await sqlite_db.write(TOWN, rename, "Musterstadt")
    assert await sqlite_db.write(TOWN, found) == "Musterstadt"
    found.asked = 0
    return found


async def test_it_is_read_once(sqlite_db: Database, named: Named) -> None:
    assert [await sqlite_db.write(TOWN, named) for _ in range(3)] == ["Musterstadt"] * 3
    assert named.asked == 0


async def test_what_changes_nothing_of_it_keeps_it(sqlite_db: Database, named: Named) -> None:
    def other(tx: Tx) -> None:
        tx.run("INSERT INTO object (participant, sha256, media_type, body) VALUES (:p, 'a', 'm', X'00')", p=TOWN)

    await sqlite_db.write(TOWN, other)
    await sqlite_db.write(TOWN, named)
    assert named.asked == 0


@pytest.mark.parametrize("unit", [rename, rename_long])
async def test_a_unit_changes_it(sqlite_db: Database, named: Named, unit: object) -> None:
    """>> on the loop, on the thread of long units << the next one sees it."""
    await sqlite_db.write(TOWN, unit, "Neustadt")  # type: ignore[arg-type]
    assert await sqlite_db.write(TOWN, named) == "Neustadt"


async def test_what_comes_and_what_goes_changes_it(sqlite_db: Database, named: Named) -> None:
    """>> a unit adds a participant, another takes it away << how many there are is counted again each time."""

    def number(tx: Tx) -> int:
        return len(tx.all("SELECT id FROM participant"))

    def come(tx: Tx) -> None:
        tx.run(
            "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
            " VALUES ('neu', 'neu', 'neu', 'neu', '', 'Neu', '', '', 'active', 0)"
        )

    def go(tx: Tx) -> None:
        tx.run("DELETE FROM participant WHERE id = 'neu'")

    before = await sqlite_db.write(TOWN, lambda tx: once(tx, number))
    for change, more in ((come, 1), (go, 0)):
        await sqlite_db.write(TOWN, change)
        assert await sqlite_db.write(TOWN, lambda tx: once(tx, number)) == before + more


async def test_another_program_changes_it(sqlite_db: Database, named: Named, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as other:
        other.execute("UPDATE participant SET name = 'Neustadt' WHERE id = ?", (TOWN,))
        other.commit()
    assert await sqlite_db.write(TOWN, named) == "Neustadt"


async def test_what_is_undone_was_never_kept(sqlite_db: Database, named: Named) -> None:
    """>> a unit renames, reads, and fails; a part of one does << it has seen its own change, and nobody else."""
    seen = []

    def failing(tx: Tx) -> None:
        rename(tx, "Neustadt")
        seen.append(named(tx))
        raise Mistake("catalogue.no-offer")

    def partly(tx: Tx) -> str | None:
        nested(tx, failing)
        return named(tx)

    with pytest.raises(Mistake):
        await sqlite_db.write(TOWN, failing)
    assert await sqlite_db.write(TOWN, named) == "Musterstadt"
    assert await sqlite_db.write(TOWN, partly) == "Musterstadt"
    assert set(seen) == {"Neustadt"}


def test_nothing_is_kept_while_nobody_can_say_who_has_written() -> None:
    """>> the disk refuses the question << everything is read, and the error is the statement's."""
    read = []
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} (id TEXT)")
        kept = KeptRows(connection)
        kept.watch()
        kept.begin()
        for _ in range(2):
            kept.value("a", lambda: read.append(1), small=False)
    kept.begin()
    for _ in range(2):
        kept.value("a", lambda: read.append(2), small=False)
    assert read == [1, 2, 2]


class Said:
    """Reads the dataset of that name, of which there is what it says here, and counts how often."""

    def __init__(self, length: int) -> None:
        self.length, self.asked = length, 0

    def read(self, tx: Tx, name: str) -> str | None:
        self.asked += 1
        return "x" * self.length or None

    def __call__(self, tx: Tx, name: str) -> str | None:
        return once_if_small(tx, self.read, name)


@pytest.mark.parametrize(("length", "times"), [(100, 1), (SMALL, 3), (0, 3)])
async def test_only_what_is_small_and_there(sqlite_db: Database, length: int, times: int) -> None:
    """>> three times the same: small, large, not there <<"""
    said = Said(length)
    for _ in range(3):
        await sqlite_db.write(TOWN, said, "a")
    assert said.asked == times


async def test_few_are_kept(sqlite_db: Database) -> None:
    """Whoever asks for very many fills no memory: by then the first one is read again."""
    said = Said(100)

    def asked(tx: Tx) -> None:
        for number in range(FEW + 1):
            said(tx, str(number))

    await sqlite_db.write(TOWN, asked)
    await sqlite_db.write(TOWN, said, "0")
    assert said.asked == FEW + 2


async def test_who_only_reads_asks_the_database(sqlite_db: Database, named: Named) -> None:
    """A reading may see a moment before the last commit, of which nothing is kept."""
    assert await sqlite_db.read(TOWN, named) == "Musterstadt"
    assert named.asked == 1

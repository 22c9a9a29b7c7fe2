"""What lies at the place of the database is looked at before it is served: damage, and a log that is another's."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from connector.foundation.errors import Defect, Mistake, Unavailable
from connector.foundation.language import say
from connector.foundation.storage import open_database, upgrade
from connector.foundation.storage.database import PROCESS, Tx
from connector.foundation.storage.sqlite import checkpoint, integrity, snapshot
from connector.foundation.storage.sqlite.checkpoint import Checkpointer
from connector.foundation.storage.sqlite.tx import connect
from tests.testkit.patience import PATIENCE_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "hanse.db"
    upgrade(f"sqlite://{place}")
    return place


def fill(tx: Tx, name: str, rows: int = 50) -> None:
    for number in range(rows):
        tx.run("INSERT INTO lease VALUES (:name, :owner, 1, 1)", name=f"{name}-{number}", owner="x" * 500)


async def crashed(path: Path, rows: int = 50) -> dict[str, bytes]:
    """The files as a process left them that was killed: what it wrote is in the log alone."""
    db = open_database(f"sqlite://{path}")
    await db.start()
    await db.write(PROCESS, fill, os.urandom(4).hex(), rows)
    left = {one.name: one.read_bytes() for one in path.parent.glob("hanse.db*") if not one.name.endswith(".lock")}
    await db.close()
    return left


def lay(path: Path, files: dict[str, bytes]) -> None:
    for one in path.parent.glob("hanse.db*"):
        one.unlink()
    for name, data in files.items():
        (path.parent / name).write_bytes(data)


async def test_after_a_crash_its_own_log_is_played_back(path: Path) -> None:
    """>> killed << the next start is no other than before, as often as it happens."""
    for count in (50, 100, 150):
        lay(path, await crashed(path))
        integrity.check(path, 10)
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM lease").fetchone() == (count,)


@pytest.mark.threat("T73")
async def test_bug_a_backup_beside_the_log_of_a_crash_became_a_broken_mixture(path: Path) -> None:
    """>> a copy of an earlier run, or of `hanse backup`, over the file beside the log << refused, nothing opened."""
    earlier = await crashed(path)
    lay(path, earlier)
    integrity.check(path, 10)
    copies = {"of an earlier run": path.read_bytes()}
    copy = path.with_name("copy.db")
    copy.touch()
    snapshot.copy(path, copy, lambda *_: None)
    left = await crashed(path, 2_000)
    copies["by the program"] = copy.read_bytes()
    for data in copies.values():
        lay(path, {**left, "hanse.db": data})
        there = {one.name: one.read_bytes() for one in path.parent.glob("hanse.db*")}
        with pytest.raises(Mistake, match=r"storage\.foreign-log"):
            integrity.check(path, 10)
        assert {one.name: one.read_bytes() for one in path.parent.glob("hanse.db*") if one.suffix != ".lock"} == there
    lay(path, {name: data for name, data in left.items() if name != "hanse.db"})
    with pytest.raises(Mistake, match=r"storage\.foreign-log"):
        integrity.check(path, 10)
    lay(path, {"hanse.db": copies["by the program"]})  # the way out that the sentence names
    integrity.check(path, 10)


@pytest.mark.threat("T73")
async def test_bug_a_whole_folder_copied_over_brought_its_stamp_along(path: Path) -> None:
    """>> `cp -a backup/. data/` beside the log of a crash << refused, nothing opened; removed, the copy counts."""

    async def stopped(rows: int) -> dict[str, bytes]:
        await crashed(path, rows)
        return {one.name: one.read_bytes() for one in path.parent.glob("hanse.db*")}

    copy = await stopped(500)
    await stopped(3_000)
    left = await crashed(path, 300)
    lay(path, {**left, **copy})
    with pytest.raises(Mistake, match=r"storage\.foreign-log"):
        integrity.check(path, 10)
    assert {one: path.with_name(one).read_bytes() for one in (*copy, "hanse.db-wal")} == {
        **copy,
        "hanse.db-wal": left["hanse.db-wal"],
    }
    for end in ("-wal", "-shm"):
        path.with_name(f"hanse.db{end}").unlink()
    lay(path, await crashed(path))
    integrity.check(path, 10)
    assert len(integrity.notes(path)) == 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM lease").fetchone() == (550,)


async def test_killed_while_it_is_stamped_it_starts_again(path: Path) -> None:
    """>> the log with the new stamp is not in the file yet, or the note still has both << nobody is accused."""
    with closing(connect(path)) as database:
        integrity.stamp_anew(path, database)
    old = integrity.stamp(path)
    with closing(connect(path)) as database, closing(connect(path)) as kept:
        kept.execute("BEGIN")
        kept.execute("SELECT 1 FROM lease").fetchone()
        path.with_name(f"hanse.db.stamp-{old}").rename(path.with_name(f"hanse.db.stamp-{old}-0000002a"))
        database.execute("PRAGMA user_version = 42")
        left = {one.name: one.read_bytes() for one in path.parent.glob("hanse.db*") if one.suffix != ".lock"}
        kept.execute("ROLLBACK")
    lay(path, left)
    assert integrity.stamp(path) == old
    integrity.check(path, 10)
    assert integrity.stamp(path) == "0000002a"
    integrity.check(path, 10)


async def test_a_database_from_before_has_no_stamp_and_starts(path: Path) -> None:
    left = await crashed(path)
    lay(path, {name: data for name, data in left.items() if ".stamp-" not in name})
    integrity.check(path, 10)


@pytest.mark.parametrize("what", ["pages", "header", "half"])
def test_damage_is_found_before_anything_is_served(path: Path, what: str) -> None:
    """>> pages overwritten, no database at all, cut in half << a sentence that names file and way out."""
    with closing(sqlite3.connect(path)) as database, database:
        for number in range(3_000):
            database.execute("INSERT INTO lease VALUES (?, ?, 1, 1)", (str(number), "x" * 500))
    data = path.read_bytes()
    middle = len(data) // 2 // 4096 * 4096
    bent = {
        "pages": data[:middle] + os.urandom(40_960) + data[middle + 40_960 :],
        "header": b"not a database at all" * 1000,
        "half": data[:middle],
    }[what]
    path.write_bytes(bent)
    with pytest.raises(Mistake, match=r"storage\.broken"):
        integrity.check(path, 10)
    with pytest.raises(Mistake, match=r"storage\.broken"):
        integrity.quick(path, 10, read_only=True)


def test_the_look_ends_in_its_time(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for number in range(20_000):
            database.execute("INSERT INTO lease VALUES (?, ?, 1, 1)", (str(number), "x" * 500))
    assert integrity.quick(path, 60)
    assert not integrity.quick(path, 0.000_001)


async def test_a_copy_is_of_one_moment_while_others_write(path: Path) -> None:
    """>> units of 50 rows without end << the copy has whole units alone, and is sound; the writer never waited."""
    db = open_database(f"sqlite://{path}")
    await db.start()
    stop, count, target = asyncio.Event(), 0, path.with_name("copy.db")
    target.touch()

    async def busy() -> None:
        nonlocal count
        while not stop.is_set():
            await db.write(PROCESS, fill, str(count))
            count += 1

    for number in range(40):
        await db.write(PROCESS, fill, f"before-{number}", 50)
    writing = asyncio.create_task(busy())
    told: list[tuple[int, int]] = []
    await asyncio.to_thread(snapshot.copy, path, target, lambda done, of: told.append((done, of)))
    stop.set()
    await writing
    await db.close()
    snapshot.sound(target)
    with snapshot.reading(target) as tx:
        assert (tx.one("SELECT count(*) AS n FROM lease") or {})["n"] % 50 == 0
    assert told[-1][0] == told[-1][1] > 0
    assert not target.with_name("copy.db-wal").exists()


def test_bug_a_commit_waited_for_a_long_reader(path: Path) -> None:
    """>> the log has outgrown its limit while a backup reads << it is tried without waiting for that."""
    said: list[str] = []
    with closing(connect(path)) as reader, closing(connect(path)) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM lease").fetchone()
        writer.execute("INSERT INTO lease VALUES ('a', 'b', 1, 1)")
        writer.set_trace_callback(said.append)
        Checkpointer(path, lambda: None).empty(lambda: writer)
        reader.execute("ROLLBACK")
    assert said == ["PRAGMA busy_timeout = 0", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = 5000"]


async def test_damage_that_shows_while_serving_ends_it(path: Path) -> None:
    """>> pages are overwritten under a running server << the first that meets it says so, then nothing is answered."""
    db = open_database(f"sqlite://{path}")
    await db.start()
    await db.write(PROCESS, fill, "x", 3_000)
    await db.close()
    await db.start()
    data = path.read_bytes()
    with path.open("r+b") as file:
        for page in range(20, len(data) // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    with pytest.raises(Defect, match=r"storage\.corrupt"):
        await db.read(PROCESS, lambda tx: tx.all("SELECT * FROM lease"))
    for call in (db.read, db.write):
        with pytest.raises(Unavailable, match=r"storage\.corrupt"):
            await call(PROCESS, lambda tx: tx.one("SELECT 1 AS one"))
    await db.close()


async def test_bug_damage_under_the_checkpoint_was_a_traceback(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the thread that empties the log meets the damage first << it ends without a word; who reads it says it."""
    met = threading.Event()

    def damaged(_path: Path) -> sqlite3.Connection:
        met.set()
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(checkpoint, "connect", damaged)
    monkeypatch.setattr(checkpoint, "IDLE_S", 0.05)
    db = open_database(f"sqlite://{path}")
    await db.start()
    assert await asyncio.to_thread(met.wait, PATIENCE_S)
    await db.close()


def test_bug_a_folder_that_cannot_be_written_was_a_refused_statement(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> SQLite finds no place for its log << what stands in the way and what to do, not a name of SQLite's."""

    def refused(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
        error.sqlite_errorname = "SQLITE_READONLY_DIRECTORY"
        raise error

    monkeypatch.setattr(integrity, "connect", refused)
    with pytest.raises(Unavailable) as caught:
        integrity.quick(path, 1.0)
    assert caught.value.code == "storage.unwritable"
    assert "das Recht" in say(f"error.{caught.value.code}", "de", **caught.value.facts)

"""Nobody hears of what is not on the disk: no answer, no signal, no reading; a disk that refuses once ends it all."""

import asyncio
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.database import long
from connector.foundation.storage.sqlite import checkpoint
from connector.foundation.storage.sqlite.database import Sqlite
from tests.testkit import power
from tests.testkit.patience import PATIENCE_S


class Disk:
    """Brings to the disk what it is told, as soon as it may; `problem` is what it says instead."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.may = threading.Event()
        self.may.set()
        self.problem: OSError | None = None
        self.count = 0

    def __call__(self, file: int) -> None:
        self.count += 1
        self.asked.release()
        assert self.may.wait(PATIENCE_S)
        if self.problem is not None:
            raise self.problem
        os.fdatasync(file)

    def hold(self) -> None:
        self.may.clear()
        while self.asked.acquire(blocking=False):
            pass

    async def syncs(self) -> None:
        """Returns when a sync has begun since it was held."""
        assert await asyncio.to_thread(self.asked.acquire, True, PATIENCE_S)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def db(migrated: Path, tmp_path: Path, disk: Disk) -> AsyncIterator[Sqlite]:
    database = Sqlite(Path(shutil.copy(migrated, tmp_path / "hanse.db")), sync=disk)
    await database.start()
    yield database
    disk.may.set()
    await database.close()


def put(tx: Tx, name: str) -> str:
    tx.run("INSERT INTO lease VALUES (:name, 'me', 1, 1)", name=name)
    tx.signal("put", name)
    return name


def names(tx: Tx) -> list[str]:
    return [row["name"] for row in tx.all("SELECT name FROM lease ORDER BY name")]


def refused(tx: Tx) -> None:
    """Writes nothing, and tells of what it read."""
    raise Mistake("storage.closed", found=",".join(names(tx)))


@long
def names_beside(tx: Tx) -> list[str]:
    return names(tx)


async def passes(count: int = 20) -> None:
    """The loop has come round so often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def before_it(db: Sqlite) -> None:
    """Reading on the loop waits for nobody: it sees what is on the disk."""
    assert await db.read(PROCESS, names) == []
    with pytest.raises(Mistake, match=r"\{'found': ''\}"):
        await db.read(PROCESS, refused)


TELLERS: tuple[Callable[[Sqlite], Coroutine[None, None, object]], ...] = (
    lambda db: db.write(PROCESS, put, "b"),
    lambda db: db.write(PROCESS, refused),
    lambda db: db.write(PROCESS, names),
    lambda db: db.read(PROCESS, names_beside),
    lambda db: db.write(PROCESS, names_beside),
)


@pytest.mark.parametrize("teller", TELLERS)
async def test_nothing_is_told_before_the_sync(
    db: Sqlite, disk: Disk, teller: Callable[[Sqlite], Coroutine[None, None, object]], tmp_path: Path
) -> None:
    """>> committed, the disk works << no answer, no signal, and whatever could have seen it waits with it."""
    heard: list[object] = []
    db.listen("put", heard.append)
    disk.hold()
    first = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    after = asyncio.create_task(teller(db))  # type: ignore[arg-type]
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as outsider:
        assert outsider.execute("SELECT name FROM lease").fetchall()[0] == ("a",), "it is committed"
    await before_it(db)
    assert await asyncio.to_thread(lambda: db._threads.submit(int).result() == 0)  # a reader had its time
    await passes()
    assert not first.done()
    assert not after.done()
    assert heard == []
    disk.may.set()
    assert await first == "a"
    assert "a" in await db.read(PROCESS, names)
    await asyncio.gather(after, return_exceptions=True)
    await passes()
    assert heard[0] == "a"


async def test_what_comes_while_one_sync_runs_shares_the_next(db: Sqlite, disk: Disk) -> None:
    """>> five passes during one sync << one more sync for all five, answered in order."""
    disk.hold()
    ended: list[object] = []
    tasks = [asyncio.create_task(db.write(PROCESS, put, "0"))]
    await disk.syncs()
    before = disk.count
    for number in range(1, 6):
        tasks.append(asyncio.create_task(db.write(PROCESS, put, str(number))))
        await passes()
    for task in tasks:
        task.add_done_callback(lambda done: ended.append(done.result()))
    disk.may.set()
    await asyncio.gather(*tasks)
    assert disk.count == before + 1
    assert ended == ["0", "1", "2", "3", "4", "5"]


async def test_what_changed_nothing_needs_no_sync(db: Sqlite, disk: Disk) -> None:
    before = disk.count
    assert await db.write(PROCESS, names) == []
    assert await db.read(PROCESS, names) == []
    assert disk.count == before


@pytest.mark.threat("T99")
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_a_disk_that_refuses_is_believed_nothing_any_more(
    db: Sqlite, disk: Disk, number: int, tmp_path: Path
) -> None:
    """>> a sync fails << nothing of it or after it is answered, until the database is opened anew."""
    heard: list[object] = []
    db.listen("put", heard.append)
    await db.write(PROCESS, put, "before")
    await passes()
    disk.hold()
    disk.problem = OSError(number, "no")
    first = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    waiting = [asyncio.create_task(teller(db)) for teller in TELLERS]  # type: ignore[arg-type]
    await passes()
    disk.may.set()
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert {type(one) for one in results} == {Unavailable}
    assert {str(one) for one in results} == {f"storage.unsynced {{'reason': '{errno.errorcode[number]}'}}"}
    disk.problem = None
    for teller in (*TELLERS, lambda db: db.read(PROCESS, names)):
        with pytest.raises(Unavailable, match=r"storage\.unsynced"):
            await teller(db)
    assert heard == ["before"]
    await db.close()
    log = tmp_path / "hanse.db-wal"
    assert log.stat().st_size > 32, "nothing was moved out of a log that may be torn"
    again = Sqlite(tmp_path / "hanse.db")
    await again.start()
    assert "before" in await again.read(PROCESS, names)
    await again.close()


async def put_for_ever(db: Sqlite) -> None:
    for number in count():
        await db.write(PROCESS, put, str(number))


@pytest.mark.threat("T99")
async def test_a_checkpoint_that_cannot_sync_ends_it_all(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> one sync of SQLite's own fails << it is not tried again: no answer, no checkpoint, the log stays in place."""
    monkeypatch.setattr(checkpoint, "UNITS", 1)
    path = Path(shutil.copy(migrated, tmp_path / "hanse.db"))
    disk = power.Disk(tmp_path)
    with power.watched(disk):
        db = Sqlite(path, sync=disk.sync)
        await db.start()
        await db.write(PROCESS, put, "a")
        disk.refuses = 1
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(Unavailable, match=r"storage\.unsynced"):
                await put_for_ever(db)
        await db.close()
    assert (tmp_path / "hanse.db-wal").stat().st_size > 32
    again = Sqlite(path)
    await again.start()
    assert {"a", "0"} <= set(await again.read(PROCESS, names))
    await again.close()


async def test_a_log_that_cannot_be_emptied_at_the_end_stays(migrated: Path, tmp_path: Path) -> None:
    """>> the sync of the last checkpoint fails << no other is tried that might succeed and throw the log away."""
    path = Path(shutil.copy(migrated, tmp_path / "hanse.db"))
    disk = power.Disk(tmp_path)
    with power.watched(disk):
        db = Sqlite(path, sync=disk.sync)
        await db.start()
        await db.write(PROCESS, put, "a")
        disk.refuses = 1
        await db.close()
    assert (tmp_path / "hanse.db-wal").stat().st_size > 32
    again = Sqlite(path)
    await again.start()
    assert await again.read(PROCESS, names) == ["a"]
    await again.close()


async def test_who_was_answered_sees_it_whatever_is_committed_next(db: Sqlite, disk: Disk) -> None:
    """>> a signal wakes a reader, and the next batch waits for the disk meanwhile << the reader sees what woke it."""
    found: list[asyncio.Task[list[str]]] = []

    def heard(name: object) -> None:
        if name == "a":
            disk.hold()  # the pass that commits "b" comes after this
            found.append(asyncio.create_task(db.read(PROCESS, names)))

    db.listen("put", heard)
    disk.hold()
    first = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    behind = asyncio.create_task(db.write(PROCESS, put, "b"))
    await passes()
    disk.may.set()
    await first
    again = asyncio.create_task(db.read(PROCESS, names))
    await disk.syncs()
    assert await again == ["a"]
    assert await found[0] == ["a"]
    assert await db.read(PROCESS, names) == ["a"]
    assert not behind.done()
    disk.may.set()
    await behind
    assert await db.read(PROCESS, names) == ["a", "b"]


@long
def put_beside(tx: Tx, name: str) -> str:
    return put(tx, name)


async def test_nobody_waits_for_what_has_happened(db: Sqlite) -> None:
    """Twelve write and read for ever new names, short and long; twelve wait for a signal and look: none looks in vain.

    A reader that was shown less than it had been told of would wait for a signal that does not come again.
    """
    signalled: dict[str, asyncio.Event] = {}
    db.listen("put", lambda name: signalled.setdefault(str(name), asyncio.Event()).set())

    async def writes(lane: int) -> None:
        for number in range(6):
            name = f"{lane}-{number}"
            await db.write(PROCESS, put_beside if (lane + number) % 4 == 0 else put, name)
            assert name in await db.read(PROCESS, names_beside if number % 3 == 0 else names)

    async def waits(lane: int) -> None:
        for number in range(6):
            name = f"{lane}-{number}"
            event = signalled.setdefault(name, asyncio.Event())
            while name not in await db.read(PROCESS, names):
                event.clear()
                await event.wait()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        for lane in range(12):
            group.create_task(waits(lane))
            group.create_task(writes(lane))


async def test_long_units_have_one_turn_each_and_the_loop_keeps_its_own(db: Sqlite) -> None:
    """Bug: >> two long units and one that changes nothing in one pass << both got the turn, and short ones a thread."""
    entered = [threading.Event(), threading.Event()]
    may = [threading.Event(), threading.Event()]
    ran: list[threading.Thread] = []

    @long
    def gate(tx: Tx, number: int) -> None:
        entered[number].set()
        assert may[number].wait(PATIENCE_S)

    def here(tx: Tx) -> None:
        ran.append(threading.current_thread())

    tasks = [
        asyncio.create_task(db.write(PROCESS, names)),
        *(asyncio.create_task(db.write(PROCESS, gate, number)) for number in range(2)),
    ]
    assert await asyncio.to_thread(entered[0].wait, PATIENCE_S)
    await passes()
    may[0].set()
    assert await asyncio.to_thread(entered[1].wait, PATIENCE_S)
    tasks.append(asyncio.create_task(db.write(PROCESS, here)))
    await passes()
    assert not ran
    may[1].set()
    await asyncio.gather(*tasks)
    assert ran == [threading.main_thread()]


async def test_a_moment_that_is_lost_is_read_beside(db: Sqlite, disk: Disk) -> None:
    """Bug: >> while the disk works a reading fails and ends its transaction << nobody was answered any more."""
    disk.hold()
    first = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    db._safe.execute("ROLLBACK")  # as SQLite does it by itself after SQLITE_IOERR or SQLITE_NOMEM
    reading = asyncio.create_task(db.read(PROCESS, names))
    await passes()
    assert not reading.done(), "it may have seen what is not on the disk"
    disk.may.set()
    assert await first == "a"
    assert await reading == ["a"]
    assert await db.read(PROCESS, names) == ["a"]


async def test_an_error_outside_any_unit_is_everybodys(db: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> no memory for a transaction << nobody waits for ever, and the next one is well."""

    def no_memory() -> None:
        raise MemoryError

    monkeypatch.setattr(db._turns, "_pin", no_memory)
    with pytest.raises(MemoryError):
        await db.write(PROCESS, put, "a")
    monkeypatch.undo()
    assert await db.write(PROCESS, put, "b") == "b"
    assert await db.read(PROCESS, names) == ["b"]


async def test_who_gives_up_waiting_changes_nothing(db: Sqlite, disk: Disk) -> None:
    """>> cancelled before its turn, and while the disk works << both stand, and the next one is answered."""
    disk.hold()
    first = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    second = asyncio.create_task(db.write(PROCESS, put, "b"))
    await passes()
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    disk.may.set()
    assert await db.write(PROCESS, put, "c") == "c"
    assert await db.read(PROCESS, names) == ["a", "b", "c"]


async def test_closing_waits_for_the_disk(db: Sqlite, disk: Disk) -> None:
    """>> closed in the middle of a sync << what was taken is answered first."""
    disk.hold()
    task = asyncio.create_task(db.write(PROCESS, put, "a"))
    await disk.syncs()
    more = asyncio.create_task(db.write(PROCESS, put, "b"))
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(db.close())
    await passes()
    assert not closing_.done()
    disk.may.set()
    await closing_
    assert (await task, await more) == ("a", "b")

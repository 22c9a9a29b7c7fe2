"""What only SQLite can get wrong: group commit, the full disk, the vanishing lock, a killed process."""

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.language import say
from connector.foundation.storage import Database, Tx, open_database, upgrade
from connector.foundation.storage.database import long
from connector.foundation.storage.sqlite import checkpoint, database
from connector.foundation.storage.sqlite.batch import Committer, Outcome, Unit
from connector.foundation.storage.sqlite.database import Sqlite
from connector.foundation.storage.sqlite.turns import PASSES
from connector.foundation.storage.sqlite.tx import connect
from tests.testkit.patience import PATIENCE_S
from tests.testkit.places import ROOT

TOWN = "musterstadt"


def add(tx: Tx, name: str, body: bytes = b"") -> None:
    sql = "INSERT INTO object (participant, sha256, media_type, body) VALUES (:p, :name, 'm', :body)"
    tx.run(sql, p=TOWN, name=name, body=body)


def names(tx: Tx) -> list[str]:
    return [row["sha256"] for row in tx.all("SELECT sha256 FROM object WHERE participant = :p ORDER BY 1", p=TOWN)]


@long
class Gate:
    """A unit that has the write lock, so that what comes after it shares a batch."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)

    async def close_behind(self, db: Database) -> "asyncio.Task[None]":
        task = asyncio.create_task(db.write(TOWN, self))
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)
        return task


def weight(tx: Tx) -> int:
    row = tx.one("SELECT sum(length(body)) AS bytes FROM object WHERE participant = :p", p=TOWN)
    assert row is not None
    return int(row["bytes"])


def calls_that_read() -> int:
    """Of this thread, as the kernel counts them: whoever moves the log reads all of it, sooner or later."""
    told = Path("/proc/thread-self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in told)["syscr"])


async def test_what_is_busy_is_read_from_the_file_once(sqlite_db: Database) -> None:
    """>> a unit looks at twice as many pages as SQLite keeps by itself, and once more << the second time it asks the
    file for none of them."""
    body = b"x" * 3_000  # a page each

    def fill(tx: Tx) -> None:
        """In one unit: after a thousand the log is moved into the file beside, which reads it."""
        for name in range(1_000):
            add(tx, str(name), body)

    def asked_for(tx: Tx) -> int:
        before = calls_that_read()
        weight(tx)
        return calls_that_read() - before

    await sqlite_db.write(TOWN, fill)
    assert await sqlite_db.write(TOWN, weight) == 1_000 * len(body)
    assert await sqlite_db.write(TOWN, asked_for) < 100


async def test_who_moves_the_log_opens_the_file_when_there_is_something_to_move(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> an idle database is closed << nobody read its schema once more for that."""
    opened: list[Path] = []
    monkeypatch.setattr(checkpoint, "connect", lambda path: opened.append(path) or sqlite3.connect(path))
    assert isinstance(sqlite_db, Sqlite)
    mover = checkpoint.Checkpointer(sqlite_db._path, lambda: None)
    mover.start()
    mover.stop()
    assert opened == []
    mover.start()
    mover._hurry.set()
    mover.full(1, 0)
    while not opened:
        await asyncio.sleep(0.01)
    mover.stop()
    assert opened == [sqlite_db._path]


async def test_bug_who_moves_the_log_ended_when_the_file_could_not_be_opened(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a process that has no file left to open, and then one << the log is moved the next time."""
    opened: list[Path] = []

    def opens(path: Path) -> sqlite3.Connection:
        opened.append(path)
        if len(opened) == 1:
            sqlite3.connect("/nowhere/at/all")
        return sqlite3.connect(path)

    monkeypatch.setattr(checkpoint, "connect", opens)
    assert isinstance(sqlite_db, Sqlite)
    mover = checkpoint.Checkpointer(sqlite_db._path, lambda: None)
    mover.start()
    for times in (1, 2):
        mover._hurry.set()
        mover.full(1, 0)
        async with asyncio.timeout(PATIENCE_S):
            while len(opened) < times:
                await asyncio.sleep(0.01)
    mover.stop()


async def test_who_writes_at_length_opens_the_file_for_the_first_long_unit(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> long units, and no file left to open for the first << it fails, the next are written, one file is open."""
    opened: list[Path] = []

    def opens(path: Path) -> sqlite3.Connection:
        opened.append(path)
        if len(opened) == 1:
            sqlite3.connect("/nowhere/at/all")
        return connect(path)

    monkeypatch.setattr(database, "connect", opens)
    await sqlite_db.write(TOWN, add, "short")
    assert opened == []
    with pytest.raises(Unavailable, match=r"storage\.unreachable"):
        await sqlite_db.write(TOWN, long(lambda tx: add(tx, "first")))
    for name in ("second", "third"):
        await sqlite_db.write(TOWN, long(lambda tx, name: add(tx, name)), name)
    assert opened == [tmp_path / "hanse.db"] * 2
    assert await sqlite_db.read(TOWN, names) == ["second", "short", "third"]


async def test_a_long_unit_is_on_the_disk_before_anyone_sees_it(sqlite_db: Database, tmp_path: Path) -> None:
    """>> a long unit has written and still works << nobody sees it, short units wait, and reading goes on."""
    gate = Gate()

    @long
    def writing(tx: Tx) -> None:
        add(tx, "a")
        gate(tx)

    task = asyncio.create_task(sqlite_db.write(TOWN, writing))
    assert await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
    behind = asyncio.create_task(sqlite_db.write(TOWN, add, "b"))
    assert await sqlite_db.read(TOWN, names) == []
    assert not task.done()
    assert not behind.done()
    gate.opened.set()
    await asyncio.gather(task, behind)
    assert await sqlite_db.read(TOWN, names) == ["a", "b"]


async def test_a_batch_shares_one_commit(sqlite_db: Database) -> None:
    """Units that wait together run in one transaction of the connection."""
    gate, transactions = Gate(), []

    def unit(tx: Tx) -> None:
        tx.run("CREATE TEMP TABLE IF NOT EXISTS same (n INTEGER)")
        tx.run("INSERT INTO same VALUES (1)")
        transactions.append(tx.one("SELECT count(*) AS n FROM same"))

    held = await gate.close_behind(sqlite_db)
    tasks = [asyncio.create_task(sqlite_db.write(TOWN, unit)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(held, *tasks)
    assert transactions == [{"n": n} for n in range(1, 6)]


@pytest.mark.parametrize(
    ("passes", "commits"),
    [
        ((0, 0, 1, 2, 4), [5]),
        ((0, 4), [1, 1]),
        ((0, 0, 5), [2, 1]),
        ((0, 0, *range(1, PASSES + 3)), [PASSES + 2]),
    ],
)
async def test_units_that_come_pass_by_pass_share_one_commit(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, passes: tuple[int, ...], commits: list[int]
) -> None:
    """>> units asked for in these passes of the loop << together, if in two passes in a row at least one came; one that
    is alone waits for nobody, and none for ever."""
    sizes: list[int] = []
    commit = Committer.commit

    def noted(self: Committer, batch: list[Unit]) -> list[Outcome]:
        sizes.append(len(batch))
        return commit(self, batch)

    async def asked(after: int, name: str) -> None:
        for _ in range(after):
            await asyncio.sleep(0)
        await sqlite_db.write(TOWN, add, name)

    monkeypatch.setattr(Committer, "commit", noted)
    await asyncio.gather(*(asked(after, f"{number}") for number, after in enumerate(passes)))
    assert sizes[: len(commits)] == commits


async def test_who_is_alone_waits_for_no_further_pass(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one unit << it is committed in the next pass of the loop."""
    sizes: list[int] = []
    commit = Committer.commit

    def noted(self: Committer, batch: list[Unit]) -> list[Outcome]:
        sizes.append(len(batch))
        return commit(self, batch)

    monkeypatch.setattr(Committer, "commit", noted)
    asked = asyncio.create_task(sqlite_db.write(TOWN, add, "0"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sizes == [1]
    await asked


async def test_a_full_disk_fails_only_the_unit_that_filled_it(sqlite_db: Database) -> None:
    """SQLite rolls the whole batch back; its other units run again and are saved, the guilty one is told."""
    await sqlite_db.write(TOWN, lambda tx: tx.one("PRAGMA max_page_count = 200"))
    gate, runs = Gate(), []

    def small(tx: Tx, name: str) -> str:
        runs.append(name)
        add(tx, name)
        return name

    held = await gate.close_behind(sqlite_db)
    calls = [sqlite_db.write(TOWN, small, "a"), sqlite_db.write(TOWN, add, "huge", b"x" * 2_000_000)]
    calls += [sqlite_db.write(TOWN, small, "b"), sqlite_db.write(TOWN, small, "c")]
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    gate.opened.set()
    await held
    a, huge, b, c = await asyncio.gather(*tasks, return_exceptions=True)
    assert (a, b, c) == ("a", "b", "c")
    assert isinstance(huge, Unavailable)
    assert huge.code == "storage.full"
    assert runs == ["a", "a", "a", "b", "c"], "boldly, carefully, one by one"
    assert await sqlite_db.read(TOWN, names) == ["a", "b", "c"]


async def test_a_unit_that_swallows_a_full_disk_cannot_write_outside_a_transaction(sqlite_db: Database) -> None:
    """After the rollback its next statement would commit by itself; instead the unit fails as a whole."""
    await sqlite_db.write(TOWN, lambda tx: tx.one("PRAGMA max_page_count = 200"))

    def swallowing(tx: Tx) -> None:
        try:
            add(tx, "huge", b"x" * 2_000_000)
        except Unavailable:
            add(tx, "stray")

    with pytest.raises(Unavailable, match=r"storage\.full"):
        await sqlite_db.write(TOWN, swallowing)
    assert await sqlite_db.read(TOWN, names) == []
    await sqlite_db.write(TOWN, add, "next")


async def test_the_loop_does_not_wait_for_a_program_of_the_operator(sqlite_db: Database, tmp_path: Path) -> None:
    """>> `sqlite3 hanse.db` holds the write lock << reading goes on, and the unit is saved when it lets go."""
    outsider = sqlite3.connect(tmp_path / "hanse.db", isolation_level=None)
    outsider.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(sqlite_db.write(TOWN, add, "a"))
    for _ in range(20):
        assert await sqlite_db.read(TOWN, names) == []
    assert not task.done()
    outsider.execute("ROLLBACK")
    outsider.close()
    await task
    assert await sqlite_db.read(TOWN, names) == ["a"]


async def test_a_batch_that_runs_again_does_not_fail_on_a_program_of_the_operator(
    sqlite_db: Sqlite, tmp_path: Path
) -> None:
    """>> one of two units is undone, and `sqlite3` takes the lock before they run again << both wait for it."""
    outsider = sqlite3.connect(tmp_path / "hanse.db", isolation_level=None)
    begun = list[str]()

    def traced(statement: str) -> None:
        if statement == "BEGIN IMMEDIATE":
            begun.append(statement)
            if len(begun) == 2:
                outsider.execute(statement)

    def undone(tx: Tx) -> None:
        add(tx, "b")
        raise Mistake("storage.closed")

    sqlite_db._here.set_trace_callback(traced)
    tasks = [asyncio.create_task(call) for call in (sqlite_db.write(TOWN, add, "a"), sqlite_db.write(TOWN, undone))]
    async with asyncio.timeout(PATIENCE_S):
        while len(begun) < 2:
            await asyncio.sleep(0)
    outsider.execute("ROLLBACK")
    outsider.close()
    saved, refused = await asyncio.gather(*tasks, return_exceptions=True)
    assert saved is None
    assert isinstance(refused, Mistake)
    assert await sqlite_db.read(TOWN, names) == ["a"]


async def test_a_log_that_cannot_be_emptied_holds_nobody_up(migrated: Path, tmp_path: Path) -> None:
    """>> the file is damaged as the log is to be moved into it << whoever waits for the write lock is answered."""
    path = Path(shutil.copy(migrated, tmp_path / "hanse.db"))
    db = Sqlite(path, wal_limit=1)
    await db.start()
    entered, emptying = threading.Event(), db._checkpointer.empty

    def damaged(writer: sqlite3.Connection) -> None:
        os.truncate(path, 0)
        entered.set()
        emptying(writer)

    def lease(tx: Tx, name: str) -> None:
        tx.run("INSERT INTO lease VALUES (:name, 'me', 1, 1)", name=name)

    db._checkpointer.empty = damaged  # type: ignore[method-assign]
    await db.write(TOWN, lease, "a")
    while not entered.is_set():
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(db.write(TOWN, lease, "b"), return_exceptions=True)
        await db.close()


_ELSEWHERE = """
import asyncio, sys
from connector.foundation.errors import HanseError
from connector.foundation.storage import open_database

async def start(path):
    db = open_database(f"sqlite://{path}")
    await db.start()
    await db.close()

for line in sys.stdin:
    try:
        asyncio.run(start(line.strip()))
        print("started", flush=True)
    except HanseError as error:
        print(error.code, flush=True)
"""


class Elsewhere:
    """A second process, which starts on a database as often as it is told to."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", _ELSEWHERE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    async def start(self, path: Path) -> str:
        """The error's code or `started`."""
        return await asyncio.to_thread(self._start, path)

    def _start(self, path: Path) -> str:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(path, file=self._child.stdin, flush=True)
        return self._child.stdout.readline().strip()

    def close(self) -> None:
        self._child.communicate()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


async def test_a_second_process_is_refused(sqlite_db: Database, tmp_path: Path, elsewhere: Elsewhere) -> None:
    """Also after this process closed another connection to the file, with which a POSIX lock would have vanished."""
    path = tmp_path / "hanse.db"
    assert await elsewhere.start(path) == "storage.locked"
    path.open("rb").close()
    sqlite3.connect(path).close()
    assert await elsewhere.start(path) == "storage.locked"
    with pytest.raises(Mistake, match=r"storage\.locked"):
        upgrade(f"sqlite://{path}")
    await sqlite_db.close()
    assert await elsewhere.start(path) == "started"


async def test_a_deleted_lock_file_admits_nobody(sqlite_db: Database, tmp_path: Path, elsewhere: Elsewhere) -> None:
    """Bug: >> the lock file is deleted while the process runs << a second process locked a new one and started."""
    path = tmp_path / "hanse.db"
    (tmp_path / "hanse.db.lock").unlink()
    assert await elsewhere.start(path) == "storage.locked"
    (tmp_path / "hanse.db.lock").touch()
    assert await elsewhere.start(path) == "storage.locked"
    await sqlite_db.close()
    assert await elsewhere.start(path) == "started"


async def test_the_database_is_for_its_owner_alone(migrated: Path, tmp_path: Path) -> None:
    """Bug: >> files of a start with the usual umask, and of an older release << 0600, also what lies beside them."""
    path = Path(shutil.copy(migrated, tmp_path / "hanse.db"))
    path.chmod(0o644)
    before = os.umask(0o022)
    try:
        await _written(path)
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        upgrade(f"sqlite://{fresh / 'hanse.db'}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((fresh / "hanse.db").stat().st_mode) == 0o600


async def _written(path: Path) -> None:
    database = open_database(f"sqlite://{path}")
    await database.start()
    await database.write("", lambda tx: tx.run("INSERT INTO clock_note (id, at) VALUES (9, 9)"))
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.glob("hanse.db*")}
    await database.close()
    assert set(modes.values()) == {0o600}, modes
    assert "hanse.db-wal" in modes


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_refusal_names_the_way_out(lang: str) -> None:
    """Whoever wants two processes learns that PostgreSQL is the answer."""
    assert "PostgreSQL" in say("error.storage.locked", lang, path="x.lock")


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """A process is killed in the middle of its writing; every number it had reported is there, and the lock is free."""
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url)
    code = (
        "import asyncio, itertools, sys\nfrom connector.foundation.storage import open_database\n"
        "SQL = 'INSERT INTO did_pin (did, keys, seen_at) VALUES (:n, zeroblob(1), 0)'\n"
        "async def one(db, n):\n    await db.write('', lambda tx: tx.run(SQL, n=str(n)))\n    print(n, flush=True)\n"
        "async def main():\n    db = open_database(sys.argv[1])\n    await db.start()\n"
        "    for n in itertools.count(0, 8):\n        await asyncio.gather(*(one(db, n + k) for k in range(8)))\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline().strip() for _ in range(300)]
        os.kill(process.pid, signal.SIGKILL)
        answered += [line.strip() for line in process.stdout if line.endswith("\n")]
    db = open_database(url)
    await db.start()
    saved = {row["did"] for row in await db.read("", lambda tx: tx.all("SELECT did FROM did_pin"))}
    await db.close()
    assert set(answered) <= saved
    assert len(answered) >= 300


async def test_the_log_stays_bounded_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Automatic checkpoints are off, yet the write-ahead log does not grow past its limit and a batch."""
    monkeypatch.setattr(checkpoint, "IDLE_S", 600.0)  # a slow machine would empty it before
    path, limit = tmp_path / "hanse.db", 500_000
    upgrade(f"sqlite://{path}")
    db, largest = Sqlite(path, wal_limit=limit), 0
    await db.start()
    sql = "INSERT INTO did_pin (did, keys, seen_at) VALUES (:n, :body, 0)"
    for n in range(60):
        await db.write("", lambda tx, n=n: tx.run(sql, n=str(n), body=b"x" * 50_000))
        largest = max(largest, (tmp_path / "hanse.db-wal").stat().st_size)
    await db.close()
    assert limit < largest < 2 * limit
    assert not (tmp_path / "hanse.db-wal").exists()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """The start fails in our words and gives the lock back."""
    path = tmp_path / "hanse.db"
    path.write_bytes(b"not a database " * 100)
    for _ in range(2):
        with pytest.raises(Exception, match=r"storage\."):
            await open_database(f"sqlite://{path}").start()


def test_bug_a_damaged_file_kept_a_connection_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a file on which no pragma can be set << refused, and nothing holds it open: Python 3.13 warns of what does."""
    path, opened = tmp_path / "hanse.db", list[sqlite3.Connection]()
    path.write_bytes(b"not a database " * 100)
    opens = sqlite3.connect

    def connects(*place: Any, **how: Any) -> sqlite3.Connection:
        opened.append(opens(*place, **how))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connects)
    with pytest.raises(sqlite3.DatabaseError):
        connect(path)
    (left,) = opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        left.execute("SELECT 1")

"""SQLite as the database of one process (spec/architecture.md 2.3, decision 0081).

Short units run on the event loop, all of one pass in one transaction; long ones run on a thread (`turns.py`). What was
committed, or read of that, is answered once the log is on the disk (`log_sync.py`).
"""

import asyncio
import contextlib
import errno
import os
import queue
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, Literal

from connector.foundation.clock import Clock, SystemClock
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.storage import at_rest, outbox, schema
from connector.foundation.storage.database import (
    HELD,
    PROCESS,
    WORKER,
    HeldLoop,
    Listener,
    P,
    Signal,
    Still,
    T,
    Tx,
    actor,
    of_nobody,
    still,
)
from connector.foundation.storage.sqlite import integrity
from connector.foundation.storage.sqlite.batch import Committer, Outcome, Unit
from connector.foundation.storage.sqlite.checkpoint import LIMIT, Checkpointer
from connector.foundation.storage.sqlite.held import Held
from connector.foundation.storage.sqlite.kept import KeptRows
from connector.foundation.storage.sqlite.lock import ProcessLock
from connector.foundation.storage.sqlite.log_sync import SYNC, LogSync, Sync
from connector.foundation.storage.sqlite.turns import Turns
from connector.foundation.storage.sqlite.tx import ReadingTx, connect, translate

READERS = 2
LOOP_CACHE_KIB = 8_000
"""Of the connection that all short units work on: what is busy fits in, and is neither read nor written twice."""


class Sqlite:
    """Implements `database.Database` on the file `path`; its folder must exist. `sync` brings a file to the disk."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path, clock: Clock | None = None, *, wal_limit: int = LIMIT, sync: Sync = SYNC) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._sync = sync
        self._lock = ProcessLock(path)
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._beside: sqlite3.Connection | None = None
        self._held = Held(self._left_the_loop)
        self._checkpointer = Checkpointer(path, self._refused, limit=wal_limit)
        self._open = False
        self._failure: Unavailable | None = None
        self._idle: asyncio.Future[None] | None = None
        self._pinned = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock.take()
        try:
            await self._loop.run_in_executor(None, self._connect)
            self._begin()
            await self.read(PROCESS, schema.check)
            self._kept.watch()
            await self.write(WORKER, outbox.free_all)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        was_open, self._open = self._open, False
        if was_open:
            while self._turns.pending or self._log.pending:
                self._idle = self._loop.create_future()
                await self._idle
            await self._loop.run_in_executor(None, self._shut)
        self._lock.release()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        self._working()
        future: asyncio.Future[T] = self._loop.create_future()
        call: Callable[[Tx], T] = lambda tx: fn(tx, *args, **kw)  # noqa: E731
        if at_rest.guarded(scope, fn):
            call = partial(_awake, call)
        if (asked := still()) is not None:
            call = partial(_permitted, asked, call)
        unit = Unit(scope, call, future, actor(scope), fn)
        self._turns.submit(unit, long=self._held.off(fn))
        return await future

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        self._working()
        call: Callable[[Tx], T] = lambda tx: fn(tx, *args, **kw)  # noqa: E731
        if not self._held.off(fn) and self._can_read_here():
            try:
                return self._read_here(scope, call, fn)
            except Defect as error:
                self._noted(error)
                raise
            finally:
                await asyncio.sleep(0)
        try:
            work = partial(self._read_beside, scope, call, actor(scope))
            return await self._loop.run_in_executor(self._threads, work)
        except Defect as error:
            self._noted(error)
            raise
        finally:  # a refusal tells of what was read no less than a value
            await self._seen()

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._listeners[topic].append(callback)

    def _working(self) -> None:
        """Raises Unavailable once it is closed, and for good once damage or a sync that failed has shown."""
        if self._failure is not None:
            raise Unavailable(self._failure.code, **self._failure.facts)
        if not self._open:
            raise Unavailable("storage.closed")

    def _noted(self, error: BaseException | None) -> None:
        if isinstance(error, Defect) and error.code == "storage.corrupt" and self._failure is None:
            self._failure = Unavailable(error.code, **error.facts)

    def _unsynced(self, error: OSError) -> Unavailable:
        """What was committed may be gone after a power cut, and what comes after it with it: all is over."""
        self._failure = Unavailable("storage.unsynced", reason=errno.errorcode.get(error.errno or 0, "EIO"))
        self._turns.fail(self._failure)
        self._checkpointer.abandon()
        return self._failure

    def _refused(self) -> None:
        """A checkpoint could not bring something to the disk; on any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._unsynced, OSError(errno.EIO, "checkpoint"))

    def _left_the_loop(self, held: HeldLoop) -> None:
        self._deliver([Signal(HELD, held)])

    def _connect(self) -> None:
        try:
            self._here = connect(self._path, synced=False, cache_kib=LOOP_CACHE_KIB)
            try:
                integrity.stamp_anew(self._path, self._here)
                self._here.execute("PRAGMA busy_timeout = 0").close()  # the loop waits for nobody from now on
                self._safe = connect(self._path, query_only=True, busy_ms=0)
            except BaseException:
                self._here.close()
                raise
        except sqlite3.Error as error:
            raise translate(error) from error

    def _begin(self) -> None:
        log = os.open(self._path.with_name(self._path.name + "-wal"), os.O_RDONLY | os.O_CLOEXEC)
        self._log = LogSync(log, self._sync, self._settle, self._unsynced)
        self._kept = KeptRows(self._here)
        short = Committer(self._here, self._clock, waits=False, held=self._held, kept=self._kept)
        self._turns = Turns(
            short,
            lambda: Committer(self._writer(), self._clock, waits=True),
            self._here,
            self._log,
            self._spent,
            self._pin,
        )
        self._threads = ThreadPoolExecutor(READERS, "hanse-reader")
        self._log.start()
        self._checkpointer.start()
        self._open = True

    def _shut(self) -> None:
        self._turns.stop()
        self._log.stop()
        self._checkpointer.stop()
        self._threads.shutdown()
        while not self._readers.empty():
            self._readers.get().close()
        with contextlib.ExitStack() as last:
            if self._failure is not None or not self._emptied():
                last.enter_context(contextlib.closing(_keeping(self._path)))
            self._safe.close()
            self._here.close()
            if self._beside is not None:
                self._beside.close()
            self._beside = None

    def _emptied(self) -> bool:
        """Whether the log could be moved into the file; else it is played back at the next start."""
        try:
            self._here.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.OperationalError:
            return False
        return True

    def _can_read_here(self) -> bool:
        """Not while the moment that would have to be shown is lost: an error of the disk ends a transaction."""
        return not self._pinned or self._safe.in_transaction

    def _read_here(self, scope: str, call: Callable[[Tx], T], fn: object) -> T:
        began = self._held.began(fn)
        try:
            if self._pinned:
                return _looked(ReadingTx(self._safe, scope, self._clock.now(), actor(scope)), call)
            return _read(self._here, ReadingTx(self._here, scope, self._clock.now(), actor(scope)), call)
        finally:
            self._held.ended(fn, began)

    def _read_beside(self, scope: str, call: Callable[[Tx], T], who: str) -> T:
        connection = self._reader()
        try:
            return _read(connection, ReadingTx(connection, scope, self._clock.now(), who), call)
        finally:
            self._readers.put(connection)

    def _reader(self) -> sqlite3.Connection:
        """One that is idle, or a further one: there are as many threads as there may be readers."""
        try:
            return self._readers.get_nowait()
        except queue.Empty:
            pass
        try:
            return connect(self._path, query_only=True)
        except sqlite3.Error as error:
            raise translate(error) from error

    def _writer(self) -> sqlite3.Connection:
        """That of long units, made for the first: many a process has none. Only on their thread."""
        if self._beside is None:
            self._beside = connect(self._path)
        return self._beside

    async def _seen(self) -> None:
        """What was read may have been committed a moment ago; gives the loop to others in any case."""
        if self._log.sure:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._log.seen([Outcome(future)])
        await future

    def _spent(self, units: int) -> Callable[[], None] | None:
        """Whether the log has outgrown its limit and has to be emptied before it grows on."""
        return (
            partial(self._checkpointer.empty, self._writer)
            if self._checkpointer.full(units, self._log.size())
            else None
        )

    def _pin(self) -> None:
        """What is read from now on is as it was before the commit that comes, until that is on the disk."""
        if self._pinned:
            return
        self._safe.execute("BEGIN")
        try:
            self._safe.execute("PRAGMA user_version").fetchone()  # begins to read, and needs no schema
        except sqlite3.Error:
            if self._safe.in_transaction:
                self._safe.execute("ROLLBACK")
            raise
        self._pinned = True

    def _settle(self, outcomes: list[Outcome]) -> None:
        if self._pinned and not self._log.pending:
            if self._safe.in_transaction:
                self._safe.execute("ROLLBACK")
            self._pinned = False
        for outcome in outcomes:
            self._noted(outcome.error)
            _settle(outcome)
            if outcome.signals:
                self._deliver(outcome.signals)
        self._turns.synced()
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _deliver(self, signals: Sequence[Signal]) -> None:
        for signal in signals:
            for listener in self._listeners[signal.topic]:
                self._loop.call_soon(listener, signal.value, context=of_nobody())


def _awake(call: Callable[[Tx], T], tx: Tx) -> T:
    at_rest.require_awake(tx)
    return call(tx)


def _permitted(asked: Still, call: Callable[[Tx], T], tx: Tx) -> T:
    asked(tx)
    return call(tx)


def _looked(tx: ReadingTx, call: Callable[[Tx], T]) -> T:
    value = call(tx)
    tx.only_read()
    return value


def _read(connection: sqlite3.Connection, tx: ReadingTx, call: Callable[[Tx], T]) -> T:
    try:
        connection.execute("BEGIN")
        value = call(tx)
        tx.only_read()
        return value
    except sqlite3.Error as error:
        raise translate(error) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _keeping(path: Path) -> sqlite3.Connection:
    """Closed last, it leaves the log beside the file, which the last one that may write moves into it."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    with contextlib.suppress(sqlite3.Error):
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    return connection


def _settle(outcome: Outcome) -> None:
    future, error = outcome.future, outcome.error
    if future.done():  # whoever waited was cancelled; the unit stands as committed
        return
    if error is None:
        future.set_result(outcome.value)
    elif isinstance(error, StopIteration):  # a future cannot carry it
        future.set_exception(Defect("storage.statement", reason="StopIteration"))
    else:
        future.set_exception(error)

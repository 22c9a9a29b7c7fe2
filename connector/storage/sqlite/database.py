"""SQLite as the database of one process: one writer thread, a few reading connections (spec/architecture.md 2.3).

Waiting costs no thread: an answered batch comes back to the event loop in a single hop.
"""

import asyncio
import contextlib
import queue
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, Literal, cast

from connector.clock import Clock, SystemClock
from connector.errors import Defect, Unavailable
from connector.storage import outbox, schema
from connector.storage.database import PROCESS, WORKER, Listener, P, T, Tx, actor
from connector.storage.sqlite import integrity
from connector.storage.sqlite.checkpoint import LIMIT, Checkpointer
from connector.storage.sqlite.lock import ProcessLock
from connector.storage.sqlite.tx import SqliteTx, connect, translate
from connector.storage.sqlite.writer import Outcome, Unit, Writer

READERS = 2


class Sqlite:
    """Implements `database.Database` on the file `path`; its folder must exist."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path, clock: Clock | None = None, *, wal_limit: int = LIMIT) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._wal_limit = wal_limit
        self._lock = ProcessLock(path)
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._writer: Writer | None = None
        self._corrupt: Defect | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock.take()
        try:
            await self._loop.run_in_executor(None, self._open)
            await self.read(PROCESS, schema.check)
            await self.write(WORKER, outbox.free_all)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await self._loop.run_in_executor(None, self._shut, writer)
        self._lock.release()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        writer = self._working()
        future: asyncio.Future[object] = self._loop.create_future()
        writer.submit(Unit(scope, lambda tx: fn(tx, *args, **kw), future, actor(scope)))
        return cast(T, await future)

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        self._working()
        call: Callable[[Tx], T] = lambda tx: fn(tx, *args, **kw)  # noqa: E731
        return await self._loop.run_in_executor(self._threads, partial(self._read, scope, call, actor(scope)))

    def _working(self) -> Writer:
        """Raises Unavailable once it is closed, and for good once damage has shown."""
        if self._corrupt is not None:
            raise Unavailable(self._corrupt.code, **self._corrupt.facts)
        if self._writer is None:
            raise Unavailable("storage.closed")
        return self._writer

    def _noted(self, error: BaseException | None) -> None:
        if isinstance(error, Defect) and error.code == "storage.corrupt":
            self._corrupt = error

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._listeners[topic].append(callback)

    def _open(self) -> None:
        try:
            self._connection = self._stamped()
        except sqlite3.Error as error:
            raise translate(error) from error
        self._threads = ThreadPoolExecutor(READERS, "hanse-reader")
        self._checkpointer = Checkpointer(self._path, limit=self._wal_limit)
        self._checkpointer.start()
        self._writer = Writer(self._connection, self._clock, self._answer, self._checkpointer.committed)
        self._writer.start()

    def _stamped(self) -> sqlite3.Connection:
        connection = connect(self._path)
        try:
            integrity.stamp_anew(self._path, connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _shut(self, writer: Writer) -> None:
        writer.stop()
        self._checkpointer.stop()
        self._threads.shutdown()
        while not self._readers.empty():
            self._readers.get().close()
        with contextlib.suppress(sqlite3.OperationalError):  # the log is then replayed at the next start
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        self._connection.close()

    def _read(self, scope: str, call: Callable[[Tx], T], who: str) -> T:
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            return call(SqliteTx(connection, scope, self._clock.now(), actor=who))
        except Defect as error:
            self._noted(error)
            raise
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
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
            failure = translate(error)
            self._noted(failure)
            raise failure from error

    def _answer(self, outcomes: list[Outcome]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._deliver, outcomes)

    def _deliver(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self._noted(outcome.error)
            _settle(outcome)
            for topic, value in outcome.signals:
                for listener in self._listeners[topic]:
                    self._loop.call_soon(listener, value)


def _settle(outcome: Outcome) -> None:
    future, error = outcome.unit.future, outcome.error
    if future.done():  # whoever waited was cancelled; the unit stands as committed
        return
    if error is None:
        future.set_result(outcome.value)
    elif isinstance(error, StopIteration):  # a future cannot carry it
        future.set_exception(Defect("storage.statement", reason="StopIteration"))
    else:
        future.set_exception(error)

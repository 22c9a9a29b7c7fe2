"""Moves the write-ahead log into the database file off the commit path.

A thread of its own checkpoints after `UNITS` units or `IDLE_S` seconds without stopping who writes. Under unbroken load
such a checkpoint never catches the end of the log, so it is emptied under the write lock once it passes `LIMIT` bytes,
on the thread of long units: the event loop goes on meanwhile. SQLite brings the log to the disk before it moves
anything, whoever wrote it (decision 0081). A disk that refuses to sync here is believed nothing any more, either.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from connector.foundation.storage.sqlite.tx import BUSY_MS, connect

UNITS = 1_000
IDLE_S = 5.0
LIMIT = 64 * 1024 * 1024


class Checkpointer:
    """`full` is for the event loop, `empty` for who has the write lock, the rest for who opens and closes.

    `refused` is called when a sync has failed, on whatever thread that was.
    """

    def __init__(self, path: Path, refused: Callable[[], None], *, limit: int = LIMIT) -> None:
        self._path = path
        self._refused = refused
        self._limit = self._full = limit
        self._units = 0
        self._dirty = threading.Event()
        self._hurry = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopped, self._full = False, self._limit
        self._thread = threading.Thread(target=self._run, name="hanse-checkpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Blocks until it has ended."""
        self.abandon()
        if self._thread is not None:
            self._thread.join()

    def abandon(self) -> None:
        """Begins no further checkpoint, and ends by and by."""
        self._stopped = True
        self._dirty.set()
        self._hurry.set()

    def full(self, units: int, size: int) -> bool:
        """Notes `units` new units; whether the log, of `size` bytes, has outgrown its limit.

        Where a long reader keeps it from being emptied, it is tried again only after it has grown by a part more.
        """
        self._units += units
        if not self._dirty.is_set():
            self._dirty.set()
        if self._units >= UNITS:
            self._units = 0
            self._hurry.set()
        if size <= self._limit:
            self._full = self._limit
        if size <= self._full:
            return False
        self._full = size + self._limit // 8
        return True

    def empty(self, opened: Callable[[], sqlite3.Connection]) -> None:
        """Never waits for a reader, such as a backup that takes minutes: every commit would wait with it."""
        with contextlib.suppress(sqlite3.DatabaseError), self._next_time():  # damage: see `_run`
            writer = opened()
            writer.execute("PRAGMA busy_timeout = 0").close()
            try:
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            finally:
                writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}").close()

    @contextlib.contextmanager
    def _next_time(self) -> Iterator[None]:
        """A busy reader, or a full disk: the log keeps all until later. But no sync that failed is tried again."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_FSYNC:
                self._refused()

    def _run(self) -> None:
        try:
            self._checkpoint()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # damage: whoever reads or writes next says so
            return

    def _checkpoint(self) -> None:
        connection = None  # opened when there is something to do: it reads the whole schema
        while not self._stopped:  # looked at after clearing, so that `stop` cannot fall in between
            self._dirty.wait()
            self._hurry.wait(IDLE_S)
            self._dirty.clear()
            self._hurry.clear()
            if self._stopped:
                break
            with self._next_time():
                connection = connection or connect(self._path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        if connection is not None:
            connection.close()

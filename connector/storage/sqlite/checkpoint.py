"""Moves the write-ahead log into the database file off the commit path.

A thread of its own checkpoints after `UNITS` units or `IDLE_S` seconds without stopping the writer. Under unbroken load
such a checkpoint never catches the end of the log, so the writer itself empties it once it passes `LIMIT` bytes.
"""

import contextlib
import sqlite3
import threading
from pathlib import Path

from connector.storage.sqlite.tx import BUSY_MS, connect

UNITS = 1_000
IDLE_S = 5.0
LIMIT = 64 * 1024 * 1024


class Checkpointer:
    """`committed` is called by the writer thread, everything else by the thread that opens and closes the database."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._limit = limit
        self._units = 0
        self._dirty = threading.Event()
        self._hurry = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="hanse-checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._dirty.set()
        self._hurry.set()
        self._thread.join()

    def committed(self, writer: sqlite3.Connection, units: int) -> None:
        """Note `units` new units; empties the log here and now if it has outgrown its limit."""
        self._units += units
        self._dirty.set()
        if self._units >= UNITS:
            self._units = 0
            self._hurry.set()
        with contextlib.suppress(FileNotFoundError, sqlite3.OperationalError):  # busy reader: next time
            if self._wal.stat().st_size > self._limit:
                _empty(writer)

    def _run(self) -> None:
        try:
            self._checkpoint()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # damage: whoever reads or writes next says so
            return

    def _checkpoint(self) -> None:
        connection = connect(self._path)
        while not self._stopped:  # looked at after clearing, so that `stop` cannot fall in between
            self._dirty.wait()
            self._hurry.wait(IDLE_S)
            self._dirty.clear()
            self._hurry.clear()
            with contextlib.suppress(sqlite3.OperationalError):  # full disk: the log keeps all until later
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        connection.close()


def _empty(writer: sqlite3.Connection) -> None:
    """Never waits for a reader, such as a backup that takes minutes: every commit would wait with it."""
    writer.execute("PRAGMA busy_timeout = 0").close()
    try:
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}").close()

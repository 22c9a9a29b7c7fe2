"""A transaction on one `sqlite3` connection, and what its errors mean in our own error tree."""

import os
import sqlite3
from pathlib import Path
from typing import Literal

from connector.foundation.errors import Defect, HanseError, Unavailable
from connector.foundation.storage.database import SYSTEM, Row, Signal
from connector.foundation.storage.seldom import Kept

BESIDE = ("-wal", "-shm", "-journal")
BUSY_MS = 5_000
CACHE_KIB = 2_000
"""Of pages that a connection has read or written; SQLite takes no memory for them before."""
_FULL = {sqlite3.SQLITE_FULL}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNWRITABLE = {"SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_CANTINIT"}
"""The folder cannot be written: SQLite keeps its log beside the file, and needs that to read, too."""
_LATER = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
}


class TransactionLost(Exception):
    """SQLite rolled back the whole transaction, not only the statement (full disk, I/O error)."""


def connect(
    path: Path, *, query_only: bool = False, synced: bool = True, busy_ms: int = BUSY_MS, cache_kib: int = CACHE_KIB
) -> sqlite3.Connection:
    """A connection in autocommit mode with our pragmas; transactions are always opened by hand.

    `synced`: whether COMMIT waits for the disk; else whoever commits sees to that before he answers (`log_sync.py`).
    `query_only`: it reads the schema with its first statement, and some never have one: only what needs no schema is
    set, the rest is of who writes, stands in the file, or is SQLite's default.

    The file and what SQLite keeps beside it are made for their owner alone, and made so again if they were not.
    """
    if not query_only:
        _private(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    try:
        writing = (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if synced else 'NORMAL'}",
            "foreign_keys = ON",
            "wal_autocheckpoint = 0",
            f"cache_size = -{cache_kib}",
        )
        for pragma in (f"busy_timeout = {busy_ms}", *(("query_only = 1",) if query_only else writing)):
            connection.execute(f"PRAGMA {pragma}").close()
    except BaseException:  # a damaged file keeps no descriptor
        connection.close()
        raise
    return connection


def _private(path: Path) -> None:
    """Mode 0600; SQLite gives `-wal` and `-shm` the mode of the database file when it makes them."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for place in (path, *(path.with_name(path.name + beside) for beside in BESIDE)):
            if place.exists() and place.stat().st_mode & 0o077:
                place.chmod(0o600)
    except OSError:
        return  # SQLite says itself what is wrong with the file


def translate(error: sqlite3.Error) -> HanseError:
    """Whose fault a driver error is; the text of the error stays in the log because it may quote data."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if name in _UNWRITABLE:
        return Unavailable("storage.unwritable")
    if primary in _FULL:
        return Unavailable("storage.full")
    if primary in _BROKEN:
        return Defect("storage.corrupt", reason=name)
    if primary in _LATER:
        return Unavailable("storage.unreachable", reason=name)
    if isinstance(error, sqlite3.IntegrityError):
        return Defect("storage.constraint", reason=name)
    return Defect("storage.statement", reason=name)


class SqliteTx:
    """Implements `database.Tx`."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(
        self,
        connection: sqlite3.Connection,
        scope: str,
        now: int,
        *,
        actor: str = SYSTEM,
        careful: bool = True,
        kept: Kept | None = None,
    ) -> None:
        self.careful, self.lost = careful, False
        self.scope = scope
        self.actor = actor
        self.now = now
        self.signals: list[Signal] = []
        self.standing: Row | None = None
        self.kept = kept
        self._connection = connection
        self._last_error: HanseError | None = None

    def one(self, sql: str, /, **values: object) -> Row | None:
        cursor = self._execute(sql, values)
        try:
            row = cursor.fetchone()
            return None if row is None else dict(zip(_names(cursor), row, strict=True))
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def all(self, sql: str, /, **values: object) -> list[Row]:
        cursor = self._execute(sql, values)
        try:
            names = _names(cursor)
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def run(self, sql: str, /, **values: object) -> int:
        cursor = self._execute(sql, values)
        changed = cursor.rowcount
        cursor.close()
        return changed

    def changes(self) -> int:
        return self._connection.total_changes

    def signal(self, topic: str, value: object = None, *, here: bool = False) -> None:
        self.signals.append(Signal(topic, value, here))

    def _execute(self, sql: str, values: dict[str, object]) -> sqlite3.Cursor:
        if not self._connection.in_transaction:  # a further statement would commit by itself
            raise TransactionLost from self._last_error
        try:
            return self._connection.execute(sql, values)
        except sqlite3.Error as error:
            self._last_error = translate(error)
            raise self._last_error from error


class ReadingTx(SqliteTx):
    """Of a unit that only reads, on a connection that could write: nothing in it changes a row."""

    def __init__(self, connection: sqlite3.Connection, scope: str, now: int, actor: str) -> None:
        super().__init__(connection, scope, now, actor=actor, careful=False)
        self._before = connection.total_changes

    def run(self, sql: str, /, **values: object) -> int:
        raise Defect("storage.statement", reason="SQLITE_READONLY")

    def only_read(self) -> None:
        """Raises Defect if a statement that returns rows has changed some as well."""
        if self.changes() != self._before:
            raise Defect("storage.statement", reason="SQLITE_READONLY")


def _names(cursor: sqlite3.Cursor) -> list[str]:
    return [column[0] for column in cursor.description or ()]

"""A copy of a SQLite database as it was at one moment, made while others go on writing (decision 0051).

SQLite's backup interface copies within one read transaction, so it never begins anew and holds nobody up; the log grows
meanwhile. The copy is one file without a log, with a stamp of its own, and is looked at as a whole.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.storage.database import PROCESS
from connector.foundation.storage.schema import SESSIONS
from connector.foundation.storage.sqlite.integrity import stamp_alone
from connector.foundation.storage.sqlite.tx import SqliteTx, connect, translate

_PAGES = 2_048
"""Copied at a time: some milliseconds."""
Told = Callable[[int, int], None]
"""(pages copied, pages in all); called from the thread that copies."""


def copy(source: Path, target: Path, told: Told) -> None:
    """Fills the empty file `target`; raises Unavailable when the disk is full. Blocks: call it in a thread."""
    try:
        with closing(connect(source, query_only=True)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.execute("BEGIN")
            reading.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
            reading.backup(writing, pages=_PAGES, progress=lambda _, left, whole: told(whole - left, whole))
            reading.execute("ROLLBACK")
            _without_sessions(writing)
            writing.execute("PRAGMA journal_mode = DELETE").close()
        stamp_alone(target)
    except sqlite3.Error as error:
        raise _problem(target, error) from error


def _without_sessions(copy: sqlite3.Connection) -> None:
    """A backup that is put back signs nobody in who has signed out since."""
    there = {name for (name,) in copy.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in sorted(SESSIONS & there):
        copy.execute(f"DELETE FROM {table}")  # noqa: S608 of the schema
    copy.commit()


def sound(path: Path) -> None:
    """Raises Mistake unless the whole file is as SQLite wrote it (`integrity_check`); nothing beside it is read."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            lost = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise _problem(path, error) from error
    if found != "ok" or lost is not None:
        raise Mistake("storage.broken", path=path, problem=found if lost is None else f"foreign key: {lost[0]}")


@contextmanager
def reading(path: Path) -> Iterator[SqliteTx]:
    """A unit that only reads a copy, which nobody writes to; all participants are visible."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        yield SqliteTx(connection, PROCESS, SystemClock().now())
        connection.execute("ROLLBACK")


@contextmanager
def writing(path: Path) -> Iterator[SqliteTx]:
    """A unit on a copy that nobody has open; all participants are visible. It leaves one file without a log."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteTx(connection, PROCESS, SystemClock().now())
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise _problem(path, error) from error


def _problem(path: Path, error: sqlite3.Error) -> HanseError:
    if isinstance(error, sqlite3.OperationalError):
        return translate(error)
    return Mistake("storage.broken", path=path, problem=error)

"""Brings a database up to the schema of this release (`schema.py`): forward only, each step in one transaction.

PostgreSQL migrates as `hanse_owner`, which row-level security binds as well: a step that changes rows must lift FORCE
for itself.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from connector.foundation.clock import SystemClock
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Dialect
from connector.foundation.storage.schema import IDENTITY, MIGRATIONS, Phase, Session, Step, known_steps, refuse_newer
from connector.foundation.storage.sqlite.lock import only_process
from connector.foundation.storage.sqlite.tx import connect, translate

_TOKENS: dict[Dialect, dict[str, str]] = {
    "sqlite": {
        "{id}": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "{int}": "INTEGER",
        "{bytes}": "BLOB",
        "{text}": "TEXT",
        "{audit_tx}": "",
    },
    "postgres": {
        "{id}": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "{int}": "BIGINT",
        "{bytes}": "BYTEA",
        "{text}": "TEXT",
        "{audit_tx}": ", tx xid8 NOT NULL DEFAULT pg_current_xact_id()",
    },
}
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_version (name {text} PRIMARY KEY, number {int} NOT NULL, phase {text} NOT NULL,
  applied_at {int} NOT NULL);"""


def upgrade(url: str, *, until: Phase = "post", folder: Path = MIGRATIONS) -> list[str]:
    """Bring the database at `url` (on PostgreSQL: as its owner) up to this release; returns the names of the steps run.

    With `until="pre"` it stops before the first `post` step that has not run yet. Blocks; call it before `start`.
    """
    if url.startswith("sqlite:"):
        return _migrate_sqlite(sqlite_path(url), until, folder)
    from connector.foundation.storage.postgres.owner import session  # psycopg is loaded only where it is used

    with session(url) as owner:
        return _apply(owner, "postgres", until, folder)


def identity(url: str) -> str | None:
    """The id of the database at `url` (on PostgreSQL: as its owner); None without one. Blocks, changes nothing."""
    if not url.startswith("sqlite:"):
        from connector.foundation.storage.postgres.owner import session

        with session(url) as owner:
            return owner.identity()
    path = sqlite_path(url)
    if not path.exists():
        return None
    with only_process(path):
        try:
            with closing(connect(path)) as connection:
                return _SqliteSession(connection).identity()
        except sqlite3.Error as error:
            raise translate(error) from error


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///absolute/path.db`; raises `Mistake` for anything else."""
    path = url.removeprefix("sqlite://")
    if not path.startswith("/") or path == "/":
        raise Mistake("storage.url", url=url)
    return Path("/" + path.lstrip("/"))


def _apply(session: Session, dialect: Dialect, until: Phase, folder: Path) -> list[str]:
    session.script(_fill(_LEDGER, dialect))
    known, applied, done = known_steps(dialect, folder), dict(session.applied()), []
    refuse_newer(applied.items(), known)
    for step in known:
        if step.name in applied:
            continue
        if step.phase == "post" and until == "pre":
            break
        session.script("BEGIN;")
        for file in step.files:
            session.script(_fill(file.read_text(encoding="utf-8"), dialect))
        session.record(step, SystemClock().now())
        session.script("COMMIT;")
        done.append(step.name)
    return done


def _fill(sql: str, dialect: Dialect) -> str:
    for token, text in _TOKENS[dialect].items():
        sql = sql.replace(token, text)
    return sql


class _SqliteSession:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def script(self, sql: str) -> None:
        for statement in _statements(sql):
            self._connection.execute(_strict(statement))

    def applied(self) -> list[tuple[str, str]]:
        return self._connection.execute("SELECT name, phase FROM schema_version").fetchall()

    def record(self, step: Step, at: int) -> None:
        values = (step.name, step.number, step.phase, at)
        self._connection.execute(
            "INSERT INTO schema_version (name, number, phase, applied_at) VALUES (?, ?, ?, ?)", values
        )

    def identity(self) -> str | None:
        there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'database_identity'"
        if self._connection.execute(there).fetchone() is None:
            return None
        row = self._connection.execute(IDENTITY).fetchone()
        return None if row is None else str(row[0])


def _migrate_sqlite(path: Path, until: Phase, folder: Path) -> list[str]:
    with only_process(path):
        try:
            connection = connect(path)
        except sqlite3.Error as error:
            raise translate(error) from error
        try:
            return _apply(_SqliteSession(connection), "sqlite", until, folder)
        except sqlite3.Error as error:
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
            raise Mistake("storage.migration-failed", reason=reason) from error
        finally:
            connection.close()  # an open transaction of a failed step is rolled back


def _statements(sql: str) -> Iterator[str]:
    """Single statements: `executescript` would commit behind our back."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _strict(statement: str) -> str:
    """SQLite tables check their column types like PostgreSQL's, so that a wrong type shows on both."""
    if re.search(r"^\s*CREATE TABLE", statement, re.MULTILINE) is None:
        return statement
    return re.sub(r"\)\s*;\s*$", ") STRICT;", statement)

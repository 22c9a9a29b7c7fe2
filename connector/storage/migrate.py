"""Forward-only migrations: numbered files `NNNN_pre|post_name[.postgres|.sqlite].sql`, each step in one transaction.

`pre` steps run before the rollout and suit the previous release too; `post` steps run after it. So a database with
an unknown `pre` step is usable, one with an unknown `post` step is not. PostgreSQL migrates as `hanse_owner`, which
row-level security binds as well: a step that changes rows must lift FORCE for itself.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from connector.clock import SystemClock
from connector.errors import Mistake
from connector.storage.database import Dialect, Tx
from connector.storage.sqlite.lock import ProcessLock
from connector.storage.sqlite.tx import connect, translate

MIGRATIONS = Path(__file__).parent / "migrations"
Phase = Literal["pre", "post"]

_NAME = re.compile(
    r"(?P<name>(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+)(?:\.(?P<dialect>postgres|sqlite))?\.sql"
)
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
IDENTITY = "SELECT id FROM database_identity"
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_version (name {text} PRIMARY KEY, number {int} NOT NULL, phase {text} NOT NULL,
  applied_at {int} NOT NULL);"""
_LEDGER_EXISTS: dict[Dialect, str] = {
    "sqlite": "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
    "postgres": "SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema AND tablename = 'schema_version'",
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One migration: its general file and the one for the dialect, if any, in that order."""

    name: str
    number: int
    phase: Phase
    files: tuple[Path, ...]


class Session(Protocol):
    """What a migration needs of a connection: scripts of several statements, and a transaction around them."""

    def script(self, sql: str) -> None:
        """Run several statements."""

    def applied(self) -> list[tuple[str, str]]:
        """Names and phases of the steps in the ledger."""

    def record(self, step: Step, at: int) -> None:
        """Enter a step in the ledger."""

    def identity(self) -> str | None:
        """The id of the database (decision 0041); None before the step that gives it one."""


def steps(dialect: Dialect, folder: Path = MIGRATIONS) -> list[Step]:
    """All steps of this release for a dialect, in order."""
    files: dict[str, list[Path]] = {}
    found: dict[str, tuple[int, Phase]] = {}
    for path in sorted(folder.glob("*.sql"), key=lambda path: (path.name.split(".")[0], path.name.count("."))):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise Mistake("storage.migration-name", name=path.name)
        if match["dialect"] in (None, dialect):
            found[match["name"]] = (int(match["number"]), "pre" if match["phase"] == "pre" else "post")
            files.setdefault(match["name"], []).append(path)
    return [
        Step(name=name, number=number, phase=phase, files=tuple(files[name])) for name, (number, phase) in found.items()
    ]


def check(tx: Tx, folder: Path = MIGRATIONS) -> None:
    """A unit that raises `Mistake` if the schema is older than this release needs or newer than it understands."""
    known = steps(tx.dialect, folder)
    exists = tx.one(_LEDGER_EXISTS[tx.dialect]) is not None
    applied = tx.all("SELECT name, phase FROM schema_version") if exists else []
    names = {row["name"] for row in applied}
    missing = [step.name for step in known if step.phase == "pre" and step.name not in names]
    if missing:
        raise Mistake("storage.schema-old", step=missing[0])
    _refuse_newer([(row["name"], row["phase"]) for row in applied], known)


def refuse_newer(applied: Iterable[tuple[str, str]], dialect: Dialect) -> None:
    """Raises `Mistake` if these steps (name, phase) are of a release that this one does not understand."""
    _refuse_newer(applied, steps(dialect))


def _refuse_newer(applied: Iterable[tuple[str, str]], known: Sequence[Step]) -> None:
    ours = {step.name for step in known}
    for name, phase in applied:
        if phase == "post" and name not in ours:
            raise Mistake("storage.schema-new", step=name)


def upgrade(url: str, *, until: Phase = "post", folder: Path = MIGRATIONS) -> list[str]:
    """Bring the database at `url` (on PostgreSQL: as its owner) up to this release; returns the names of the steps run.

    With `until="pre"` it stops before the first `post` step that has not run yet. Blocks; call it before `start`.
    """
    if url.startswith("sqlite:"):
        return _migrate_sqlite(sqlite_path(url), until, folder)
    from connector.storage.postgres.owner import session  # psycopg is loaded only where it is used

    with session(url) as owner:
        return _apply(owner, "postgres", until, folder)


def identity(url: str) -> str | None:
    """The id of the database at `url` (on PostgreSQL: as its owner); None without one. Blocks, changes nothing."""
    if not url.startswith("sqlite:"):
        from connector.storage.postgres.owner import session

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
    known, applied, done = steps(dialect, folder), dict(session.applied()), []
    _refuse_newer(applied.items(), known)
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


@contextmanager
def only_process(path: Path) -> Iterator[None]:
    """SQLite's lock for a short work beside no server; raises Mistake `storage.locked`."""
    lock = ProcessLock(path)
    lock.take()
    try:
        yield
    finally:
        lock.release()


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

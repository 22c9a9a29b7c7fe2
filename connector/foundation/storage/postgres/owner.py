"""Migrations on PostgreSQL: one session of `hanse_owner`, under an advisory lock so that two releases do not meet."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.storage.schema import IDENTITY, Step

_LOCK = 4_873_160_511
"""Any number that no other program on this database uses for the same purpose."""


class _OwnerSession:
    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._connection = connection

    def script(self, sql: str) -> None:
        self._connection.execute(sql.encode())

    def applied(self) -> list[tuple[str, str]]:
        rows = self._connection.execute("SELECT name, phase FROM schema_version")
        return [(str(name), str(phase)) for name, phase in rows]

    def record(self, step: Step, at: int) -> None:
        values = (step.name, step.number, step.phase, at)
        self._connection.execute(
            "INSERT INTO schema_version (name, number, phase, applied_at) VALUES (%s, %s, %s, %s)", values
        )

    def identity(self) -> str | None:
        there = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema AND tablename = 'database_identity'"
        if self._connection.execute(there).fetchone() is None:
            return None
        row = self._connection.execute(IDENTITY).fetchone()
        return None if row is None else str(row[0])


@contextmanager
def session(url: str) -> Iterator[_OwnerSession]:
    """A locked session; driver errors become ours, and a step that failed is rolled back as the connection closes."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            yield _OwnerSession(connection)
    except psycopg.Error as error:
        raise _translate(error) from error


def _translate(error: psycopg.Error) -> HanseError:
    if isinstance(error, psycopg.errors.UndefinedObject):
        return Mistake("storage.roles-missing", roles="hanse_owner, hanse, hanse_worker")
    if isinstance(error, psycopg.OperationalError):
        return Unavailable("storage.unreachable", reason=error.sqlstate or type(error).__name__)
    return Mistake("storage.migration-failed", reason=error.sqlstate or type(error).__name__)

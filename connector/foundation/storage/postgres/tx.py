"""A transaction on one `psycopg` connection, and what its errors mean in our own error tree."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import psycopg
from psycopg import errors

from connector.foundation.errors import Defect, HanseError, Unavailable
from connector.foundation.storage.database import SYSTEM, Conflict, Deadlock, Row, Signal
from connector.foundation.storage.seldom import Kept

Connection = psycopg.Connection[dict[str, Any]]

_CHANGING = ("INSERT", "UPDATE", "DELETE")
_TOKEN = re.compile(r"'[^']*'|(?<![:\w]):([A-Za-z_]\w*)|%")


@lru_cache(maxsize=1024)
def placeholders(sql: str) -> bytes:
    """`:name` becomes `%(name)s`, except inside quotes; a per cent sign stays one."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        return f"%({name})s" if name else match[0].replace("%", "%%")

    return _TOKEN.sub(replace, sql).encode()


def translate(error: psycopg.Error) -> HanseError | Conflict:
    """Whose fault a driver error is; the text of the error stays in the log because it may quote data."""
    reason = error.sqlstate or type(error).__name__
    match error:
        case errors.DeadlockDetected():
            return Deadlock()
        case errors.SerializationFailure():
            return Conflict()
        case errors.DiskFull():
            return Unavailable("storage.full")
        case errors.InsufficientPrivilege():
            return Defect("storage.foreign-row")
        case psycopg.IntegrityError():
            return Defect("storage.constraint", reason=reason)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unavailable("storage.unreachable", reason=reason)
        case _:
            return Defect("storage.statement", reason=reason)


class PostgresTx:
    """Implements `database.Tx`."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, connection: Connection, scope: str, now: int, actor: str = SYSTEM) -> None:
        self.careful = self.lost = False
        self.scope = scope
        self.actor = actor
        self.now = now
        self.signals: list[Signal] = []
        self.standing: Row | None = None
        self.kept: Kept | None = None
        self._cursor = connection.cursor()
        self._changed = 0

    def one(self, sql: str, /, **values: object) -> Row | None:
        return self._execute(sql, values).fetchone()

    def all(self, sql: str, /, **values: object) -> list[Row]:
        return list(self._execute(sql, values).fetchall())

    def run(self, sql: str, /, **values: object) -> int:
        return self._execute(sql, values).rowcount

    def named(self, scope: str) -> None:
        """The rows of this scope from now on, whatever `scope` says to the unit."""
        self._execute("SELECT set_config('hanse.participant', :scope, true)", {"scope": scope})

    def changes(self) -> int:
        return self._changed

    def signal(self, topic: str, value: object = None, *, here: bool = False) -> None:
        self.signals.append(Signal(topic, value, here))

    def _execute(self, sql: str, values: Mapping[str, object]) -> "psycopg.Cursor[dict[str, Any]]":
        plain = {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}
        try:
            done = self._cursor.execute(placeholders(sql), plain)
        except psycopg.Error as error:
            raise translate(error) from error
        if (done.statusmessage or "").startswith(_CHANGING):
            self._changed += max(done.rowcount, int(sql.startswith("WITH")))  # what a part of it wrote is not told
        return done

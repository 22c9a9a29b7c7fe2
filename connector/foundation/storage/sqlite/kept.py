"""What seldom changes, kept by the connection of the event loop as long as it is true (`foundation/storage/seldom.py`).

Triggers of this connection alone say when a unit changes a row of those tables; from then until the transaction ends
everything is read, since it may be undone. What others have committed, on the thread of long units or in a program of
the operator, shows as another `data_version` once this connection has the write lock, so nobody can come in between.
"""

import sqlite3
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

import msgspec

from connector.foundation.storage.seldom import TABLES

T = TypeVar("T")

MOST: Final = 4_096
FEW: Final = 256
SMALL: Final = 8_192
"""Bytes as JSON; as values they take about three times as many, so that all of the few take some MiB at most."""
_FUNCTION: Final = "changed_seldom"
_NOTHING: Final = object()


class KeptRows:
    """Implements `seldom.Kept`. Keeps nothing before `watch`, which needs the tables to be there."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._values: dict[Hashable, object] = {}
        self._small: dict[Hashable, object] = {}
        self._version: int | None = None
        self._changing = True

    def watch(self) -> None:
        """Outside of any transaction; before the first unit that changes a row."""
        self._connection.execute("PRAGMA temp_store = MEMORY").close()
        self._connection.create_function(_FUNCTION, 0, self._changed)
        for table in TABLES:
            for change in ("INSERT", "UPDATE", "DELETE"):
                self._connection.execute(
                    f"CREATE TEMP TRIGGER {table}_{change} AFTER {change} ON main.{table}"
                    f" BEGIN SELECT {_FUNCTION}(); END"
                ).close()
        self._version = 0

    def begin(self) -> None:
        """A transaction that has the write lock begins; nothing of the one before is undone any more.

        Where nobody can say whether others have written, nothing is kept: what the unit then asks fails by itself.
        """
        if self._version is None:
            return
        try:
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            self._changed()
            return
        if version != self._version:
            self._forget()
        self._version, self._changing = version, False

    def value(self, key: Hashable, read: Callable[[], T], *, small: bool) -> T:
        if self._changing:
            return read()
        values, most = (self._small, FEW) if small else (self._values, MOST)
        found: T = values.get(key, _NOTHING)  # type: ignore[assignment]
        if found is not _NOTHING:
            return found
        value = read()
        if not small or (value and len(msgspec.json.encode(value)) <= SMALL):
            if len(values) >= most:
                values.clear()
            values[key] = value
        return value

    def _changed(self) -> None:
        self._forget()
        self._changing = True

    def _forget(self) -> None:
        self._values.clear()
        self._small.clear()

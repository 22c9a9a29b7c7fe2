"""A database in front of another one, for handlers on trial: it sees what a unit changed, and can take it back.

Triggers note which tables were written to; a part that was rolled back leaves no note. What a peer's mistake may write
(the token's id, the line in the transcript) is not noted.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from connector.foundation.errors import HanseError
from connector.foundation.storage.database import Database, Listener, Tx
from tests.testkit.patience import PATIENCE_S

P = ParamSpec("P")
T = TypeVar("T")
FREE = ("seen_token", "transcript", "usage")
TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    " AND name NOT LIKE 'copy_word%'"  # an index of SQLite's own, on which it allows no trigger
)
TRIGGER = "CREATE TRIGGER touched_{t}_{o} AFTER {o} ON {t} BEGIN INSERT INTO touched VALUES ('{t}'); END"


class _TakenBack(Exception):
    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.value = value


class Trial:
    """`before` prepares the unit's world, `after` looks at it; refusals stay unless `keep_refusals` is False."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect: Literal["sqlite", "postgres"] = database.dialect
        self.touched: set[str] = set()
        """Tables that the last unit wrote to, whether it was taken back or not."""
        self.before: Callable[[Tx], None] = lambda tx: None
        self.after: Callable[[Tx], object] = lambda tx: None
        self.seen: object = None
        self.keep_refusals = True

    async def start(self) -> None:
        await self._database.write("", _watch)

    async def close(self) -> None:
        return

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        """The value of the unit as ever; what a peer was right to ask for is undone, so that the world stays."""

        def unit(tx: Tx) -> T:
            self.before(tx)
            tx.run("DELETE FROM touched")
            value = fn(tx, *args, **kw)
            self.touched = {str(row["name"]) for row in tx.all("SELECT DISTINCT name FROM touched")}
            self.seen = self.after(tx)
            if self.keep_refusals and (value is None or isinstance(value, HanseError)):
                return value
            raise _TakenBack(value)

        try:
            return await self._database.write(scope, unit)
        except _TakenBack as done:
            value: Any = done.value
            return value  # type: ignore[no-any-return]

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        return await self._database.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._database.listen(topic, callback)

    async def digest(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that a peer's mistake must not write to."""
        return await asyncio.wait_for(self._database.read("", _contents), PATIENCE_S)


def _watched(tx: Tx) -> list[str]:
    names = [str(row["name"]) for row in tx.all(TABLES)]
    return [name for name in names if name not in (*FREE, "touched")]


def _watch(tx: Tx) -> None:
    tables = _watched(tx)
    tx.run("CREATE TABLE touched (name TEXT)")
    for table in tables:
        for operation in ("INSERT", "UPDATE", "DELETE"):
            tx.run(TRIGGER.format(t=table, o=operation))


def _contents(tx: Tx) -> dict[str, list[tuple[Any, ...]]]:
    return {name: [tuple(row.values()) for row in tx.all(f"SELECT * FROM {name}")] for name in _watched(tx)}

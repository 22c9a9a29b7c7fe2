"""Units that share a transaction on SQLite, and what became of each (group commit, spec/architecture.md 2.3).

A batch is first run boldly, without savepoints, because SQLite pays for those by copying every page a unit touches; if
a unit has to be undone, the batch runs again with a savepoint for each. A full disk makes SQLite roll back the whole
transaction: then the units run one by one, so that only the guilty one fails.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connector.foundation.clock import Clock
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.storage.database import RERUNS, Conflict, NeedsSavepoint, Signal, Tx
from connector.foundation.storage.sqlite.held import Held
from connector.foundation.storage.sqlite.kept import KeptRows
from connector.foundation.storage.sqlite.tx import SqliteTx, TransactionLost, translate

BATCH = 64
"""Units per commit at most: bounds the delay of the first one."""


class Busy(Exception):
    """Somebody else holds the write lock, and whoever asked does not wait for it."""


@dataclass(slots=True, eq=False)
class Unit:
    """A call that waits for its turn and the future of whoever waits for it."""

    scope: str
    call: Callable[[Tx], object]
    future: "asyncio.Future[Any]"
    actor: str
    fn: object
    """The function behind the call: whose time it is that is taken."""


@dataclass(slots=True, eq=False)
class Outcome:
    """What became of a unit; nobody hears of it before it is on the disk."""

    future: "asyncio.Future[Any]"
    value: object = None
    error: BaseException | None = None
    signals: list[Signal] = field(default_factory=list)


class Committer:
    """Runs batches on a connection that it has for itself meanwhile.

    `waits`: whether it stands in line for a write lock that somebody else holds (an operator's own program); else it
    raises `Busy`. `held` looks how long each takes. `kept` is what this connection has read before.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Clock,
        *,
        waits: bool,
        held: Held | None = None,
        kept: KeptRows | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._waits = waits
        self._held = held
        self._kept = kept

    def commit(self, batch: list[Unit]) -> list[Outcome]:
        """All that can be done of it is committed, and what cannot is undone."""
        outcomes = self._boldly(batch)
        return self._carefully(batch) if outcomes is None else outcomes

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not self._waits and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise Busy from error
            raise
        if self._kept is not None:
            self._kept.begin()

    def _boldly(self, batch: list[Unit]) -> list[Outcome] | None:
        """All units in one transaction without savepoints; None, and nothing written, if one has to be undone."""
        try:
            self._begin()
            outcomes = []
            for unit in batch:
                outcome = self._tried(unit) if self._held is None else self._watched(unit, self._held)
                if outcome is None:
                    self._connection.execute("ROLLBACK")
                    return None
                outcomes.append(outcome)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, TransactionLost):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return None
        return outcomes

    def _watched(self, unit: Unit, held: Held) -> Outcome | None:
        began = held.began(unit.fn)
        outcome = self._tried(unit)
        held.ended(unit.fn, began)
        return outcome

    def _tried(self, unit: Unit) -> Outcome | None:
        """What became of the unit; None if it failed after it had written something."""
        for _ in range(RERUNS):
            before = self._connection.total_changes
            tx = self._tx(unit, careful=False)
            try:
                return Outcome(unit.future, unit.call(tx), signals=tx.signals)
            except BaseException as error:  # the unit's own: it belongs to whoever awaits the future
                if not self._connection.in_transaction:
                    raise TransactionLost from error
                if isinstance(error, NeedsSavepoint) or self._connection.total_changes != before:
                    return None
                if not isinstance(error, Conflict):
                    return Outcome(unit.future, error=error)
        return Outcome(unit.future, error=Unavailable("storage.contended"))

    def _tx(self, unit: Unit, *, careful: bool) -> SqliteTx:
        return SqliteTx(
            self._connection, unit.scope, self._clock.now(), actor=unit.actor, careful=careful, kept=self._kept
        )

    def _carefully(self, batch: list[Unit]) -> list[Outcome]:
        try:
            self._begin()
        except sqlite3.Error as error:
            return [Outcome(unit.future, error=translate(error)) for unit in batch]
        try:
            outcomes = [self._unit(unit) for unit in batch]
            self._connection.execute("COMMIT")
        except (sqlite3.Error, TransactionLost) as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if len(batch) == 1:
                return [Outcome(batch[0].future, error=_reason(error))]
            return [outcome for unit in batch for outcome in self._alone(unit)]
        return outcomes

    def _alone(self, unit: Unit) -> list[Outcome]:
        """Others of its batch may be committed by now: it cannot stand in line for all of them."""
        try:
            return self._carefully([unit])
        except Busy:
            return [Outcome(unit.future, error=Unavailable("storage.unreachable", reason="SQLITE_BUSY"))]

    def _unit(self, unit: Unit) -> Outcome:
        for _ in range(RERUNS):
            tx = self._tx(unit, careful=True)
            self._connection.execute("SAVEPOINT unit")
            try:
                value = unit.call(tx)
            except Conflict:
                self._undo()
                continue
            except BaseException as error:  # the unit's own: it belongs to whoever awaits the future
                self._undo(error)
                return Outcome(unit.future, error=error)
            self._connection.execute("RELEASE unit")
            return Outcome(unit.future, value, signals=tx.signals)
        return Outcome(unit.future, error=Unavailable("storage.contended"))

    def _undo(self, error: BaseException | None = None) -> None:
        if not self._connection.in_transaction:
            if isinstance(error, TransactionLost):
                raise error
            raise TransactionLost from error
        self._connection.execute("ROLLBACK TO unit")
        self._connection.execute("RELEASE unit")


def _reason(error: sqlite3.Error | TransactionLost) -> BaseException:
    if isinstance(error, sqlite3.Error):
        return translate(error)
    return error.__cause__ or Defect("storage.statement", reason="VANISHED")

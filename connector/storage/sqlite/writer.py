"""The one thread that writes to SQLite: units queue up and share a commit (group commit, spec/architecture.md 2.3).

No unit is answered before the COMMIT that holds it. A batch is first run boldly, without savepoints, because SQLite
pays for those by copying every page a unit touches; if a unit has to be undone, the batch runs again with a savepoint
for each. A full disk makes SQLite roll back the whole transaction: then the units run one by one, so that only the
guilty one fails.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.errors import Defect, Unavailable
from connector.storage.database import RERUNS, Conflict, NeedsSavepoint, Tx
from connector.storage.sqlite.tx import SqliteTx, TransactionLost, translate

BATCH = 64
"""Units per commit at most: bounds the delay of the first one."""


@dataclass(slots=True, eq=False)
class Unit:
    """A call that waits for its turn and the future of whoever waits for it."""

    scope: str
    call: Callable[[Tx], object]
    future: "asyncio.Future[object]"
    actor: str


@dataclass(slots=True, eq=False)
class Outcome:
    """What became of a unit, known only after COMMIT."""

    unit: Unit
    value: object = None
    error: BaseException | None = None
    signals: list[tuple[str, object]] = field(default_factory=list)


class Writer:
    """Owns the writing connection from `start` to `stop`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Clock,
        answer: Callable[[list[Outcome]], None],
        committed: Callable[[sqlite3.Connection, int], None],
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._answer = answer
        self._committed = committed
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="hanse-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, unit: Unit) -> None:
        self._queue.put(unit)

    def stop(self) -> None:
        """Commit and answer all that was submitted before, then end the thread. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._gather()
            if batch:
                outcomes = self._commit(batch)
                self._answer(outcomes)
                self._committed(self._connection, len(outcomes))

    def _gather(self) -> tuple[list[Unit], bool]:
        batch: list[Unit] = []
        unit = self._queue.get()
        while unit is not None:
            batch.append(unit)
            if len(batch) == BATCH:
                return batch, True
            try:
                unit = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[Unit]) -> list[Outcome]:
        outcomes = self._boldly(batch)
        return self._carefully(batch) if outcomes is None else outcomes

    def _boldly(self, batch: list[Unit]) -> list[Outcome] | None:
        """All units in one transaction without savepoints; None, and nothing written, if one has to be undone."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = []
            for unit in batch:
                outcome = self._tried(unit)
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

    def _tried(self, unit: Unit) -> Outcome | None:
        """What became of the unit; None if it failed after it had written something."""
        for _ in range(RERUNS):
            before = self._connection.total_changes
            tx = SqliteTx(self._connection, unit.scope, self._clock.now(), actor=unit.actor, careful=False)
            try:
                return Outcome(unit, unit.call(tx), signals=tx.signals)
            except BaseException as error:  # the unit's own: it belongs to whoever awaits the future
                if not self._connection.in_transaction:
                    raise TransactionLost from error
                if isinstance(error, NeedsSavepoint) or self._connection.total_changes != before:
                    return None
                if not isinstance(error, Conflict):
                    return Outcome(unit, error=error)
        return Outcome(unit, error=Unavailable("storage.contended"))

    def _carefully(self, batch: list[Unit]) -> list[Outcome]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [Outcome(unit, error=translate(error)) for unit in batch]
        try:
            outcomes = [self._unit(unit) for unit in batch]
            self._connection.execute("COMMIT")
        except (sqlite3.Error, TransactionLost) as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if len(batch) == 1:
                return [Outcome(batch[0], error=_reason(error))]
            return [outcome for unit in batch for outcome in self._carefully([unit])]
        return outcomes

    def _unit(self, unit: Unit) -> Outcome:
        for _ in range(RERUNS):
            tx = SqliteTx(self._connection, unit.scope, self._clock.now(), actor=unit.actor)
            self._connection.execute("SAVEPOINT unit")
            try:
                value = unit.call(tx)
            except Conflict:
                self._undo()
                continue
            except BaseException as error:  # the unit's own: it belongs to whoever awaits the future
                self._undo(error)
                return Outcome(unit, error=error)
            self._connection.execute("RELEASE unit")
            return Outcome(unit, value, signals=tx.signals)
        return Outcome(unit, error=Unavailable("storage.contended"))

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

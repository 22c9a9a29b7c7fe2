"""Whose turn it is to write: short units on the event loop, one transaction a pass; long ones on a thread, one by one.

While the disk works, short units gather, since none could be answered sooner: a slow disk makes large batches, which
write each page once. They gather too while pass after pass of the loop brings further ones (decision 0119), but one
that is alone waits for nobody. There is one write lock, and the loop never waits for it: while it is lent to the
thread, units gather. The thread has a connection of its own with `synchronous = FULL`, so what it commits is on the
disk before anyone can see it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from connector.foundation.storage.database import is_long
from connector.foundation.storage.sqlite.batch import BATCH, Busy, Committer, Outcome, Unit
from connector.foundation.storage.sqlite.log_sync import LogSync
from connector.foundation.storage.sqlite.tx import translate

PASSES = 12
"""So many passes of the loop a batch waits at most for further units."""
QUIET = 2
"""After so many in a row that brought none it does not wait any longer."""


class Turns:
    """All methods belong to the thread of the event loop; `spare` is the thread for what is long.

    `long` is asked on that thread. `spent` is told how many units a pass committed, and gives what has to be done with
    the write lock before the next.
    """

    def __init__(
        self,
        short: Committer,
        long: Callable[[], Committer],
        connection: sqlite3.Connection,
        log: LogSync,
        spent: Callable[[int], Callable[[], None] | None],
        pin: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._spare = ThreadPoolExecutor(1, "hanse-writer")
        self._on_loop, self._on_thread = short, long
        self._connection = connection
        self._log = log
        self._spent = spent
        self._pin = pin
        self._short: deque[Unit] = deque()
        self._long: deque[Unit] = deque()
        self._coming = False
        self._gathering = _Gathering()
        self._lent = False
        self._todo: Callable[[], None] | None = None
        self._failure: BaseException | None = None

    def submit(self, unit: Unit, *, long: bool) -> None:
        (self._long if long else self._short).append(unit)
        self._soon()

    @property
    def pending(self) -> bool:
        """Whether a unit waits or works."""
        return bool(self._lent or self._short or self._long or (self._todo is not None and self._failure is None))

    def fail(self, failure: BaseException) -> None:
        """Nothing is written any more; whoever waits hears this."""
        self._failure = failure

    def synced(self) -> None:
        """What gathered while the disk worked is written now."""
        self._soon()

    def stop(self) -> None:
        """Ends the thread; nothing may be pending. May be called from any thread."""
        self._spare.shutdown()

    def _soon(self) -> None:
        ready = bool(self._long) or (not self._log.pending and (bool(self._short) or self._todo is not None))
        if ready and not self._coming and not self._lent:
            self._coming = True
            self._loop.call_soon(self._pass)

    def _pass(self) -> None:
        self._coming = False
        if self._lent:  # since this pass was asked for; whoever has the lock asks again when it is done
            return
        if self._failure is not None:
            self._short, self._long, waiting = deque(), deque(), [*self._short, *self._long]
            self._log.seen([Outcome(unit.future, error=self._failure) for unit in waiting])
            return
        if self._todo is not None and not self._log.pending:  # the log cannot be emptied while it is read of
            todo, self._todo = self._todo, None
            self._lend([], todo)
            return
        if not self._log.pending and self._gathering.goes_on(len(self._short)):
            self._soon()
            return
        batch = [] if self._log.pending else [self._short.popleft() for _ in range(min(BATCH, len(self._short)))]
        if batch:
            try:
                self._commit(batch)
            except Busy:
                self._lend(batch)
                return
            self._todo = self._todo or self._spent(len(batch))
        if self._long:
            self._lend(self._next_long())
        self._soon()

    def _next_long(self) -> list[Unit]:
        """One that is marked as long; of those that only showed it, as many as share a commit on the loop.

        A peer can make a unit long with a message or two: then those that follow must not pay with a sync each.
        """
        batch = [self._long.popleft()]
        while self._long and len(batch) < BATCH and not any(is_long(unit.fn) for unit in (batch[0], self._long[0])):
            batch.append(self._long.popleft())
        return batch

    def _commit(self, batch: list[Unit]) -> None:
        """A batch that changed no row is answered without a sync of its own: its COMMIT wrote nothing."""
        before = self._connection.total_changes
        outcomes = _settled(lambda: self._on_loop, batch, self._pin)
        if self._connection.total_changes == before:
            self._log.seen(outcomes)
        else:
            self._log.committed(outcomes)

    def _lend(self, batch: list[Unit], first: Callable[[], None] | None = None) -> None:
        self._lent = True
        work = self._loop.run_in_executor(self._spare, self._beside, batch, first)
        work.add_done_callback(self._returned)

    def _beside(self, batch: list[Unit], first: Callable[[], None] | None) -> list[Outcome]:
        if first is not None:
            first()
        return _settled(self._on_thread, batch) if batch else []

    def _returned(self, work: "asyncio.Future[list[Outcome]]") -> None:
        self._lent = False
        outcomes = work.result()
        self._log.seen(outcomes)
        if outcomes and self._failure is None:
            self._todo = self._todo or self._spent(len(outcomes))
        self._soon()


class _Gathering:
    """Whether a batch waits for another pass of the loop: as long as others bring units, few commits carry them all."""

    def __init__(self) -> None:
        self._passes = self._quiet = self._known = 0

    def goes_on(self, units: int) -> bool:
        """Asked once in each pass, of how many units are here; begins anew once it has said no."""
        self._quiet = 0 if units > self._known else self._quiet + 1
        if 1 < units < BATCH and self._passes < PASSES and self._quiet < QUIET:
            self._passes, self._known = self._passes + 1, units
            return True
        self._passes = self._quiet = self._known = 0
        return False


def _settled(
    committer: Callable[[], Committer], batch: list[Unit], first: Callable[[], None] = lambda: None
) -> list[Outcome]:
    """An error outside any unit, such as a ROLLBACK that failed, is everybody's: nobody waits for ever."""
    try:
        first()
        return committer().commit(batch)
    except Busy:
        raise
    except Exception as error:
        told = translate(error) if isinstance(error, sqlite3.Error) else error
        return [Outcome(unit.future, error=told) for unit in batch]

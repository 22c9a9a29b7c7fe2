"""Notices that the clock was set, says so, and mends what a wrong time left behind (decision 0048, threat T70).

While the process runs the time is held against a clock that never jumps; over restarts against the newest time that the
database has seen. For ten minutes after a jump nothing is done that cannot be undone, nor by a process that starts in
them: no timer fires, no job runs, no message is given up; access is judged by the clock all the same, so what it calls
over stays closed.
"""

from collections.abc import Mapping

import structlog
from msgspec import Struct

from connector.foundation.clock import Clock
from connector.foundation.storage import outbox
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from connector.foundation.telemetry import Metrics

log = structlog.get_logger("clock")
JUMP_MS = 5_000
"""More than adjusting a clock step by step, or a stalled process, ever shows between two looks."""
DOUBT_MS = 600_000
GREAT_MS = 60_000
"""A jump by less is said and mended, but puts nothing in doubt: every deadline of ours is coarser."""
LONG_PAUSE_MS = 30 * 86_400_000
"""A start so long after the last time seen: a machine that was off, or a clock that is ahead."""
NOTE_MS = 30_000


class Jump(Struct, frozen=True):
    """By how much the clock was set (ms), and the time after it."""

    ms: int
    at: int


class ClockWatch:
    """`bounds`: kind of timer -> the longest that one of it may lie ahead (ms); others have deadlines of their own."""

    def __init__(self, db: Database, clock: Clock, metrics: Metrics, bounds: Mapping[str, int]) -> None:
        self._db, self._clock, self._metrics, self._bounds = db, clock, metrics, bounds
        self._offset: int | None = None
        self._before: int | None = None
        """The offset that the last great jump left; back at it, all is well."""
        self._until = 0
        self._noted = 0
        self.last: Jump | None = None
        self.apart = 0
        """By how much our clock is ahead of the database's (ms): on PostgreSQL they are two."""
        metrics.gauge("hanse_clock_in_doubt", "1 while the clock was set lately.", lambda: float(self.doubt()))

    def doubt(self) -> bool:
        """Whether the clock was set so lately that nothing irrevocable may rest on it."""
        return self._clock.steady() < self._until

    async def start(self) -> None:
        """Whether the clock was set while nothing ran here."""
        self._offset = self._clock.now() - self._clock.steady()
        self._until = self._clock.steady() + await self._db.read(PROCESS, _left)
        seen, now = await self._note()
        if seen is not None and (now < seen - JUMP_MS or now > seen + LONG_PAUSE_MS):
            await self._jumped(now - seen, now, back=False)

    async def look(self) -> None:
        """Cheap enough for every tick."""
        offset = self._clock.now() - self._clock.steady()
        if self._offset is None:
            self._offset = offset
        moved, self._offset = offset - self._offset, offset
        if abs(moved) >= JUMP_MS:
            back = self._before is not None and abs(offset - self._before) < GREAT_MS
            self._before = offset - moved
            await self._jumped(moved, self._clock.now(), back=back)
        if self._clock.steady() - self._noted >= NOTE_MS:
            await self._note()
            await self._db.write(WORKER, self._bound)

    async def _note(self) -> tuple[int | None, int]:
        self._noted = self._clock.steady()
        seen, now = await self._db.write(PROCESS, _note)
        apart = self._clock.now() - now
        if abs(apart) >= JUMP_MS > abs(self.apart):
            log.error("clock.database", seconds=apart // 1000)
        self.apart = apart
        return seen, now

    async def _jumped(self, ms: int, now: int, *, back: bool) -> None:
        self.last = Jump(ms, now)
        self._metrics.count("hanse_clock_jumps_total", "Times that the clock was set.", way="on" if ms > 0 else "back")
        log.error("clock.jump", seconds=ms // 1000, doubt=not back and abs(ms) >= GREAT_MS)
        if back:
            self._until = 0
        elif abs(ms) >= GREAT_MS:
            self._until = self._clock.steady() + DOUBT_MS
        await self._db.write(PROCESS, _keep, max(0, self._until - self._clock.steady()))
        await self._db.write(WORKER, _mend)
        await self._db.write(WORKER, self._bound)
        await self._note()

    def _bound(self, tx: Tx) -> None:
        """Pauses that lie further ahead than they are long were begun by a clock that was ahead."""
        outbox.pull_in(tx, outbox.LONGEST_WAIT_MS)
        for kind, longest in self._bounds.items():
            tx.run(
                "UPDATE timer SET due_at = :now WHERE done_at IS NULL AND kind = :kind AND due_at > :latest",
                now=tx.now,
                kind=kind,
                latest=tx.now + longest,
            )


def _note(tx: Tx) -> tuple[int | None, int]:
    """The newest time seen before, and now."""
    row = tx.one("SELECT at FROM clock_note WHERE id = 1")
    tx.run("INSERT INTO clock_note (id, at) VALUES (1, :now) ON CONFLICT (id) DO UPDATE SET at = :now", now=tx.now)
    return (None if row is None else int(row["at"])), tx.now


def _keep(tx: Tx, left_ms: int) -> None:
    """Until when the clock is in doubt, by the time that is in doubt: a start in between must not end it."""
    tx.run(
        "INSERT INTO clock_note (id, at) VALUES (3, :at) ON CONFLICT (id) DO UPDATE SET at = :at", at=tx.now + left_ms
    )


def _left(tx: Tx) -> int:
    """Milliseconds of doubt that an earlier process left; none if the clock was set once more since."""
    row = tx.one("SELECT at FROM clock_note WHERE id = 3")
    left = 0 if row is None else int(row["at"]) - tx.now
    return left if 0 < left <= DOUBT_MS else 0


def _mend(tx: Tx) -> None:
    """Whatever waits is tried now, and every review made anew: each sets its next instant by the time that holds."""
    outbox.pull_in(tx, 0)
    tx.run("UPDATE timer SET due_at = :now WHERE done_at IS NULL AND kind = 'review' AND due_at > :now", now=tx.now)

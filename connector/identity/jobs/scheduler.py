"""Timers and leased jobs: expiry to the second, sealing of the logs, sweeping of used tokens.

A timer is booked done in the transaction that acts on it, so that it fires once whatever dies. Jobs for one replica
hold a lease (spec/architecture.md 3.3), where there can be another one: SQLite has one process (decision 0112).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.storage import lease
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from connector.identity.jobs.clock_watch import ClockWatch

Fire = Callable[[Tx, str, str], None]
"""(transaction, participant, subject): what a timer of one kind does."""
Job = Callable[[], Awaitable[object]]

log = structlog.get_logger("jobs")
TICK_S = 0.5
AT_ONCE = 200
ROUNDS = 50
"""Timers are read in portions; very many due at once, or one after the other, do not wait for further ticks."""
TOKENS_KEPT_MS = 60_000


class Jobs:
    """`every`: name -> (period in seconds, what it does), for one replica at a time; `alone` runs in each of them."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        me: str,
        fire: Mapping[str, Fire],
        every: Mapping[str, tuple[float, Job]],
        alone: Mapping[str, tuple[float, Job]],
        watch: ClockWatch | None = None,
        wanted: Mapping[str, Callable[[], bool]] = {},
    ) -> None:
        """While `watch` doubts the clock no timer fires and no job for one replica runs; one that is not `wanted` asks
        the database for nothing."""
        self._watch = watch
        self._db, self._clock, self._me, self._fire = db, clock, me, fire
        self._every, self._alone, self._wanted = every, alone, wanted
        self._next = dict.fromkeys([*every, *alone], clock.steady())
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="jobs")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        while True:
            await self._apart("tick", self.tick)
            await asyncio.sleep(TICK_S)

    async def tick(self) -> None:
        """Everything that is due now; what fails is logged and stops nothing else: a timer then fires again."""
        if self._watch is not None:
            await self._apart("clock", self._watch.look)
        if self._watch is None or not self._watch.doubt():
            await self._timers()
            for name, (period_s, job) in self._every.items():
                if self._is_due(name, period_s) and (name not in self._wanted or self._wanted[name]()):
                    await self._apart(name, partial(self._if_leased, name, period_s, job))
        for name, (period_s, job) in self._alone.items():
            if self._is_due(name, period_s):
                await self._apart(name, job)

    async def _timers(self) -> None:
        beyond = (-1, -1)
        for _ in range(ROUNDS):
            due = await self._db.read(WORKER, _due, beyond)
            if not due:
                break
            for participant, kind, subject, due_at, timer in due:
                once = partial(self._db.write, participant, self._once, participant, kind, subject, timer)
                await self._apart(kind, once)
                beyond = (due_at, timer)

    async def _apart(self, name: str, work: Job) -> None:
        try:
            await work()
        except HanseError as error:
            log.warning("jobs.failed", job=name, why=str(error))
        except Exception:
            # The outermost edge of one piece of work: it must not stop expiry for everybody.
            log.exception("jobs.defect", job=name)

    async def _if_leased(self, name: str, period_s: float, job: Job) -> None:
        if await self._leased(name, period_s):
            await job()

    def _is_due(self, name: str, period_s: float) -> bool:
        now = self._clock.steady()
        if now < self._next[name]:
            return False
        self._next[name] = now + int(period_s * 1000)
        return True

    async def _leased(self, name: str, period_s: float) -> bool:
        if self._db.dialect == "sqlite":  # each would be a write that waits for the disk
            return True
        return await self._db.write(PROCESS, lease.take, name, self._me, int(period_s * 1000) + 5000) is not None

    def _once(self, tx: Tx, participant: str, kind: str, subject: str, timer: int) -> None:
        done = tx.run(
            "UPDATE timer SET done_at = :now WHERE participant = :participant AND id = :id AND done_at IS NULL",
            now=tx.now,
            participant=participant,
            id=timer,
        )
        if done:
            self._fire[kind](tx, participant, subject)


def _due(tx: Tx, beyond: tuple[int, int]) -> list[tuple[str, str, str, int, int]]:
    """By instant (of the database's clock) and id, those behind `beyond`: what failed holds up nothing else."""
    rows = tx.all(
        "SELECT participant, kind, subject, due_at, id FROM timer t WHERE done_at IS NULL AND due_at <= :now"
        " AND (due_at, id) > (:due_at, :id) AND NOT EXISTS (SELECT 1 FROM participant p WHERE p.id = t.participant"
        " AND p.state IN ('moving', 'moved', 'arriving')) ORDER BY due_at, id LIMIT :limit",
        now=tx.now,
        due_at=beyond[0],
        id=beyond[1],
        limit=AT_ONCE,
    )
    return [(row["participant"], row["kind"], row["subject"], row["due_at"], row["id"]) for row in rows]


def forget_tokens(tx: Tx, participant: str) -> None:
    """Token ids that nobody could use any more; kept a minute beyond their time for clocks that differ."""
    tx.run(
        "DELETE FROM seen_token WHERE participant = :participant AND expires_at < :before",
        participant=participant,
        before=tx.now - TOKENS_KEPT_MS,
    )

"""The one worker: takes outbox rows, lets their handler act, and repairs what was left behind.

A row that has just committed in this process (SQLite) is handed over in memory; on PostgreSQL, and for the sweep, rows
are claimed under a fenced lease (spec/architecture.md 3.2). Rows of one stream run one after the other. A handler
finishes its row in the transaction that books the result; when it raises Unavailable the row waits with jitter. What
waits less long than until the next sweep leaves when it is due. The sweep only repairs.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext

import msgspec
import structlog

from connector.exchange.delivery import backoff
from connector.exchange.delivery.acks import Acks
from connector.exchange.delivery.slots import Slots
from connector.exchange.trace import recorder
from connector.foundation.clock import Clock
from connector.foundation.errors import Defect, HanseError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.load import Worker as Settings
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.outbox import OutboxRow, Settled
from connector.identity.jobs.work import Handler

Failed = Callable[[str, str], None]
"""(kind of the row, code of the error): an attempt failed and will be made again."""

log = structlog.get_logger("delivery")
_DEFAULTS = Settings()
SOON_MS = 50
"""Rows that are due within so long of each other are looked for together."""
LONG = frozenset({"pull", "push"})
"""Kinds that last as long as a download or upload: they have places of their own and never hold up a message."""


class RetryableAnswer(Unavailable):
    """An attempt that a peer answered, but not so that it is over."""

    answer: Answer | None = None

    def by(self, answer: Answer) -> "RetryableAnswer":
        self.answer = answer
        return self


class RetryAfter(RetryableAnswer):
    """Not before `at` (ms): an open circuit, a peer that asked for patience."""

    def __init__(self, at: int) -> None:
        super().__init__("delivery.later")
        self.at = at


class Worker:
    """Start it once per process; `alive` feeds readiness, `stop` finishes or hands back what it holds."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        me: str,
        settings: Settings = _DEFAULTS,
        doubt: Callable[[], bool] = lambda: False,
        failed: Failed = lambda kind, why: None,
        acks: Acks | None = None,
    ) -> None:
        """`doubt`: whether the clock was set lately; then no row is so old that it would be given up."""
        self._doubt, self._failed = doubt, failed
        self._acks = acks or Acks(db, clock)
        self._acks.listen(self._booked)
        self._db, self._clock, self._handlers, self._me = db, clock, handlers, me
        self._at_once = settings.parallel
        self._sweep_s = min(settings.sweep_s, settings.lease_s / 3)  # the sweep renews leases: two may be late
        self._lease_ms, self._longest_ms = int(settings.lease_s * 1000), int(settings.retry_max_s * 1000)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._rows: dict[str, OutboxRow] = {}
        self._overtaken: set[asyncio.Task[None]] = set()
        """Attempts whose row the peer's next message has settled before its answer came: nothing waits for them.

        As many as run at once besides: a peer that answers no request and goes on all the same must not pile them up.
        """
        self._behind: set[str] = set()
        self._swept = ""
        """The stream that the sweep is looking at; emptied by a commit of one more row of it meanwhile."""
        self._wake = asyncio.Event()
        self._looks_at: set[int] = set()
        """Instants before the next sweep at which a row here will be due."""
        self._renewed_at = 0
        self._long = Slots()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self._beat = 0

    async def start(self) -> None:
        if self._db.dialect == "sqlite":
            await self._db.write(WORKER, outbox.free_all)
            self._behind |= set(await self._db.read(WORKER, _open_streams))
        self._db.listen("outbox", self._committed)
        self._beat = self._clock.steady()
        self._loop = asyncio.create_task(self._run(), name="outbox worker")

    async def stop(self, grace_s: float = 5.0) -> None:
        """Lets running handlers end within `grace_s`, then hands everything back for the next process."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)
        running = [*self._tasks.values(), *self._overtaken]
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        await self._acks.booked()
        await self._db.write(WORKER, outbox.hand_back, self._me)

    def alive(self, limit_ms: int = 15_000) -> bool:
        """False once the loop has not come round for `limit_ms`: readiness fails then."""
        return self._loop is not None and not self._loop.done() and self._clock.steady() - self._beat < limit_ms

    def running(self) -> int:
        return len(self._tasks)

    def wake(self) -> None:
        """Look again now: a circuit closed, a peer is back."""
        self._wake.set()

    def _committed(self, value: object) -> None:
        if isinstance(value, Settled):
            self._settled(value)
            return
        if self._stopping:
            return
        if isinstance(value, OutboxRow) and self._free(value.stream) and value.due_at <= self._clock.now():
            self._begin(msgspec.structs.replace(value, attempts=value.attempts + 1))
        else:
            if isinstance(value, OutboxRow):
                self._behind.add(value.stream)
                if value.stream == self._swept:
                    self._swept = ""
                self._acks.hurry(value.stream)
                self._look_at(value.due_at)
            self._wake.set()

    def _look_at(self, due_at: int) -> None:
        """A row is due then, which would have to wait for the sweep otherwise."""
        at = (due_at // SOON_MS + 1) * SOON_MS
        wait_s = (at - self._clock.now()) / 1000
        if 0 < wait_s < self._sweep_s and at not in self._looks_at:
            self._looks_at.add(at)
            asyncio.get_running_loop().call_later(wait_s, self._look, at)

    def _look(self, at: int) -> None:
        self._looks_at.discard(at)
        self._wake.set()

    def _settled(self, row: Settled) -> None:
        """The next row of the stream need not wait for the answer to this one any more."""
        running = self._rows.get(row.stream)
        on_its_way = running is not None and running.id == row.id
        self._acks.settled(row.id, row.stream, on_its_way=on_its_way)
        if on_its_way and len(self._overtaken) < self._at_once:
            del self._rows[row.stream]
            overtaken = self._tasks.pop(row.stream)
            self._overtaken.add(overtaken)
            overtaken.add_done_callback(self._overtaken.discard)

    def _booked(self, streams: frozenset[str], unbooked: frozenset[str]) -> None:
        """On PostgreSQL only the database knows what stands behind."""
        self._behind |= unbooked
        if self._db.dialect == "postgres" or not streams.isdisjoint(self._behind):
            self._wake.set()

    def _free(self, stream: str) -> bool:
        held = stream in self._tasks or stream in self._behind or self._acks.holds(stream)
        return not held and (len(self._rows) < self._at_once or self._room() > 0)

    def _room(self) -> int:
        return self._at_once - sum(row.kind not in LONG for row in self._rows.values())

    def _begin(self, row: OutboxRow) -> None:
        self._rows[row.stream] = row
        self._tasks[row.stream] = asyncio.create_task(self._handle(row), name=f"outbox {row.id}")

    async def _handle(self, row: OutboxRow) -> None:
        if self._doubt():
            row = msgspec.structs.replace(row, created_at=self._clock.now())
        try:
            async with self._long.taken(_peer(row), row.attempts > 1) if row.kind in LONG else nullcontext():
                await self._handlers[row.kind](row)
        except RetryAfter as later:
            await self._postpone(row, later.at, later)
        except Unavailable as error:
            await self._postpone(row, self._clock.now() + backoff.wait(row.attempts), error)
            log.info("delivery.waits", participant=row.participant, kind=row.kind, row=row.id, why=str(error))
        except HanseError as error:
            await self._postpone(row, self._clock.now() + self._longest_ms, error)
            log.error("delivery.failed", participant=row.participant, kind=row.kind, row=row.id, why=str(error))
        except Exception:
            # The outermost edge of one row: our defect must not take the other rows with it.
            await self._postpone(row, self._clock.now() + self._longest_ms, Defect("defect"))
            log.exception("delivery.defect", participant=row.participant, kind=row.kind, row=row.id)
        finally:
            self._acks.over(row.id)
            # On PostgreSQL the row behind it may have been claimed since it was finished: that one runs by now.
            if self._tasks.get(row.stream) is asyncio.current_task():
                del self._rows[row.stream], self._tasks[row.stream]
            # What stands behind one that is answered can be claimed only once that is booked (`_booked`).
            if row.stream in self._behind or (self._db.dialect == "postgres" and not self._acks.holds(row.stream)):
                self._wake.set()

    async def _postpone(self, row: OutboxRow, due_at: int, why: HanseError) -> None:
        if not isinstance(why, RetryAfter):
            self._failed(row.kind, why.code)
        if self._tasks.get(row.stream) is asyncio.current_task():
            self._behind.add(row.stream)
        await self._db.write(row.participant, postpone, row, due_at, why)
        self._look_at(due_at)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                await self._sweep()
                self._beat = self._clock.steady()
            except HanseError as error:
                log.warning("delivery.sweep", why=str(error))
            except Exception:
                # The loop's outermost edge: without a beat readiness fails, so a lasting defect is seen, not silent.
                log.exception("delivery.defect")
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._sweep_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _sweep(self) -> None:
        if self._db.dialect == "sqlite":
            await self._sweep_streams()
            return
        held = [*self._rows.values(), *self._acks.rows()]
        if held and self._clock.steady() - self._renewed_at >= self._sweep_s * 500:
            self._renewed_at = self._clock.steady()
            await self._db.write(WORKER, outbox.renew, self._me, held, self._lease_ms)
        room = self._room()
        if room > 0:
            for row in await self._db.write(WORKER, outbox.claim, self._me, room, self._lease_ms):
                self._begin(row)

    async def _sweep_streams(self) -> None:
        """SQLite: rows run in this process alone, so a stream that runs is known here and its rows are left alone."""
        # Those that run, or are answered and not booked, are due still: they must not hide the others.
        limit = self._at_once * 2 + len(self._tasks) + len(self._acks.rows())
        for stream in await self._db.read(WORKER, _due_streams, self._clock.now(), limit):
            if stream in self._tasks or self._acks.holds(stream) or self._room() <= 0:
                continue
            self._behind.add(stream)  # from here on a commit must not hand over a row of this stream in memory
            for row in await self._db.write(WORKER, outbox.claim, self._me, 1, self._lease_ms, stream):
                self._swept = stream
                more = await self._db.read(WORKER, _more_behind, row.stream, row.id)
                if not more and self._swept:
                    self._behind.discard(stream)
                self._swept = ""
                self._begin(row)


class _To(msgspec.Struct):
    """What an errand says of the peer that it has to do with."""

    to: str = ""


def _peer(row: OutboxRow) -> str:
    return msgspec.json.decode(row.body, type=_To).to


def postpone(tx: Tx, row: OutboxRow, due_at: int, why: HanseError) -> None:
    """The row waits until `due_at`, and the transcript says why; who was not called has not answered either."""
    if not outbox.postpone(tx, row, due_at):
        return
    answer = why.answer if isinstance(why, RetryableAnswer) else None
    if answer is not None or not isinstance(why, RetryAfter):
        recorder.tried(tx, row, why, answer)


def _open_streams(tx: Tx) -> list[str]:
    return [str(row["stream"]) for row in tx.all("SELECT DISTINCT stream FROM outbox WHERE done_at IS NULL")]


def _due_streams(tx: Tx, now: int, limit: int) -> list[str]:
    rows = tx.all(
        "SELECT stream FROM outbox o WHERE done_at IS NULL AND due_at <= :now AND NOT EXISTS"
        " (SELECT 1 FROM outbox e WHERE e.stream = o.stream AND e.id < o.id AND e.done_at IS NULL)"
        " ORDER BY due_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [str(row["stream"]) for row in rows]


def _more_behind(tx: Tx, stream: str, after: int) -> bool:
    return (
        tx.one("SELECT 1 FROM outbox WHERE stream = :stream AND id > :id AND done_at IS NULL", stream=stream, id=after)
        is not None
    )

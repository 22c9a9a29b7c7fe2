"""The open streams of this process, by flow: a flow that ends or expires cuts them at once.

A cut is an asyncio timeout moved to now, so expiry, termination and a stalled reader all end a stream in one way. What
another replica ended is learnt from its signal or, since signals get lost, from the sweep, which also cuts what nobody
may hand out for the participant any more (spec/mandates.md 5.1).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from connector.data.dataplane import flows
from connector.foundation.clock import Clock
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Database, Tx

log = structlog.get_logger("dataplane")
SWEEP_S = 2.0
_Key = tuple[str, str]


class OpenStream:
    """One open answer."""

    def __init__(self, limit: asyncio.Timeout, clock: Clock) -> None:
        self._limit, self._clock = limit, clock
        self._watch: asyncio.TimerHandle | None = None
        self._why: str | None = None

    def cut(self, why: str) -> None:
        if self._why is None and not self._limit.expired():
            self._why = why
            self._limit.reschedule(asyncio.get_running_loop().time())

    def until(self, expires_at: int | None) -> None:
        """Lets the answer run until then (ms) and no longer."""
        if expires_at is not None and self._why is None:
            left = max(0, expires_at - self._clock.now()) / 1000
            self._limit.reschedule(asyncio.get_running_loop().time() + left)

    def expect(self, flowed: Callable[[], int], waiting: Callable[[], bool], every_s: float, least: int) -> None:
        """Cuts a peer that takes less than `least` bytes in `every_s` seconds although bytes wait for it (T15)."""
        self._watch = asyncio.get_running_loop().call_later(
            every_s, self._check, flowed(), flowed, waiting, every_s, least
        )

    def _check(
        self, before: int, flowed: Callable[[], int], waiting: Callable[[], bool], every_s: float, least: int
    ) -> None:
        if waiting() and flowed() - before < least:
            self.cut("slow")
        else:
            self.expect(flowed, waiting, every_s, least)

    def cause(self) -> str | None:
        """Why it was cut: 'closed', 'slow', 'lost', 'stopping' or 'expired'; None while it was not."""
        return self._why or ("expired" if self._limit.expired() else None)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()


class Streams:
    """Who is being served here, now. `serves`: whether anybody may hand out a participant's data at this instant."""

    def __init__(self, clock: Clock, serves: Callable[[Tx, str], bool] = lambda _tx, _participant: True) -> None:
        self._clock, self._serves = clock, serves
        self._open: dict[_Key, set[OpenStream]] = {}
        self._wake = asyncio.Event()

    @asynccontextmanager
    async def ticket(self, participant: str, flow: str) -> AsyncIterator[OpenStream]:
        """Registers before the gate is asked, so no end can slip between; raises TimeoutError when cut."""
        async with asyncio.timeout(None) as limit:
            ticket, key = OpenStream(limit, self._clock), (participant, flow)
            self._open.setdefault(key, set()).add(ticket)
            try:
                yield ticket
            finally:
                ticket.close()
                self._open[key].discard(ticket)
                if not self._open[key]:
                    del self._open[key]

    def count(self) -> int:
        """Answers open now."""
        return sum(len(tickets) for tickets in self._open.values())

    def cut(self, participant: str, flow: str) -> int:
        """Cuts every open answer of the flow; how many there were."""
        tickets = list(self._open.get((participant, flow), ()))
        for ticket in tickets:
            ticket.cut("closed")
        return len(tickets)

    def stop(self) -> None:
        """Cuts all of them, for a graceful stop: consumers resume elsewhere or later."""
        for tickets in self._open.values():
            for ticket in tickets:
                ticket.cut("stopping")

    def heard(self, value: object) -> None:
        """Listener of `flows.CLOSED`; a signal without value came from another replica."""
        match value:
            case (str(participant), str(flow)):
                self.cut(participant, flow)
            case _:
                self._wake.set()

    async def run(self, database: Database) -> None:
        """Runs for the life of the process: listens, and sweeps every two seconds."""
        database.listen(flows.CLOSED, self.heard)
        while True:
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self.sweep(database)

    async def sweep(self, database: Database) -> None:
        """Cuts what the database says has ended. A database out of reach cuts nothing: expiry does not depend on it.

        A defect costs the look at one flow: the others are looked at all the same, and that one again next time.
        """
        for participant, flow in list(self._open):
            try:
                if not await database.read(participant, self._still_open, participant, flow):
                    self.cut(participant, flow)
            except Unavailable:
                return
            except Exception:
                # The outermost edge of a round: whoever sweeps must not end while the process goes on.
                log.exception("streams.defect", participant=participant, flow=flow)

    def _still_open(self, tx: Tx, participant: str, flow: str) -> bool:
        found = flows.find(tx, participant, flow)
        if found is None or found.state not in ("PREPARED", "STARTED"):
            return False
        if found.expires_at is not None and found.expires_at <= self._clock.now():
            return False
        return found.role != "provider" or self._serves(tx, participant)

"""Answers 2xx to our messages that are not booked yet (spec/architecture.md 3.4, decision 0084).

The peer's next message settles most of them in its own transaction (spec/protocol.md 4.5), so an answer after which
one is expected waits for it, a quarter of a second at the most. Then those of one participant are booked together.
Meanwhile the row is open in the database: this process remembers and does not send it again; after a crash it is sent
again, and the peer takes it as the repetition that it is. Nothing that is said next waits for the booking of what the
peer has settled; where a row comes behind an open one, that one is booked at once.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence

import structlog
from msgspec import Struct

from connector.exchange.delivery import backoff
from connector.exchange.trace import store
from connector.exchange.trace.store import Line
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.storage import at_rest, outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.participants import lifecycle

LINGER_S = 0.25
SOON_S = 0.05
log = structlog.get_logger("delivery")


Hold = Callable[[Tx, str, Collection[str]], None]
"""Takes the lock of these processes of a participant, in the order of their ids, where there are other writers."""


def hold_nothing(tx: Tx, participant: str, processes: Collection[str]) -> None:
    """Of rows that belong to no process."""


class Ack(Struct, frozen=True):
    """An answer to `row`, its line in the transcript, and what books it; not for a row that the peer's next message has
    settled, or whose lease is lost. `expects`: the peer has the next word, and it will be the answer.

    `names`: it told the peer's pid, which every replica has to know soon, since the peer may ask any for our state.
    `known` is called once that is on the disk. `hold` takes the lock of the `process`.
    """

    row: OutboxRow
    line: Line
    book: Callable[[Tx], None]
    expects: bool
    known: Callable[[], object] = lambda: None
    names: bool = False
    hold: Hold = hold_nothing
    process: str = ""


Booked = Callable[[frozenset[str], frozenset[str]], None]
"""Told of the streams of a batch, and of those among them whose row could not be booked: it stays in front."""


class Acks:
    """Those of one process of the operating system. `linger_s` is how long one waits for the peer's next message,
    `soon_s` how long one does that tells a pid."""

    def __init__(self, db: Database, clock: Clock, linger_s: float = LINGER_S, soon_s: float = SOON_S) -> None:
        self._db, self._clock, self._linger_s, self._soon_s = db, clock, linger_s, min(soon_s, linger_s)
        self._open: dict[str, Ack] = {}
        """By stream, until it is booked or settled: no next row of the stream may leave before."""
        self._lingering: dict[str, float] = {}
        """Those of them that wait for the peer's next message, and until when, by the loop's time."""
        self._due: list[Ack] = []
        """To be booked with the next batch."""
        self._settled: set[int] = set()
        """Rows that are settled while their answer is still on its way."""
        self._timer: asyncio.Handle | None = None
        self._looks_at = 0.0
        """When that one goes off: uvloop gives a plain handle, which cannot say so, for what is due at once."""
        self._booking: asyncio.Task[None] | None = None
        self._again = False
        self._on_booked: Booked = lambda streams, unbooked: None

    def listen(self, on_booked: Booked) -> None:
        self._on_booked = on_booked

    def put(self, ack: Ack) -> None:
        """The peer said 2xx."""
        if ack.row.id in self._settled:
            self._due.append(ack)
            self._look_by(self._from_now(self._linger_s))
            return
        self._no_longer(ack.row.stream)  # the one before is settled, or this one could not have left
        self._open[ack.row.stream] = ack
        if ack.expects:
            until = self._from_now(self._soon_s if ack.names else self._linger_s)
            self._lingering[ack.row.stream] = until
            self._look_by(until)
        else:
            self._due.append(ack)
            self._begin()

    def holds(self, stream: str) -> bool:
        """Whether a row of that stream is answered and not booked."""
        return stream in self._open

    def rows(self) -> list[OutboxRow]:
        """All of those; on PostgreSQL their leases must not run out."""
        return [ack.row for ack in self._open.values()]

    def settled(self, row_id: int, stream: str, *, on_its_way: bool) -> None:
        """The peer's next message has settled that row: only its line in the transcript is left."""
        known = self._open.get(stream)
        if known is not None and known.row.id == row_id:
            self._no_longer(stream)
            del self._open[stream]
            self._look_by(self._from_now(self._linger_s))
        elif on_its_way:
            self._settled.add(row_id)

    def over(self, row_id: int) -> None:
        """Its attempt has ended: an answer that it got is here by now."""
        self._settled.discard(row_id)

    def hurry(self, stream: str) -> None:
        """Something is to be said in that stream."""
        if stream in self._open:
            self._no_longer(stream)
            self._begin()

    async def booked(self) -> None:
        """Books all that is here, and returns when it is."""
        while self._lingering or self._due or self._booking is not None:
            for stream in list(self._lingering):
                self._no_longer(stream)
            self._begin()
            assert self._booking is not None
            await asyncio.wait([self._booking])
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _no_longer(self, stream: str) -> None:
        """It waits for no message any more."""
        if self._lingering.pop(stream, None) is not None:
            self._due.append(self._open[stream])

    def _from_now(self, seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds

    def _look_by(self, when: float) -> None:
        """By then one has waited long enough, if none has before."""
        if self._timer is not None:
            if self._looks_at <= when:
                return
            self._timer.cancel()
        self._timer, self._looks_at = asyncio.get_running_loop().call_at(when, self._look), when

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for stream in [stream for stream, until in self._lingering.items() if until <= now]:
            self._no_longer(stream)
        if self._lingering:
            self._look_by(min(self._lingering.values()))
        self._begin()

    def _begin(self) -> None:
        """One batch at a time: what comes meanwhile makes the next."""
        if self._booking is not None:
            self._again = True
        elif self._due:
            self._booking = asyncio.create_task(self._book_all(), name="book acks")

    async def _book_all(self) -> None:
        batch, self._due, self._again = self._due, [], False
        by_participant: dict[str, list[Ack]] = {}
        for ack in batch:
            by_participant.setdefault(ack.row.participant, []).append(ack)
        unbooked = set[str]()
        try:
            await asyncio.gather(*(self._book(slug, acks, unbooked) for slug, acks in by_participant.items()))
        finally:
            self._booking = None
            for ack in batch:
                if self._open.get(ack.row.stream) is ack:
                    del self._open[ack.row.stream]
            self._on_booked(frozenset(ack.row.stream for ack in batch), frozenset(unbooked))
            if self._again:
                self._begin()

    async def _book(self, slug: str, acks: Sequence[Ack], unbooked: set[str]) -> None:
        """Together, or one by one where one of them cannot be booked; the streams of those are added to `unbooked`."""
        try:
            await self._db.write(slug, _all, acks)
        except Exception as error:
            # The edge of a batch: a defect in one must not take the others with it.
            if len(acks) > 1:
                for ack in acks:
                    await self._book(slug, [ack], unbooked)
                return
            unbooked.add(acks[0].row.stream)
            await self._postpone(acks[0].row, error)
            return
        for ack in acks:
            ack.known()

    async def _postpone(self, row: OutboxRow, error: Exception) -> None:
        """The message is sent again later, and the peer answers as it did."""
        if isinstance(error, HanseError):
            log.error("delivery.not-booked", participant=row.participant, row=row.id, why=str(error))
        else:
            log.error("delivery.defect", participant=row.participant, row=row.id, exc_info=error)
        try:
            await self._db.write(row.participant, outbox.postpone, row, self._clock.now() + backoff.wait(row.attempts))
        except HanseError as lost:  # the sweep finds it when the database is back
            log.warning("delivery.not-postponed", participant=row.participant, row=row.id, why=str(lost))


@at_rest.holds_open
def _all(tx: Tx, acks: Sequence[Ack]) -> None:
    """All are of one participant; a second answer to one row is booked after the first."""
    firsts = dict[int, Ack]()
    for ack in acks:
        firsts.setdefault(ack.row.id, ack)
    participant = acks[0].row.participant
    _hold(tx, participant, firsts.values())
    done = outbox.finish_all(tx, [ack.row for ack in firsts.values()])
    gone = len(done) < len(firsts) and lifecycle.is_deleting(tx, participant)  # then nothing is said about it any more
    store.write(tx, participant, *(ack.line for ack in firsts.values() if ack.row.id in done or not gone))
    for ack in firsts.values():
        if ack.row.id in done:
            ack.book(tx)
    if again := [ack for ack in acks if firsts[ack.row.id] is not ack]:
        _all(tx, again)


def _hold(tx: Tx, participant: str, acks: Iterable[Ack]) -> None:
    """First the processes, then their rows: so does whoever takes the peer's next message, which settles the same rows.
    The other way round each waited for the other until PostgreSQL broke one off."""
    processes = dict[Hold, set[str]]()
    for ack in sorted(acks, key=lambda ack: ack.row.stream):
        processes.setdefault(ack.hold, set()).add(ack.process)
    for hold, some in processes.items():
        hold(tx, participant, some)

"""A handler whose answers are booked late, and a database that counts what it is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Concatenate, Literal, ParamSpec, TypeVar

from connector.exchange.delivery.acks import Ack, Acks
from connector.exchange.delivery.worker import Worker
from connector.exchange.trace import recorder
from connector.exchange.trace.store import Line
from connector.foundation.clock import SystemClock
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.load import Worker as Settings
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Database, Listener, Tx
from connector.foundation.storage.outbox import OutboxRow
from tests.testkit.patience import PATIENCE_S

P = ParamSpec("P")
T = TypeVar("T")
TOWN, VILLAGE = "musterstadt", "nachbardorf"
NEVER = 3600.0


class Counting:
    """Notes each unit that is written, by scope, and each that is read for a participant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect: Literal["sqlite", "postgres"] = database.dialect
        self.written, self.read_by = list[str](), list[str]()
        self.full = False
        """Whether the disk is found to be full at the end of each unit that writes."""

    async def start(self) -> None:
        await self._database.start()

    async def close(self) -> None:
        await self._database.close()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        self.written.append(scope)
        return await self._database.write(scope, self._filled(fn) if self.full else fn, *args, **kw)

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        if scope != WORKER:
            self.read_by.append(scope)
        return await self._database.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._database.listen(topic, callback)

    @staticmethod
    def _filled(fn: Callable[Concatenate[Tx, P], T]) -> Callable[Concatenate[Tx, P], T]:
        def unit(tx: Tx, /, *args: P.args, **kw: P.kwargs) -> T:
            fn(tx, *args, **kw)
            raise Unavailable("storage.full")

        return unit


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.005)


def put(tx: Tx, stream: str, message_id: str = "") -> int:
    return outbox.put(
        tx, participant=TOWN, stream=stream, kind="message", body=message_id.encode(), message_id=message_id
    )


def row(number: int, stream: str) -> OutboxRow:
    return OutboxRow(
        id=number,
        participant=TOWN,
        stream=stream,
        kind="message",
        body=b"",
        sealed=False,
        attempts=1,
        fence=0,
        due_at=0,
        created_at=0,
    )


def replied(tx: Tx, stream: str, to: str, said_next: str = "") -> None:
    """The peer's next message: it settles ours, and we say something in turn."""
    assert outbox.done_by_reply(tx, TOWN, stream, to) == 1
    if said_next:
        put(tx, stream, said_next)


def left(tx: Tx) -> list[str]:
    return [bytes(row["body"]).decode() for row in tx.all("SELECT body FROM outbox WHERE done_at IS NULL ORDER BY id")]


def line(row: OutboxRow) -> Line:
    return recorder.answer_line(row, "REQUEST", Answer(200, {}, b""))


class Sender:
    """A handler that notes what it sends; the peer says 2xx once `gate` of that message is open."""

    def __init__(self, db: Database, linger_s: float, *, expects: bool = True) -> None:
        self.db, self.acks, self.expects = db, Acks(db, SystemClock(), linger_s), expects
        self.sent, self.booked = list[str](), list[str]()
        self.gates: dict[str, asyncio.Event] = {}
        self.full = self.refused = False

    async def __call__(self, row: OutboxRow) -> None:
        name = row.body.decode()
        self.sent.append(name)
        if name in self.gates:
            await self.gates[name].wait()
        self.acks.put(Ack(row, line(row), partial(self._book, row=row), expects=self.expects))

    def _book(self, tx: Tx, *, row: OutboxRow) -> None:
        if row.body == b"broken":
            raise Defect("defect")
        if self.full:
            self.refused = True
            raise Unavailable("storage.full")
        self.booked.append(row.body.decode())


@asynccontextmanager
async def sending(
    db: Database, linger_s: float = NEVER, *, expects: bool = True, sweep_s: float = 0.02, parallel: int = 20
) -> AsyncIterator[tuple[Sender, Worker]]:
    sender = Sender(db, linger_s, expects=expects)
    settings = Settings(sweep_s=sweep_s, lease_s=1.0, parallel=parallel)
    worker = Worker(db, SystemClock(), {"message": sender}, "me", settings, acks=sender.acks)
    await worker.start()
    try:
        yield sender, worker
    finally:
        await worker.stop()

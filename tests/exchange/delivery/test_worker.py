"""The worker: in order per stream, side by side between streams, nothing lost by a stop, a defect or a lost signal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connector.exchange.delivery.worker import RetryAfter, Worker
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.settings.load import Worker as Settings
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from tests.testkit.patience import PATIENCE_S

TOWN = "musterstadt"
Handler = Callable[[OutboxRow], Awaitable[None]]


def put(tx: Tx, stream: str, body: str, kind: str = "message", due_at: int | None = None) -> int:
    return outbox.put(tx, participant=TOWN, stream=stream, kind=kind, body=body.encode(), due_at=due_at)


def put_quietly(tx: Tx, stream: str, body: str) -> None:
    """A row whose signal got lost."""
    tx.run(
        "INSERT INTO outbox (participant, stream, kind, message_id, body, sealed, due_at, created_at)"
        " VALUES (:p, :stream, 'message', '', :body, 0, :now, :now)",
        p=TOWN,
        stream=stream,
        body=body.encode(),
        now=tx.now,
    )


def left(tx: Tx) -> list[tuple[str, int, str]]:
    rows = tx.all("SELECT body, attempts, lease_owner FROM outbox WHERE done_at IS NULL ORDER BY id")
    return [(bytes(row["body"]).decode(), row["attempts"], row["lease_owner"]) for row in rows]


class Post:
    """A handler that notes what it was given and finishes it; `does` may fail or wait first."""

    def __init__(self, db: Database) -> None:
        self.db, self.seen, self.done = db, list[str](), list[str]()
        self.does: dict[str, Callable[[], Awaitable[None]]] = {}

    async def __call__(self, row: OutboxRow) -> None:
        name = row.body.decode()
        self.seen.append(name)
        if name in self.does:
            await self.does[name]()
        if await self.db.write(TOWN, outbox.finish, row):
            self.done.append(name)


@asynccontextmanager
async def working(
    db: Database, handler: Handler, parallel: int = 20, sweep_s: float = 0.05, me: str = "me", stop_s: float = 0.2
) -> AsyncIterator[Worker]:
    settings = Settings(parallel=parallel, sweep_s=sweep_s, lease_s=max(1.0, 3 * sweep_s))
    worker = Worker(db, SystemClock(), {"message": handler}, me, settings)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop(stop_s)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


async def test_rows_of_one_stream_leave_in_order(any_db: Database) -> None:
    """>> forty rows in four streams << each stream in its order, all of them once.

    The order is that in which handlers begin: a thread may be slow to tell of a commit that the next one builds on.
    """
    post = Post(any_db)
    async with working(any_db, post):
        for n in range(40):
            await any_db.write(TOWN, put, f"s{n % 4}", f"{n % 4}:{n // 4}")
        await until(lambda: len(post.done) == 40)
    for stream in range(4):
        assert [name for name in post.seen if name.startswith(f"{stream}:")] == [f"{stream}:{n}" for n in range(10)]
    assert sorted(post.done) == sorted(post.seen)


async def test_bug_who_followed_at_once_was_forgotten_by_who_ended(any_db: Database) -> None:
    """>> a handler that is slow to end, its successor claimed meanwhile << the successor is still known to run.

    Bug: the end of the first took the successor off the list, so nobody renewed its lease and it was sent twice.
    """
    begun, ended = asyncio.Event(), asyncio.Event()
    tasks = list[asyncio.Task[None] | None]()

    async def handler(row: OutboxRow) -> None:
        tasks.append(asyncio.current_task())
        if len(tasks) == 2:
            begun.set()
            await ended.wait()
        await any_db.write(TOWN, outbox.finish, row)
        if len(tasks) == 1 and any_db.dialect == "postgres":
            await begun.wait()

    async with working(any_db, handler) as worker:
        for body in ("first", "second"):
            await any_db.write(TOWN, put, "a", body)
        await until(lambda: len(tasks) == 2 and tasks[0] is not None and tasks[0].done())
        assert worker.running() == 1
        ended.set()
        await until(lambda: worker.running() == 0)


async def test_a_row_that_waits_holds_up_its_own_stream_only(any_db: Database) -> None:
    """>> the first row of a stream fails << its successor waits behind it; the other stream goes on."""
    post = Post(any_db)
    tries = 0

    async def away() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RetryAfter(SystemClock().now() + 50)

    post.does["a1"] = away
    async with working(any_db, post):
        await any_db.write(TOWN, put, "a", "a1")
        await any_db.write(TOWN, put, "a", "a2")
        await any_db.write(TOWN, put, "b", "b1")
        await until(lambda: "b1" in post.done)
        await until(lambda: len(post.done) == 3)
    assert [name for name in post.seen if name.startswith("a")] == ["a1", "a1", "a1", "a2"]


async def test_streams_run_side_by_side_but_not_more_than_allowed(any_db: Database) -> None:
    """>> six streams, two places << never more than two handlers at once."""
    now, most, together = 0, 0, asyncio.Event()

    async def handler(row: OutboxRow) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 2:
            together.set()
        await together.wait()
        await asyncio.sleep(0.02)
        now -= 1
        await any_db.write(TOWN, outbox.finish, row)

    async with working(any_db, handler, parallel=2):
        for n in range(6):
            await any_db.write(TOWN, put, f"s{n}", str(n))
        async with asyncio.timeout(PATIENCE_S):
            while await any_db.read(WORKER, left):
                await asyncio.sleep(0.02)
    assert most == 2


async def test_a_lost_signal_is_made_good_by_the_sweep(any_db: Database) -> None:
    post = Post(any_db)
    async with working(any_db, post):
        await any_db.write(TOWN, put_quietly, "s", "quiet")
        await until(lambda: post.done == ["quiet"])


async def test_what_was_left_by_an_earlier_process_is_taken_up(any_db: Database) -> None:
    """>> rows from before the start << handled, in order."""
    for n in range(3):
        await any_db.write(TOWN, put, "s", str(n))
    post = Post(any_db)
    async with working(any_db, post):
        await until(lambda: len(post.done) == 3)
    assert post.seen == ["0", "1", "2"]


async def test_a_row_of_the_future_waits_for_its_time(any_db: Database) -> None:
    post = Post(any_db)
    async with working(any_db, post):
        await any_db.write(TOWN, put, "s", "soon", "message", SystemClock().now() + 200)
        await any_db.write(TOWN, put, "t", "now")
        await until(lambda: "now" in post.done)
        assert post.seen == ["now"]
        await until(lambda: "soon" in post.done)


async def test_bug_what_was_due_in_a_moment_waited_for_the_sweep(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a sweep each hour, ten rows due in a moment << all leave at their time, with one look at the most."""
    post, looks, look = Post(sqlite_db), list[int](), Worker._look
    monkeypatch.setattr(Worker, "_look", lambda self, at: (looks.append(at), look(self, at)))

    def put_all(tx: Tx, due_at: int) -> None:
        for n in range(10):
            put(tx, f"s{n}", str(n), due_at=due_at)

    async with working(sqlite_db, post, sweep_s=3600.0):
        await sqlite_db.write(TOWN, put_all, SystemClock().now() + 400)
        await until(lambda: len(post.done) == 10)
    assert len(looks) <= 1


async def test_bug_what_was_put_off_for_a_moment_waited_for_the_sweep(any_db: Database) -> None:
    """>> a sweep each hour, a peer that is busy twice << the row leaves a third time."""
    post = Post(any_db)

    async def away() -> None:
        if len(post.seen) < 3:
            raise RetryAfter(SystemClock().now() + 100)

    post.does["x"] = away
    async with working(any_db, post, sweep_s=3600.0):
        await any_db.write(TOWN, put, "s", "x")
        await until(lambda: post.done == ["x"])
    assert post.seen == ["x"] * 3


async def test_a_defect_takes_only_its_own_row(any_db: Database) -> None:
    """>> a handler that raises what nobody expects << the row waits long, everything else goes on."""
    post = Post(any_db)

    async def broken() -> None:
        raise ZeroDivisionError

    async def ours() -> None:
        raise Defect("defect")

    post.does |= {"bad": broken, "worse": ours}
    async with working(any_db, post) as worker:
        await any_db.write(TOWN, put, "a", "bad")
        await any_db.write(TOWN, put, "b", "worse")
        await any_db.write(TOWN, put, "c", "good")
        await until(lambda: post.done == ["good"])
        await until(lambda: worker.running() == 0)
        assert worker.alive(SystemClock().now())
    assert [(name, owner) for name, _, owner in await any_db.read(WORKER, left)] == [("bad", ""), ("worse", "")]


async def test_an_unavailable_peer_costs_an_attempt_and_time(any_db: Database) -> None:
    post = Post(any_db)

    async def away() -> None:
        raise Unavailable("peer.busy", status=503)

    post.does["x"] = away
    async with working(any_db, post) as worker:
        await any_db.write(TOWN, put, "s", "x")
        await until(lambda: len(post.seen) >= 2)
        await until(lambda: worker.running() == 0)
    ((name, attempts, owner),) = await any_db.read(WORKER, left)
    assert (name, owner) == ("x", "")
    assert attempts >= 2


async def test_a_stop_lets_what_runs_end(any_db: Database) -> None:
    """>> stop during a handler << it finishes within the grace; nothing new is begun."""
    post = Post(any_db)
    going = asyncio.Event()

    async def slow() -> None:
        going.set()
        await asyncio.sleep(0.1)

    post.does["slow"] = slow
    async with working(any_db, post, stop_s=PATIENCE_S):
        await any_db.write(TOWN, put, "s", "slow")
        await any_db.write(TOWN, put, "s", "next")
        await going.wait()
    assert post.done == ["slow"]
    assert [(name, owner) for name, _, owner in await any_db.read(WORKER, left)] == [("next", "")]


async def test_a_stop_hands_back_what_does_not_end(any_db: Database) -> None:
    """>> stop during a handler that hangs << cancelled; another worker takes the row at once, and it counts once."""
    post, going = Post(any_db), asyncio.Event()

    async def hangs() -> None:
        going.set()
        await asyncio.sleep(60)

    post.does["x"] = hangs
    async with working(any_db, post):
        await any_db.write(TOWN, put, "s", "x")
        await going.wait()
    assert [(name, owner) for name, _, owner in await any_db.read(WORKER, left)] == [("x", "")]
    del post.does["x"]
    async with working(any_db, post, me="you"):
        await until(lambda: post.done == ["x"])


async def test_two_workers_share_the_work_and_do_none_twice(postgres_db: Database) -> None:
    """>> sixty rows, two replicas << each done once; those of a stream begin in its order, as above.

    A row whose lease ran out on a busy machine begins with the other replica once more, and only one of them counts.
    """
    one, two = Post(postgres_db), Post(postgres_db)
    one.seen = two.seen = begun = list[str]()
    one.done = two.done = done = list[str]()
    async with working(postgres_db, one, me="one"), working(postgres_db, two, me="two"):
        for n in range(60):
            await postgres_db.write(TOWN, put, f"s{n % 6}", f"{n % 6}:{n // 6}")
        await until(lambda: len(done) == 60)
    assert len(set(done)) == 60
    first_begun = list(dict.fromkeys(begun))
    for stream in range(6):
        assert [name for name in first_begun if name.startswith(f"{stream}:")] == [f"{stream}:{n}" for n in range(10)]


async def test_leases_are_renewed_in_time_and_not_at_every_look(
    postgres_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a handler that does not end, and many looks for other rows << its lease is renewed when a part of it has
    passed, however often one looks: each look would cost a statement for each row that runs."""
    clock, renewed, ended = FakeClock(), list[int](), asyncio.Event()

    async def handler(row: OutboxRow) -> None:
        await ended.wait()
        await postgres_db.write(TOWN, outbox.finish, row)

    def renew(tx: Tx, me: str, rows: Sequence[OutboxRow], lease_ms: int) -> None:
        renewed.append(clock.steady())

    monkeypatch.setattr(outbox, "renew", renew)
    settings = Settings(sweep_s=1.0, lease_s=9.0)
    worker = Worker(postgres_db, clock, {"message": handler}, "me", settings)
    await postgres_db.write(TOWN, put, "s", "x")
    await worker._sweep()
    assert worker.running() == 1
    begun = clock.steady()
    for _ in range(20):
        clock.advance(100)
        await worker._sweep()
    assert [at - begun for at in renewed] == [100, 600, 1100, 1600]
    ended.set()
    await until(lambda: worker.running() == 0)


async def test_a_lease_that_ran_out_drops_the_late_result(postgres_db: Database) -> None:
    """>> a worker stalls beyond its lease, another does the work << the late finish changes nothing."""
    await postgres_db.write(TOWN, put, "s", "x")
    (stalled,) = await postgres_db.write(WORKER, outbox.claim, "one", 1, 1)
    post = Post(postgres_db)
    async with working(postgres_db, post, me="two"):
        await until(lambda: post.done == ["x"])
    assert not await postgres_db.write(TOWN, outbox.finish, stalled)


async def test_many_downloads_do_not_hide_what_is_due(any_db: Database) -> None:
    """>> more downloads than the sweep has places, none of them ending << a message that waited is tried again."""
    post, tries, never = Post(any_db), 0, asyncio.Event()

    async def away() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RetryAfter(SystemClock().now() + 50)

    async def pull(row: OutboxRow) -> None:
        await never.wait()

    post.does["a1"] = away
    settings = Settings(parallel=2, sweep_s=0.05, lease_s=1.0)
    worker = Worker(any_db, SystemClock(), {"message": post, "pull": pull}, "me", settings)
    await worker.start()
    try:
        for n in range(6):
            await any_db.write(TOWN, put, f"pull:{n}", "{}", "pull")
        await any_db.write(TOWN, put, "a", "a1")
        await until(lambda: "a1" in post.done)
    finally:
        await worker.stop(0.1)


async def test_a_row_committed_while_the_sweep_looks_is_not_overtaken(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a second row just after the sweep saw none behind the first, then a third << in their order."""
    post, looked = Post(sqlite_db), asyncio.Event()
    await sqlite_db.write(TOWN, put_quietly, "a", "a1")
    read = sqlite_db.read

    async def late(scope: str, fn: Any, *args: Any) -> Any:
        found = await read(scope, fn, *args)
        if fn.__name__ == "_more_behind" and not looked.is_set():
            looked.set()
            await sqlite_db.write(TOWN, put, "a", "a2")
            await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(sqlite_db, "read", late)
    async with working(sqlite_db, post, sweep_s=0.3):
        await until(lambda: "a1" in post.done)
        await asyncio.sleep(0.1)
        await sqlite_db.write(TOWN, put, "a", "a3")
        await until(lambda: len(post.done) == 3)
    assert post.done == ["a1", "a2", "a3"]


async def test_it_is_alive_only_while_it_comes_round(sqlite_db: Database) -> None:
    """Readiness: true while running, false before the start, after a stop and when the beat is old."""
    worker = Worker(sqlite_db, SystemClock(), {}, "me", Settings(sweep_s=0.05))
    assert not worker.alive()
    await worker.start()
    assert worker.alive()
    assert not worker.alive(limit_ms=0)
    await worker.stop()
    assert not worker.alive()

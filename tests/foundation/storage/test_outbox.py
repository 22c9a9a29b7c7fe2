"""The outbox on both databases: order per stream, fenced leases, nothing lost and nothing finished twice."""

import asyncio
import random
import threading
from itertools import count

import msgspec

from connector.foundation.storage import WORKER, Database, Tx, outbox
from connector.foundation.storage.outbox import OutboxRow
from tests.testkit.patience import PATIENCE_S, eventually

TOWN = "musterstadt"


def put(tx: Tx, stream: str, body: bytes = b"{}", **more: object) -> int:
    return outbox.put(tx, participant=tx.scope, stream=stream, kind="Send", body=body, **more)


async def claim(
    db: Database, me: str = "w1", limit: int = 10, lease_ms: int = 60_000, **more: object
) -> list[OutboxRow]:
    return await db.write(WORKER, outbox.claim, me, limit, lease_ms, **more)


async def test_a_row_goes_through(any_db: Database) -> None:
    """put >> claim >> finish; a finished row is never claimed again."""
    id_ = await any_db.write(TOWN, put, "s", b"body", sealed=True)
    (row,) = await claim(any_db)
    assert (row.id, row.participant, row.stream, row.kind, row.body) == (id_, TOWN, "s", "Send", b"body")
    assert (row.sealed, row.attempts, row.fence) == (True, 1, 1)
    assert await claim(any_db, "w2") == []
    assert await any_db.write(TOWN, outbox.finish, row)
    assert not await any_db.write(TOWN, outbox.finish, row)
    assert await claim(any_db) == []


async def test_several_are_finished_at_once_and_only_those_that_are_still_ours(any_db: Database) -> None:
    """More than one statement holds; one is done by the peer's reply, one has another fence, one is not named."""
    for number in range(outbox.PORTION + 5):
        await any_db.write(TOWN, put, f"s{number}")
    rows = await claim(any_db, limit=100)
    replied, lost, spared, *others = rows
    assert await any_db.write(TOWN, outbox.finish, replied)
    named = [replied, msgspec.structs.replace(lost, fence=lost.fence + 1), *others]
    assert await any_db.write(TOWN, outbox.finish_all, named) == {row.id for row in others}
    assert await any_db.write(TOWN, outbox.finish_all, named) == frozenset()
    assert await any_db.write(TOWN, outbox.finish_all, []) == frozenset()
    assert await any_db.write(TOWN, outbox.finish_all, [lost, spared]) == {lost.id, spared.id}


async def test_streams_are_in_order_and_independent(any_db: Database) -> None:
    """Only the head of a stream is claimable; other streams do not wait for it."""
    a1 = await any_db.write(TOWN, put, "a")
    a2 = await any_db.write(TOWN, put, "a")
    b1 = await any_db.write("nachbardorf", put, "b")
    rows = await claim(any_db)
    assert [row.id for row in rows] == [a1, b1]
    assert await any_db.write(TOWN, outbox.finish, rows[0])
    assert [row.id for row in await claim(any_db, stream="b")] == []
    assert [row.id for row in await claim(any_db, stream="a")] == [a2]


async def test_a_postponed_head_holds_its_stream(any_db: Database) -> None:
    """A retry later keeps the attempts, and nothing overtakes it."""
    await any_db.write(TOWN, put, "a")
    await any_db.write(TOWN, put, "a")
    (row,) = await claim(any_db)
    assert await any_db.write(TOWN, outbox.postpone, row, row.due_at + 3_600_000)
    assert await claim(any_db) == []
    assert await any_db.write(TOWN, outbox.postpone, row, row.due_at)
    (again,) = await claim(any_db)
    assert (again.id, again.attempts, again.fence) == (row.id, 2, 2)


async def test_what_was_tried_in_vain_is_tried_at_once_and_what_has_its_time_waits(any_db: Database) -> None:
    """>> a row that was put off after many attempts, one for later that nobody has tried, one of another stream << the
    first is due and counts anew."""
    await any_db.write(TOWN, put, "a")
    for _ in range(3):
        (row,) = await claim(any_db)
        await any_db.write(TOWN, outbox.postpone, row, row.due_at)
    (row,) = await claim(any_db)
    await any_db.write(TOWN, outbox.postpone, row, row.due_at + 3_000_000)
    await any_db.write(TOWN, put, "later", due_at=row.due_at + 3_000_000)
    assert await any_db.read(TOWN, outbox.put_off, TOWN) == ["a"]
    for stream in ("later", "other"):
        await any_db.write(TOWN, outbox.hurry, TOWN, stream)
    assert await claim(any_db) == []
    await any_db.write(TOWN, outbox.hurry, TOWN, "a")
    (again,) = await claim(any_db)
    assert (again.id, again.attempts) == (row.id, 1)


async def test_a_lost_lease_is_fenced(any_db: Database) -> None:
    """After another worker's claim the first can neither finish, postpone nor renew."""
    await any_db.write(TOWN, put, "a")
    (late,) = await claim(any_db, "w1", lease_ms=0)
    (row,) = await claim(any_db, "w2")
    assert not await any_db.write(TOWN, outbox.finish, late)
    assert not await any_db.write(TOWN, outbox.postpone, late, 0)
    await any_db.write(WORKER, outbox.renew, "w1", [late], 0)
    assert await claim(any_db, "w3") == []
    assert await any_db.write(TOWN, outbox.finish, row)


async def test_a_renewed_lease_lasts(any_db: Database) -> None:
    """A row whose lease would have run out is kept by renewing it."""
    await any_db.write(TOWN, put, "a")
    rows = await claim(any_db, lease_ms=0)
    await any_db.write(WORKER, outbox.renew, "w1", rows, 60_000)
    assert await claim(any_db, "w2") == []


async def test_a_graceful_stop_hands_back(any_db: Database) -> None:
    """Another worker need not wait for the lease, and what the first still had in hand is fenced."""
    await any_db.write(TOWN, put, "a")
    (row,) = await claim(any_db)
    assert await any_db.write(WORKER, outbox.hand_back, "w1") == 1
    assert not await any_db.write(TOWN, outbox.finish, row)
    assert len(await claim(any_db, "w2")) == 1


async def test_leases_of_a_dead_process_are_freed(any_db: Database) -> None:
    """SQLite does this at its start."""
    await any_db.write(TOWN, put, "a")
    await claim(any_db)
    assert await any_db.write(WORKER, outbox.free_all) == 1
    assert len(await claim(any_db, "w2")) == 1


async def test_the_peers_next_message_acknowledges_ours(any_db: Database) -> None:
    """Only the process's own row with that message id counts, and a late HTTP answer to it is dropped."""
    await any_db.write(TOWN, put, "a", message_id="urn:uuid:1")
    await any_db.write("nachbardorf", put, "b", message_id="urn:uuid:1")
    rows = await claim(any_db)
    assert await any_db.write(TOWN, outbox.done_by_reply, TOWN, "c", "urn:uuid:1") == 0
    assert await any_db.write(TOWN, outbox.done_by_reply, TOWN, "a", "urn:uuid:1") == 1
    assert await any_db.write(TOWN, outbox.done_by_reply, TOWN, "a", "urn:uuid:1") == 0
    assert not await any_db.write(TOWN, outbox.finish, rows[0])
    assert await any_db.write("nachbardorf", outbox.finish, rows[1])


async def test_a_row_for_later_waits(any_db: Database) -> None:
    """A row whose `due_at` lies ahead is not claimed."""
    await any_db.write(TOWN, put, "later", due_at=4_000_000_000_000)
    await any_db.write(TOWN, put, "fresh")
    assert [row.stream for row in await claim(any_db)] == ["fresh"]


async def test_put_wakes_the_worker(any_db: Database) -> None:
    """On SQLite the row itself comes through memory and needs no claim; on PostgreSQL only the news, with its id."""
    heard: list[object] = []
    any_db.listen(outbox.TOPIC, heard.append)
    id_ = await any_db.write(TOWN, put, "s", b"body")
    await eventually(lambda: bool(heard))
    if any_db.dialect == "postgres":
        assert heard == [id_]
        return
    (row,) = heard
    assert isinstance(row, OutboxRow)
    assert (row.id, row.body, row.attempts, row.fence) == (id_, b"body", 0, 0)
    tried = msgspec.structs.replace(row, attempts=3)
    assert await any_db.write(TOWN, outbox.postpone, tried, 0)
    (swept,) = await claim(any_db)
    assert swept.attempts == 4
    assert not await any_db.write(TOWN, outbox.finish, row)


STREAMS, ROWS, WORKERS, LEASE_MS = 40, 400, 4, 120


def fill(tx: Tx) -> None:
    for number in range(ROWS):
        put(tx, f"stream {number % STREAMS}", b"%d" % number)


def finish_and_note(tx: Tx, row: OutboxRow) -> bool:
    """The note's id tells the order of commits within a stream."""
    done = outbox.finish(tx, row)
    if done:
        insert = "INSERT INTO timer (participant, kind, subject, due_at) VALUES (:p, :stream, :number, 0)"
        tx.run(insert, p=row.participant, stream=row.stream, number=row.body.decode())
    return done


async def test_four_workers_with_stalls_and_crashes(any_db: Database) -> None:
    """400 rows in 40 streams: each is finished once and in order, and results that come after the lease are dropped."""
    await any_db.write(TOWN, fill)
    dice, life, dropped, finished = random.Random(7), count(), [], []

    async def worker() -> None:
        me = f"life {next(life)}"
        while len(finished) < ROWS:
            rows = await claim(any_db, me, 8, LEASE_MS)
            if not rows:
                await asyncio.sleep(0.01)
            for row in rows:
                fate = dice.random()
                if fate < 0.03:  # a crash: what it holds is left to its lease
                    me = f"life {next(life)}"
                    break
                if fate < 0.06:
                    await asyncio.sleep(LEASE_MS / 1000 * 1.5)
                (finished if await any_db.write(WORKER, finish_and_note, row) else dropped).append(row.id)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(worker() for _ in range(WORKERS)))
    notes = await any_db.read(WORKER, lambda tx: tx.all("SELECT kind, subject FROM timer ORDER BY id"))
    for stream in range(STREAMS):
        order = [int(note["subject"]) for note in notes if note["kind"] == f"stream {stream}"]
        assert order == list(range(stream, ROWS, STREAMS))
    assert len(finished) == len(set(finished)) == ROWS
    assert dropped


async def test_bug_renewing_leases_waited_for_rows_that_were_being_finished(postgres_db: Database) -> None:
    """>> two leases are renewed while one of the rows is finished << the other one is, and nobody waits."""
    for stream in "ab":
        await postgres_db.write(TOWN, put, stream)
    rows = await postgres_db.write(WORKER, outbox.claim, "me", 2, 1_000)
    locked, go = threading.Event(), threading.Event()

    def finishing(tx: Tx) -> None:
        assert outbox.finish(tx, rows[0])
        locked.set()
        assert go.wait(PATIENCE_S)

    finished = asyncio.ensure_future(postgres_db.write(TOWN, finishing))
    assert await asyncio.to_thread(locked.wait, PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        await postgres_db.write(WORKER, outbox.renew, "me", rows, 1_000_000)
    go.set()
    await finished
    left = await postgres_db.read(WORKER, lambda tx: tx.all("SELECT id, lease_until, done_at FROM outbox ORDER BY id"))
    assert [(row["done_at"] is None, row["lease_until"] > 0) for row in left] == [(False, False), (True, True)]
    assert left[1]["lease_until"] > left[0]["done_at"] + 500_000

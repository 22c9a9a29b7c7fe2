"""Answers that are booked late: settled by the peer's next message, else together, and never in front of anything.

The wire carries no faults here but the order of things: what a peer says next may be faster than its own answer.
"""

import asyncio
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
import uvloop
from msgspec.structs import replace

from connector.exchange.contracts import store as contract_store
from connector.exchange.delivery.acks import Ack, Acks, _all
from connector.exchange.transfer import store as transfer_store
from connector.foundation.clock import SystemClock
from connector.foundation.storage import open_database, outbox
from connector.foundation.storage.database import WORKER, Database, Tx
from tests.exchange.delivery.late import NEVER, TOWN, Counting, Sender, left, line, put, replied, row, sending, until
from tests.testkit.patience import PATIENCE_S, eventually_said


@pytest.mark.parametrize("names", [True, False])
async def test_an_answer_that_tells_a_pid_is_booked_soon(any_db: Database, names: bool) -> None:
    """>> two answers after which the peer has the word << for the one with a pid nobody waits long: it is read of."""
    booked = asyncio.Event()
    acks = Acks(any_db, SystemClock(), NEVER, 0.001)
    first, second = row(1, "a"), row(2, "b")
    acks.put(Ack(first, line(first), lambda tx: None, expects=True))
    acks.put(Ack(second, line(second), lambda tx: None, expects=True, known=booked.set, names=names))
    if names:
        await booked.wait()
    assert acks.holds("a")
    assert acks.holds("b") is not names or booked.is_set()
    await acks.booked()


def test_on_uvloop_an_answer_may_come_while_another_is_due_at_once(migrated: Path, tmp_path: Path) -> None:
    """>> two answers on the servers' own loop, that to the first due at once << both are booked: what is due at once
    has a handle there that does not know when it goes off."""

    async def two() -> list[str]:
        db, booked = open_database(f"sqlite://{shutil.copy(migrated, tmp_path / 'hanse.db')}"), list[str]()
        await db.start()
        acks = Acks(db, SystemClock(), linger_s=0.0)
        for one in (row(1, "a"), row(2, "b")):
            acks.put(Ack(one, line(one), lambda tx: None, expects=True, known=partial(booked.append, one.stream)))
        await acks.booked()
        await db.close()
        return booked

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(two()) == ["a", "b"]


async def test_the_peers_next_message_settles_the_row_and_ours_leaves_at_once(sqlite_db: Database) -> None:
    """>> first << 2xx << next message, which settles it; >> second, though nobody has booked the 2xx."""
    async with sending(sqlite_db) as (sender, _):
        await sqlite_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.acks.holds("a"))
        await sqlite_db.write(TOWN, replied, "a", "first", "second")
        await until(lambda: sender.sent == ["first", "second"])
        assert sender.booked == []
    assert sender.booked == ["second"]
    assert await sqlite_db.read(WORKER, left) == []


async def test_a_message_that_is_faster_than_the_answer_holds_up_nothing(sqlite_db: Database) -> None:
    """>> first << next message, and no answer yet >> second all the same; << 2xx to first: only a line is left."""
    async with sending(sqlite_db) as (sender, worker):
        sender.gates["first"] = asyncio.Event()
        await sqlite_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.sent == ["first"])
        await sqlite_db.write(TOWN, replied, "a", "first", "second")
        await until(lambda: sender.sent == ["first", "second"])
        sender.gates["first"].set()
        await until(lambda: not worker._overtaken)
        assert sender.acks._settled == set()
    assert sender.booked == ["second"]


async def test_a_peer_that_answers_nothing_piles_nothing_up(sqlite_db: Database) -> None:
    """<< next messages without answers, in more streams than run at once >> the last one waits for its answer."""
    async with sending(sqlite_db, parallel=2) as (sender, worker):
        for stream in "abcd":
            sender.gates[stream] = asyncio.Event()
            await sqlite_db.write(TOWN, put, stream, stream)
            await until(lambda stream=stream: stream in sender.sent)  # type: ignore[misc]
            await sqlite_db.write(TOWN, replied, stream, stream)
            if stream == "c":
                break
        await until(lambda: len(worker._overtaken) == 2)
        assert worker.running() == 1
        for gate in sender.gates.values():
            gate.set()
        await until(lambda: worker.running() == 0)


async def test_nothing_that_is_answered_is_sent_again(any_db: Database) -> None:
    """>> sweeps while an answer waits to be booked << the row is left alone, also past the length of its lease."""
    async with sending(any_db, sweep_s=0.005) as (sender, worker):
        await any_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.acks.holds("a"))
        for _ in range(10):
            await worker._sweep()
        assert sender.sent == ["first"]
        assert await any_db.read(WORKER, left) == ["first"]
    assert (sender.sent, sender.booked) == (["first"], ["first"])


async def test_what_no_message_settles_is_booked_together(sqlite_db: Database) -> None:
    """>> twenty messages << twenty answers and no word more >> one transaction books them all."""
    counting = Counting(sqlite_db)
    async with sending(counting) as (sender, _):
        for n in range(20):
            await sqlite_db.write(TOWN, put, f"s{n}", f"m{n}")
        await until(lambda: len(sender.acks.rows()) == 20)
        sender.acks._look()
        assert sender.booked == [], "they have not waited long enough"
        sender.acks._lingering = dict.fromkeys(sender.acks._lingering, 0.0)
        sender.acks._look()
        await until(lambda: len(sender.booked) == 20)
    assert counting.written.count(TOWN) == 1
    assert await sqlite_db.read(WORKER, left) == []


async def test_answers_of_one_batch_are_booked_once_each_and_all_are_told(any_db: Database) -> None:
    """>> forty answers, one of them twice, one to a row that a message has settled << that one is booked by nobody, the
    other one once; the transcript has a line of each, that of the repeated one counts two."""
    booked = list[int]()
    ids = [await any_db.write(TOWN, put, f"s{number}", f"m{number}") for number in range(40)]
    rows = [replace(row(id_, f"negotiation:{TOWN}:s{id_}"), id=id_) for id_ in ids]
    await any_db.write(TOWN, outbox.done_by_reply, TOWN, "s0", "m0")
    acks = [Ack(one, line(one), partial(note, booked=booked, row_id=one.id), expects=False) for one in rows]
    await any_db.write(TOWN, _all, [*acks, replace(acks[7])])
    assert booked == ids[1:]
    told = "SELECT sent, times FROM transcript WHERE participant = :p ORDER BY sent"
    lines = await any_db.read(TOWN, lambda tx: tx.all(told, p=TOWN))
    assert [(one["sent"], one["times"]) for one in lines] == [(id_, 1 + (id_ == ids[7])) for id_ in ids]


def note(tx: Tx, *, booked: list[int], row_id: int) -> None:
    booked.append(row_id)


async def test_a_row_behind_an_open_one_has_it_booked_at_once(any_db: Database) -> None:
    """>> first << 2xx >> an end, which has to wait for that one to be booked << it is, before its time, and leaves."""
    async with sending(any_db, NEVER if any_db.dialect == "sqlite" else 0.05) as (sender, _):
        await any_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.acks.holds("a"))
        await any_db.write(TOWN, put, "a", "end")
        await until(lambda: sender.sent == ["first", "end"])
        assert sender.booked == ["first"]


async def test_one_that_cannot_be_booked_takes_no_other_with_it(sqlite_db: Database) -> None:
    """>> three answers, and a defect in one << two are booked, the third message waits and is sent again."""
    async with sending(sqlite_db, 0.02, sweep_s=0.01) as (sender, _):
        for name in ("one", "broken", "two"):
            await sqlite_db.write(TOWN, put, name, name)
        await until(lambda: sender.sent.count("broken") >= 2)
        assert set(sender.booked) == {"one", "two"}, "and tried more than once"
        assert await sqlite_db.read(WORKER, left) == ["broken"]


async def test_after_a_crash_the_message_is_sent_again(any_db: Database) -> None:
    """>> the process dies with an answer that nobody booked << the next one sends the message once more, and books."""
    first = Sender(any_db, NEVER)
    await any_db.write(TOWN, put, "a", "first")
    [row] = await any_db.write(WORKER, outbox.claim, "dead", 1, 1)
    await first(row)
    assert first.acks.holds("a")
    async with sending(any_db, 0.01) as (sender, _):
        await until(lambda: sender.booked == ["first"])
    assert first.sent + sender.sent == ["first", "first"]
    await first.acks.booked()
    assert first.booked == [], "the fence has moved on"


async def test_a_stop_books_what_is_answered(any_db: Database) -> None:
    """>> stopped before its time << nothing is left to send."""
    async with sending(any_db) as (sender, _):
        await any_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.acks.holds("a"))
    assert sender.booked == ["first"]
    assert await any_db.read(WORKER, left) == []


async def test_the_end_of_a_process_is_booked_without_waiting(sqlite_db: Database) -> None:
    """>> a message after which the peer has nothing to say << booked as soon as it is answered."""
    async with sending(sqlite_db, expects=False) as (sender, _):
        await sqlite_db.write(TOWN, put, "a", "end")
        await until(lambda: sender.booked == ["end"])


async def test_nothing_overtakes_a_message_that_could_not_be_booked(any_db: Database) -> None:
    """>> first << 2xx, but the disk is full as it is booked >> an end << it stays behind the first, sent once more."""
    async with sending(any_db, 0.0, sweep_s=0.01) as (sender, _):
        sender.full = True
        await any_db.write(TOWN, put, "a", "first")
        await until(lambda: sender.refused and not sender.acks.holds("a"))
        sender.full = False
        await any_db.write(TOWN, put, "a", "end")
        await until(lambda: sender.booked[-1:] == ["end"])
        assert (sender.sent, sender.booked) == (["first", "first", "end"], ["first", "end"])


@pytest.mark.parametrize("noun", ["negotiation", "transfer"])
async def test_bug_an_answer_and_the_next_message_waited_for_each_other(postgres_db: Database, noun: str) -> None:
    """<< a message locks its process and then settles our row, while the answer to that row is booked >> that waits.

    It took the row first and then the process: PostgreSQL broke one of the two off, after a second.
    """
    process, ran = "urn:uuid:process", list[str]()
    locked, go = threading.Event(), threading.Event()
    hold = {"negotiation": contract_store.hold, "transfer": transfer_store.hold}[noun]

    def taken(tx: Tx) -> None:
        ran.append("message")
        hold(tx, TOWN, [process])
        locked.set()
        assert go.wait(PATIENCE_S)
        assert outbox.done_by_reply(tx, TOWN, "a", "first") == 1

    def answered(tx: Tx) -> None:
        ran.append("answer")
        _all(tx, [Ack(claimed, line(claimed), booking, expects=False, hold=hold, process=process)])

    def booking(tx: Tx) -> None:
        hold(tx, TOWN, [process])
        ran.append("booked")

    async def waits() -> bool:
        return await postgres_db.read(TOWN, lambda tx: tx.all(_WAITING)[0]["n"] == 1)

    for table in ("negotiation", "agreement", "transfer"):
        await postgres_db.write(TOWN, _begun, table, process)
    await postgres_db.write(TOWN, put, "a", "first")
    [claimed] = await postgres_db.write(WORKER, outbox.claim, "me", 1, 60_000)
    message = asyncio.ensure_future(postgres_db.write(TOWN, taken))
    assert await asyncio.to_thread(locked.wait, PATIENCE_S)
    answer = asyncio.ensure_future(postgres_db.write(TOWN, answered))
    await eventually_said(waits)
    go.set()
    await asyncio.gather(message, answer)
    assert ran == ["message", "answer"], "nothing ran twice, and the message has settled the row"


_WAITING = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def _begun(tx: Tx, table: str, process: str) -> None:
    """A row of it, with something in every column that needs it."""
    asked = "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
    wanted = tx.all(f"{asked} WHERE table_name = :name AND is_nullable = 'NO' AND column_default IS NULL", name=table)
    values = {row["name"]: 0 if row["type"] == "bigint" else "{}" for row in wanted}
    values |= {name: process for name in ("id", "negotiation", "agreement") if name in values} | {"participant": TOWN}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    tx.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", **values)

"""`?wait=`: at once when it is over, at a change, and never longer than asked."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from connector.foundation.errors import Mistake
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Database, Tx
from connector.surfaces.api import wait
from connector.surfaces.api.wait import Waiting
from tests.testkit.patience import PATIENCE_S, eventually

NEVER_S = 60.0


def asking(seconds: str | None):  # type: ignore[no-untyped-def]
    return make_mocked_request("GET", "/x" if seconds is None else f"/x?wait={seconds}")


class Thing:
    """Something that changes."""

    def __init__(self) -> None:
        self.state, self.looks = "OPEN", 0

    async def look(self) -> str:
        self.looks += 1
        return self.state


def over(state: str) -> bool:
    return state == "DONE"


async def test_without_wait_it_is_one_look(sqlite_db: Database) -> None:
    thing = Thing()
    assert await Waiting(sqlite_db).until(asking(None), "musterstadt", "x", thing.look, over) == "OPEN"
    assert thing.looks <= 2


@pytest.mark.parametrize("state", ["COMPLETED", "OFFERED"])
async def test_a_change_is_answered_at_once_to_all_who_wait(any_db: Database, state: str) -> None:
    """>> three wait, it ends or an offer comes << all three are answered by the signal of the commit."""
    thing, waiting = Thing(), Waiting(any_db)
    asked = [asyncio.create_task(waiting.until(asking("30"), "musterstadt", "x", thing.look, over)) for _ in range(3)]
    await asyncio.sleep(0.05)

    def change(tx: Tx) -> None:
        tx.signal("transfer", ("musterstadt", "x", state))

    thing.state = "DONE"
    await any_db.write("musterstadt", change)
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*asked) == ["DONE"] * 3


async def test_a_change_without_a_signal_is_seen_all_the_same(postgres_db: Database) -> None:
    """>> another replica's change, whose signal was lost << found by looking."""
    thing = Thing()
    asked = asyncio.create_task(Waiting(postgres_db, 0.05).until(asking("30"), "musterstadt", "x", thing.look, over))
    await asyncio.sleep(0.02)
    thing.state = "DONE"
    async with asyncio.timeout(PATIENCE_S):
        assert await asked == "DONE"


async def test_where_no_other_process_writes_nobody_looks_twice(sqlite_db: Database) -> None:
    """>> SQLite: nothing signals for longer than the look of a replica << one look at first, one when time is up."""
    thing = Thing()
    assert await Waiting(sqlite_db, 0.05).until(asking("0.2"), "musterstadt", "x", thing.look, over) == "OPEN"
    assert thing.looks == 2


async def test_bug_a_timer_that_fired_a_moment_early_made_one_more_look(sqlite_db: Database) -> None:
    """>> time is up in half a millisecond, less than a timer can keep << it is up: one look."""
    thing = Thing()
    assert await Waiting(sqlite_db).until(asking("0.0005"), "musterstadt", "x", thing.look, over) == "OPEN"
    assert thing.looks == 1


async def test_when_the_time_is_up_it_answers_as_it_stands(sqlite_db: Database) -> None:
    thing = Thing()
    async with asyncio.timeout(PATIENCE_S):
        assert await Waiting(sqlite_db).until(asking("0.05"), "musterstadt", "x", thing.look, over) == "OPEN"


@pytest.mark.parametrize("seconds", ["x", "", "1,5", "0x1", "nan"])
async def test_what_is_no_number_of_seconds_is_refused(sqlite_db: Database, seconds: str) -> None:
    with pytest.raises(Mistake, match=r"api\.wait"):
        await Waiting(sqlite_db).until(asking(seconds), "musterstadt", "x", Thing().look, over)


async def test_what_moved_last_is_not_looked_at_before_it_rests(sqlite_db: Database) -> None:
    """>> it has moved on, somebody waits, then it ends << one look, after the end; it ended: looked at at once."""
    thing, waiting = Thing(), Waiting(sqlite_db)

    def change(tx: Tx, participant: str, state: str) -> None:
        tx.signal("negotiation", (participant, "x", state))

    await sqlite_db.write("musterstadt", change, "musterstadt", "AGREED")
    await asyncio.sleep(0)
    asked = asyncio.create_task(waiting.until(asking("30"), "musterstadt", "x", thing.look, over))
    await asyncio.sleep(0.02)
    assert thing.looks == 0
    thing.state = "DONE"
    await sqlite_db.write("musterstadt", change, "musterstadt", "FINALIZED")
    async with asyncio.timeout(PATIENCE_S):
        assert await asked == "DONE"
        assert thing.looks == 1
    again = asyncio.create_task(waiting.until(asking("30"), "musterstadt", "x", thing.look, over))
    await asyncio.sleep(0)
    assert thing.looks == 2
    again.cancel()


async def looks_at_once(db: Database, process: str, *moved: tuple[str, str]) -> int:
    """How often whoever waits for a process of the town looks at once, after these of (participant, process) moved."""
    thing, waiting = Thing(), Waiting(db, NEVER_S)

    def change(tx: Tx) -> None:
        for participant, name in moved:
            tx.signal("negotiation", (participant, name, "AGREED"))

    await db.write(moved[0][0], change)
    await asyncio.sleep(0)
    asked = asyncio.create_task(waiting.until(asking("30"), "musterstadt", process, thing.look, over))
    await asyncio.sleep(0)
    asked.cancel()
    return thing.looks


async def test_what_moves_of_somebody_else_is_looked_at(sqlite_db: Database) -> None:
    """>> another participant's process of that name moved << looked up at once: it may be nobody's here."""
    assert await looks_at_once(sqlite_db, "x", ("nachbardorf", "x")) == 1
    assert await looks_at_once(sqlite_db, "x", ("musterstadt", "x")) == 0


async def test_few_are_known_to_move(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two more move on than are remembered << the first is looked at at once, the last is not."""
    monkeypatch.setattr(wait, "REMEMBERED", 2)
    moved = [("musterstadt", str(number)) for number in range(4)]
    assert [await looks_at_once(sqlite_db, name, *moved) for name in ("0", "3")] == [1, 0]


async def test_where_others_write_it_is_looked_at_at_once(postgres_db: Database) -> None:
    """>> PostgreSQL: it moved on, as this replica heard << another may have ended it since: a look at once."""
    assert await looks_at_once(postgres_db, "x", ("musterstadt", "x")) == 1


async def test_a_change_of_something_else_wakes_nobody(sqlite_db: Database) -> None:
    """>> another process ends, this one only moves on << no further look before its time."""
    thing, waiting = Thing(), Waiting(sqlite_db)
    asked = asyncio.create_task(waiting.until(asking("0.2"), "musterstadt", "x", thing.look, over))
    await asyncio.sleep(0.02)

    def change(tx: Tx, process: str, state: str) -> None:
        tx.signal("negotiation", ("musterstadt", process, state))

    for process, state in (("y", "FINALIZED"), ("x", "AGREED")):
        await sqlite_db.write("musterstadt", change, process, state)
    await asked
    assert thing.looks == 2


async def test_an_end_in_another_replica_is_answered_at_once(cluster: Any) -> None:
    """>> it waits here, something else and then this ends in another replica << two looks: the first, and after the
    signal that named it."""

    def change(tx: Tx, process: str, state: str) -> None:
        tx.signal("negotiation", ("musterstadt", process, state))

    with cluster.database() as urls:
        here, there = (open_database(urls.app, worker_url=urls.worker) for _ in range(2))
        try:
            await asyncio.gather(here.start(), there.start())
            thing = Thing()
            asked = asyncio.create_task(
                Waiting(here, NEVER_S).until(asking("60"), "musterstadt", "x", thing.look, over)
            )
            await eventually(lambda: thing.looks == 1)
            for process in "yx":
                thing.state = "DONE" if process == "x" else "OPEN"
                await there.write("musterstadt", change, process, "FINALIZED")
            async with asyncio.timeout(PATIENCE_S):
                assert await asked == "DONE"
            assert thing.looks == 2
        finally:
            await asyncio.gather(here.close(), there.close())


async def test_a_negative_time_is_none(sqlite_db: Database) -> None:
    assert await Waiting(sqlite_db).until(asking("-5"), "musterstadt", "x", Thing().look, over) == "OPEN"

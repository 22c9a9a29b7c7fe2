"""A unit that is too long for the event loop leaves it: marked, or found out."""

import asyncio
import threading
import time
from functools import partial
from pathlib import Path

from connector.foundation.storage import Database, Tx
from connector.foundation.storage.database import HELD, HeldLoop, code_of, long
from connector.foundation.storage.sqlite.database import Sqlite
from connector.foundation.storage.sqlite.held import HELD_S, TIMES, Held
from tests.testkit.patience import PATIENCE_S


def here(tx: Tx) -> str:
    return threading.current_thread().name


@long
def beside(tx: Tx) -> str:
    return threading.current_thread().name


class Work:
    @long
    def beside(self, tx: Tx) -> str:
        return beside(tx)


async def test_short_units_work_on_the_loop_and_long_ones_on_threads(sqlite_db: Database) -> None:
    """Marked may be a function, a method, a lambda or what stands behind a `partial`."""
    mine = threading.current_thread().name
    assert await sqlite_db.write("", here) == await sqlite_db.read("", here) == mine
    units = (beside, Work().beside, partial(Work.beside, Work()), long(lambda tx: beside(tx)))
    for unit in units:
        assert (await sqlite_db.write("", unit)).startswith("hanse-writer")
        assert (await sqlite_db.read("", unit)).startswith("hanse-reader")


async def test_a_unit_that_holds_the_loop_leaves_it_and_is_told(sqlite_db: Database) -> None:
    """>> more than 10 ms, and twice more of the processor's time << a signal, and a thread from then on."""
    told: list[object] = []
    sqlite_db.listen(HELD, told.append)

    def unit(tx: Tx) -> str:
        until = time.thread_time() + HELD_S * 1.1
        while time.thread_time() < until:
            pass
        return here(tx)

    mine = threading.current_thread().name
    assert [await sqlite_db.write("", unit) for _ in range(1 + TIMES)] == [mine] * (1 + TIMES)
    assert (await sqlite_db.write("", unit)).startswith("hanse-writer")
    assert (await sqlite_db.read("", unit)).startswith("hanse-reader")
    assert len(told) == 1
    (held,) = told
    assert isinstance(held, HeldLoop)
    assert held.unit.endswith("leaves_it_and_is_told.<locals>.unit")
    assert held.ms >= 10


async def test_units_that_proved_long_share_a_commit_on_their_thread(sqlite_db: Sqlite) -> None:
    """>> two large messages of a peer make a unit long << those that follow share syncs; marked ones do not."""
    entered, may = threading.Event(), threading.Event()
    ran = list[str]()

    def unit(tx: Tx) -> None:
        tx.run("INSERT INTO lease VALUES (:name, 'me', 1, 1)", name=str(len(ran)))
        ran.append(here(tx))

    @long
    def gate(tx: Tx) -> None:
        entered.set()
        assert may.wait(PATIENCE_S)

    for _ in range(TIMES):
        sqlite_db._held.took(unit, 1.0)
    held = asyncio.create_task(sqlite_db.write("", gate))
    assert await asyncio.to_thread(entered.wait, PATIENCE_S)
    tasks = [asyncio.create_task(sqlite_db.write("", one)) for one in (unit, unit, unit, beside, unit)]
    await asyncio.sleep(0)
    commits = list[str]()
    sqlite_db._writer().set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    may.set()
    await asyncio.gather(held, *tasks)
    assert len(ran) == 4
    assert all(name.startswith("hanse-writer") for name in ran)
    assert len(commits) == 4, "the gate, three together, the marked one, the last"


def test_once_may_have_been_something_else() -> None:
    """>> long by the processor, short, long << it stays; long twice << it goes, told once."""
    told: list[HeldLoop] = []
    held = Held(told.append)
    for seconds in (1.0, 0.0, 1.0):
        held.took(here, seconds)
    assert not held.off(here)
    held.took(here, 0.02)
    assert held.off(here)
    assert not held.off(Path)
    assert told == [HeldLoop("here", 20)]
    assert code_of(here) == here.__code__

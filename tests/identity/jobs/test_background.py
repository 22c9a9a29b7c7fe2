"""Work that waits for others beside the clockwork: it delays nothing, never runs twice at once, and ends on a stop."""

import asyncio

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.storage import Database
from connector.identity.jobs.background import Background
from connector.identity.jobs.scheduler import Jobs
from tests.testkit.patience import PATIENCE_S


async def test_a_witness_that_does_not_answer_holds_up_no_timer(sqlite_db: Database) -> None:
    """>> a tick whose job hangs << the tick ends all the same; it runs once, goes on, and is given up at the end."""
    begun, gate = [], asyncio.Event()

    async def hang() -> None:
        begun.append(1)
        await gate.wait()
        begun.append(2)

    clock, aside = FakeClock(), Background("seal", hang)
    jobs = Jobs(sqlite_db, clock, "me", {}, {"seal": (1.0, aside.begin)}, {})
    for _ in range(3):
        await asyncio.wait_for(jobs.tick(), PATIENCE_S)
        await asyncio.sleep(0)
        clock.advance(1_000)
    assert begun == [1]
    gate.set()
    while begun == [1]:
        await asyncio.sleep(0)
    gate.clear()
    await asyncio.sleep(0)
    await jobs.tick()
    await asyncio.sleep(0)
    assert begun == [1, 2, 1]
    await aside.stop()
    gate.set()
    await asyncio.sleep(0)
    assert begun == [1, 2, 1]


@pytest.mark.parametrize("error", [Unavailable("witness.answer", status=500), ValueError("a defect")])
async def test_a_round_that_fails_ends_no_other(error: Exception) -> None:
    rounds = []

    async def fail() -> None:
        rounds.append(1)
        raise error

    aside = Background("seal", fail)
    for _ in range(2):
        await aside.begin()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await aside.stop()
    assert rounds == [1, 1]

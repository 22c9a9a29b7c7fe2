"""One timer for all who have the same time: each ends at its own end, and nobody else's cancelling is taken for it."""

import asyncio

import pytest

from connector.foundation.http.deadline import Deadline
from tests.testkit.patience import PATIENCE_S

NEVER_S = 3600.0


async def test_who_takes_longer_is_ended() -> None:
    """>> no time at all << TimeoutError, of which the deadline says that it was its own."""
    with pytest.raises(TimeoutError), Deadline(0).within() as timer:
        await asyncio.sleep(NEVER_S)
    assert timer.expired()


async def test_who_is_done_before_is_left_alone() -> None:
    """>> one ends by itself, one fails by itself << its value, its error; no timer tells them later."""
    deadline = Deadline(0)
    with deadline.within() as timer:
        pass
    with pytest.raises(KeyError), deadline.within():
        raise KeyError
    await asyncio.sleep(0.01)
    assert not timer.expired()


async def test_each_has_its_own_end() -> None:
    """>> three begin one after the other, the second ends by itself << the others end in their order."""
    deadline, ended = Deadline(0.02), list[int]()

    async def one(number: int) -> None:
        try:
            with deadline.within():
                await asyncio.sleep(0 if number == 1 else NEVER_S)
        except TimeoutError:
            ended.append(number)

    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(0.005)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*tasks)
        assert ended == [0, 2]
        with pytest.raises(TimeoutError), deadline.within():  # the row was empty
            await asyncio.sleep(NEVER_S)


async def test_who_is_cancelled_by_others_stays_cancelled() -> None:
    """>> cancelled before its time; cancelled as its time is up << CancelledError, no TimeoutError."""
    for seconds in (NEVER_S, 0):
        begun = asyncio.Event()

        async def held(deadline: Deadline, begun: asyncio.Event = begun) -> None:
            with deadline.within():
                begun.set()
                await asyncio.sleep(NEVER_S)

        task = asyncio.create_task(held(Deadline(seconds)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_one_within_the_other() -> None:
    """>> the outer is up first << the inner lets it pass."""
    inner = Deadline(NEVER_S)
    with pytest.raises(TimeoutError), Deadline(0).within() as outer, inner.within() as timer:
        await asyncio.sleep(NEVER_S)
    assert outer.expired()
    assert not timer.expired()


def test_another_event_loop_begins_anew() -> None:
    """>> the loop ends while one is under way, another begins << its deadline holds there too."""
    deadline = Deadline(0)

    async def left() -> None:
        Deadline.begin(deadline, deadline.within())

    async def late() -> None:
        with deadline.within():
            await asyncio.sleep(NEVER_S)

    asyncio.run(left())
    with pytest.raises(TimeoutError):
        asyncio.run(late())

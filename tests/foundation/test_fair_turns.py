"""Places that participants share: one each, and nobody waits longer than a turn of every other one."""

import asyncio

import pytest

from connector.foundation.fair_turns import FairTurns

pytestmark = pytest.mark.threat("T147")


class Work:
    """Pieces of work by name, such as `a1` of the participant `a`; each lasts until it is let go."""

    def __init__(self, places: int) -> None:
        self.turns, self.begun, self.tasks = FairTurns(places), list[str](), dict[str, asyncio.Task[None]]()
        self.ends: dict[str, asyncio.Event] = {}

    async def hand_in(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._piece(name))
        await self.settle()

    async def _piece(self, name: str) -> None:
        async with self.turns.place(name[0]):
            self.begun.append(name)
            await self.ends[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
            await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_bug_who_hands_over_many_held_all_places() -> None:
    """>> four of one participant, then one of another << that one has the second place at once."""
    work = Work(2)
    await work.hand_in("a1", "a2", "a3", "a4", "b1")
    assert work.begun == ["a1", "b1"]
    await work.end("a1", "a2", "a3", "a4", "b1")
    assert work.begun == ["a1", "b1", "a2", "a3", "a4"]


async def test_who_was_served_stands_behind_all_others() -> None:
    """>> one place, three of one participant before one each of two others << the others come after its first."""
    work = Work(1)
    await work.hand_in("a1", "a2", "a3", "b1", "c1")
    await work.end("a1", "b1", "c1", "a2", "a3")
    assert work.begun == ["a1", "b1", "c1", "a2", "a3"]


async def test_who_gives_up_leaves_its_place_or_never_had_one() -> None:
    """>> one at work and one that waits are given up, and what fails << the next one begins, and nothing is lost."""
    work = Work(1)
    await work.hand_in("a1", "b1", "c1")
    work.tasks["b1"].cancel()
    work.tasks["a1"].cancel()
    await work.settle()
    assert work.begun == ["a1", "c1"]
    work.ends["c1"].set()
    await asyncio.gather(*work.tasks.values(), return_exceptions=True)
    await work.hand_in("a2")
    assert work.begun[-1] == "a2"
    await work.end("a2")

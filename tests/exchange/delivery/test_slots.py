"""Places for downloads: none for everybody's, however many one peer or one outage would like to have (T15)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connector.exchange.delivery.slots import Slots


@asynccontextmanager
async def holding(places: Slots, *wishes: tuple[str, bool]) -> AsyncIterator[list[str]]:
    """Downloads that never end; the list has the peers that got a place."""
    got, tasks = list[str](), []

    async def hold(peer: str, again: bool) -> None:
        async with places.taken(peer, again):
            got.append(peer)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hold(*wish)) for wish in wishes]
    await asyncio.sleep(0.01)
    yield got
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.threat("T15")
async def test_one_peer_gets_no_more_than_its_share() -> None:
    """>> ten of one, then one of another << three of the first, and the other at once."""
    async with holding(Slots(most=6, per_peer=3), *[("a", False)] * 10, ("b", False)) as got:
        assert sorted(got) == ["a", "a", "a", "b"]


@pytest.mark.threat("T15")
async def test_what_failed_before_leaves_room_for_what_did_not() -> None:
    """>> ten that failed before, of as many peers, then a new one << two of the ten, and the new one at once."""
    again = [(f"gone {number}", True) for number in range(10)]
    async with holding(Slots(most=6, again=2), *again, ("new", False)) as got:
        assert got == ["gone 0", "gone 1", "new"]


async def test_there_is_an_end_in_all_and_places_come_back() -> None:
    """>> more than there is room for, one after the other << the rest when the first are done."""
    places = Slots(most=2)
    async with holding(places, *[(str(number), False) for number in range(3)]) as got:
        assert got == ["0", "1"]
    async with holding(places, ("3", True), ("4", False)) as got:
        assert got == ["3", "4"]

"""Places at a door: whoever is slow makes room for whoever comes."""

import asyncio

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.http.refusals import TooSlow
from connector.surfaces.peer.places import FORGOTTEN_MS, OWN_MS, Places

pytestmark = pytest.mark.threat("T163")


class Sender:
    """A member whose body comes when `done` is set; `became` is what the door said."""

    def __init__(self, places: Places, name: str, arrived: bool = False) -> None:
        self.name, self.done, self.became = name, asyncio.Event(), ""
        self.task = asyncio.create_task(self._send(places, arrived))

    async def _send(self, places: Places, arrived: bool) -> None:
        try:
            async with places.place(self.name) as here:
                if arrived:
                    here()
                await self.done.wait()
                self.became = "taken"
        except (Unavailable, TooSlow) as refused:
            self.became = refused.code


async def came(places: Places, *names: str, arrived: bool = False) -> list[Sender]:
    senders = [Sender(places, name, arrived) for name in names]
    await settle()
    return senders


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def test_bug_four_slow_members_had_all_places() -> None:
    """>> four members send slowly, again and again; another one comes << at first there is none, after five seconds it
    has a place, one of the four has to leave, and who leaves has none before it."""
    clock = FakeClock()
    places = Places(clock, 4, 30.0)
    slow = await came(places, "a", "b", "c", "d")
    assert (await came(places, "town"))[0].became == "peer.busy"
    clock.advance(OWN_MS + 1)
    (town,) = await came(places, "town")
    assert [one.became for one in slow] == ["http.body-slow", "", "", ""]
    assert (await came(places, "a"))[0].became == "peer.busy"
    town.done.set()
    await settle()
    assert town.became == "taken"
    again = await came(places, "a")
    clock.advance(1)
    (port,) = await came(places, "port")  # who has had the most leaves, not who came first
    assert ([one.became for one in [*slow[1:], *again]], port.became) == (["http.body-slow", "", "", ""], "")
    for one in (*slow, *again, port):
        one.done.set()
        await one.task


async def test_one_place_for_each_and_what_has_arrived_stays() -> None:
    """>> a second body of one member; others come while bodies that are here are judged, for however long << refused;
    those are not broken off. After an hour the time that somebody had is forgotten."""
    clock = FakeClock()
    places = Places(clock, 2, 30.0)
    judged = await came(places, "a", "b", arrived=True)
    assert (await came(places, "a"))[0].became == "peer.busy"
    clock.advance(60_000)
    assert (await came(places, "town"))[0].became == "peer.busy"
    for one in judged:
        one.done.set()
        await one.task
    assert [one.became for one in judged] == ["taken", "taken"]
    assert places._time("a") == 60_000
    clock.advance(FORGOTTEN_MS)
    assert places._time("a") == 0


async def test_who_sends_for_too_long_is_told_so() -> None:
    places = Places(FakeClock(), 4, 0.0)
    (one,) = await came(places, "a")
    await one.task
    assert (one.became, places._inside) == ("http.body-slow", {})

"""A city with two towns, a dataset, and a member of the data space that has no manners."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, nasty_peer


@pytest.fixture
async def nasty(space: Space) -> AsyncIterator[NastyPeer]:
    """On the trust list as a municipality before any city starts."""
    async with nasty_peer(space) as peer:
        yield peer


@pytest.fixture
def standing(space: Space) -> None:
    """The clock of everybody stands: what is paced by the second gets nothing back, however slow a machine asks."""
    space.clock = FakeClock(SystemClock().now())


@pytest.fixture
async def it(space: Space, nasty: NastyPeer) -> City:
    """A process that hosts `musterstadt` and `nachbardorf`."""
    return await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})


@pytest.fixture
async def made(it: City) -> dict[str, Any]:
    """A dataset of `musterstadt` under template 3."""
    return await it.publish("musterstadt")

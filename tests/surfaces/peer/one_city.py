"""One city for all tests of a file that bring a stranger of their own; what a test counts, it counts of its stranger.

A file takes these instead of those of `conftest.py`:
`it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space`.
"""

import tempfile
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.testkit.cities import MUNICIPALITY, City, Space, data_space
from tests.testkit.nasty import NastyPeer, nasty_peer

_NAMES = count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def space() -> AsyncIterator[Space]:
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        async with data_space(Path(folder)) as space:
            yield space


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(space: Space) -> City:
    """A process that hosts `musterstadt` and `nachbardorf`."""
    return await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})


@pytest_asyncio.fixture(loop_scope="module")
async def nasty(space: Space, it: City) -> AsyncIterator[NastyPeer]:
    """On the trust list as a municipality; of no other test has it heard."""
    async with nasty_peer(space, f"nasty{next(_NAMES)}") as peer:
        await space.reload(it)
        yield peer


@pytest_asyncio.fixture(loop_scope="module")
async def made(it: City) -> dict[str, Any]:
    """A dataset of `musterstadt` under template 3."""
    return await it.publish("musterstadt")

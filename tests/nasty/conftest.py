"""One town and one village for all tests of a module: each test brings its own strangers."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.nasty.world import World
from tests.testkit.cities import data_space


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        async with data_space(Path(folder)) as space:
            world = World(space)
            try:
                await world.start()
                yield world
            finally:
                await world.close()

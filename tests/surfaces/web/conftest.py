"""The desk of a city that a test file starts itself."""

from collections.abc import AsyncIterator

import pytest

from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import City


@pytest.fixture
async def desk(city: City) -> AsyncIterator[Opened]:
    async with open_desk(city.services) as opened:
        yield opened

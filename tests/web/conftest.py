"""The desk of a city that a test file starts itself."""

from collections.abc import AsyncIterator

import pytest

from tests.testkit.cities import City
from tests.web.browsing import Opened, open_desk


@pytest.fixture
async def desk(city: City) -> AsyncIterator[Opened]:
    async with open_desk(city.services) as opened:
        yield opened

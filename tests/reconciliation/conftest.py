"""Two towns that ask each other for their logs, and an agreement between them."""

import pytest

from connector.contracts.model import Agreement
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


@pytest.fixture
async def both(towns: Towns) -> Neighbours:
    return Neighbours(towns)


@pytest.fixture
async def agreement(both: Neighbours) -> Agreement:
    return await both.towns.concluded(CONSUMER, PROVIDER)

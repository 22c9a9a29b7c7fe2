"""A consumer in the process of a load program that asks for transfers and leaves the bytes to whoever measures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import _cities
import msgspec
from _cities import Cities

from connector.exchange.delivery.worker import RetryAfter
from connector.exchange.transfer.addresses import Sealed
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from tests.testkit import cities as inner

Place = tuple[str, str]
"""Address of the bytes, and the token for it."""


class Reader:
    """Each flow that it opens stays open."""

    def __init__(self, city: inner.City, slug: str) -> None:
        self.city, self.slug = city, slug
        self._places: asyncio.Queue[Place] = asyncio.Queue()
        city.services.schedule.worker._handlers["pull"] = self._hold  # type: ignore[index]

    async def _hold(self, row: OutboxRow) -> None:
        services, process = self.city.services, msgspec.json.decode(row.body, type=Errand).process
        found = await services.infra.db.read(
            row.participant, services.transfers.reports.flow_of, row.participant, process
        )
        if found is not None and found[1].address is not None:
            address = Sealed(services.infra.vault).source(row.participant, found[1])
            self._places.put_nowait((address.url, address.token))
        raise RetryAfter(services.infra.clock.now() + 86_400_000)

    async def agree(self, provider: str, dataset: str) -> str:
        """The id of a new agreement."""
        agreed = await self.city.negotiate(self.slug, provider, dataset)
        return str(agreed["agreement"])

    async def open(self, agreement: str, count: int = 1) -> list[Place]:
        """So many transfers under it, each started and not yet read."""
        for _ in range(count):
            await self.city.api.post(f"/api/v1/participants/{self.slug}/transfers", {"agreement": agreement})
        async with asyncio.timeout(60):
            return [await self._places.get() for _ in range(count)]


@asynccontextmanager
async def reader(space: Cities) -> AsyncIterator[Reader]:
    async with space.space.running("r", {"leser": _cities.MUNICIPALITY}) as city:
        yield Reader(city, "leser")

"""Two replicas of a provider, one of which is cut off from the database: the other goes on alone, and both are one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from types import ModuleType
from urllib.parse import urlsplit

import pytest

from connector.verify.bundle import verify_bundle
from tests.cities.cut import Line, line
from tests.cities.replicas import Provider, publish, village
from tests.cities.sharing import free_port, shared
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.pair import TOWN, VILLAGE, patiently
from tests.testkit.patience import eventually, eventually_said

__all__ = ["village"]


@pytest.fixture
async def way(cluster: ModuleType, space: Space) -> AsyncIterator[tuple[Line, Provider]]:
    """The line of replica `a` to the database, and the provider; `b` has a way of its own."""
    with cluster.database() as urls:
        port = urlsplit(urls.app).port
        assert port is not None
        async with line(port) as cut:
            beside = shared(space.folder, urls, free_port()) | {
                "HANSE_WORKER__LEASE_S": "2",
                "HANSE_WORKER__SEAL_EVERY_S": "0.5",
            }
            provider = Provider(space, urls.admin, beside)
            for key in ("HANSE_DATABASE__URL", "HANSE_DATABASE__WORKER_URL", "HANSE_DATABASE__OWNER_URL"):
                provider.a._environ[key] = beside[key].replace(f":{port}/", f":{cut.port}/")
            try:
                await provider.a.start()
                await provider.b.start()
                await provider.a.api.post(
                    "/api/v1/participants", {"slug": TOWN, "name": "Musterstadt", "kind": MUNICIPALITY}
                )
                yield cut, provider
            finally:
                cut.mend()
                await asyncio.gather(provider.a.close(), provider.b.close())


@pytest.fixture
def provider(way: tuple[Line, Provider]) -> Provider:
    return way[1]


async def ready(provider: Provider) -> bool:
    """Whether replica `a` says that it can serve."""
    try:
        await provider.a.api.get("/health/ready")
    except Refused:
        return False
    return True


async def away(provider: Provider) -> bool:
    return not await ready(provider)


async def proven(provider: Provider, agreement: str) -> None:
    """Either replica makes evidence of it that holds."""
    path = f"/api/v1/participants/{TOWN}/agreements/{agreement.removeprefix('urn:uuid:')}/evidence"
    for process in (provider.a, provider.b):
        report = verify_bundle(await patiently(partial(process.api.get, path)), provider.space.roots, "de")
        assert report.holds_apart_from_time, report.reason


@pytest.mark.long
async def test_a_replica_that_is_cut_off_from_the_database_stops_nothing(
    way: tuple[Line, Provider], village: City
) -> None:
    """>> cut in the middle of exchanges << each is finalized once by the other, each file is whole; the replica says
    that it is not ready until the line is mended; one log without a gap, which either replica proves."""
    cut, provider = way
    did, dataset = await publish(provider, b"a;b\n" * 4096)
    asked = [asyncio.create_task(patiently(lambda: village.negotiate(VILLAGE, did, dataset))) for _ in range(3)]
    await eventually(lambda: bool(provider.rows("SELECT 1 FROM negotiation")))
    cut.cut()
    await eventually_said(partial(away, provider))
    agreements = []
    for signed in await asyncio.gather(*asked):
        assert signed["state"] == "FINALIZED", signed
        received = await village.fetch(VILLAGE, signed["agreement"])
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
        agreements.append(signed["agreement"])
    cut.mend()
    await eventually_said(partial(ready, provider))
    rows = provider.rows("SELECT id, state FROM agreement")
    assert Counter(row["state"] for row in rows) == {"finalized": len(agreements)}
    assert {row["id"] for row in rows} == set(agreements)
    for one in agreements:
        await proven(provider, one)
    places = provider.rows("SELECT leaf_index AS i FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index")
    assert [row["i"] for row in places] == list(range(len(places)))
    sizes = [row["size"] for row in provider.rows("SELECT size FROM audit_seal ORDER BY size")]
    assert sizes[-1] == len(places)
    assert len(sizes) == len(set(sizes))

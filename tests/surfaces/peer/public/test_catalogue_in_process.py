"""The public catalogue of a whole process: what a steward publishes over the management surface is on the web."""

import aiohttp
import pytest

from connector.foundation.http.outbound import tls_client
from tests.testkit.cities import MUNICIPALITY, Refused, Space

OPEN = {"title": "Bäume", "licence": "dl-by-de/2.0", "themes": ["ENVI"], "keywords": ["Baum"], "access": "open"}


async def test_published_changed_and_withdrawn(space: Space) -> None:
    """>> an open dataset is published, downloaded without any account, and withdrawn << in the catalogue of its town
    and not in its neighbour's; then gone from it, its IRI and its file 410."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    upload = await city.api.post("/api/v1/participants/musterstadt/files?name=baeume.csv", data=b"a;b\n1;2\n")
    made = await city.api.post(
        "/api/v1/participants/musterstadt/datasets", {"source": upload["source"], "rule": "", **OPEN}
    )
    iri, root = made["dataset"], city.root("musterstadt")
    connector = aiohttp.TCPConnector(ssl=tls_client([space.folder / "certs" / "dev-ca.pem"]))
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get(url: str) -> tuple[int, str]:
            async with session.get(url) as answer:
                return answer.status, await answer.text()

        status, catalogue = await get(f"{root}/catalog.ttl")
        assert (status, f"<{iri}>" in catalogue, f"<{iri}/baeume.csv>" in catalogue) == (200, True, True)
        assert iri not in (await get(f"{city.root('nachbardorf')}/catalog.ttl"))[1]
        assert await get(f"{iri}/baeume.csv") == (200, "a;b\n1;2\n")
        uuid = iri.rpartition("/")[2]
        with pytest.raises(Refused):
            await city.api.post(f"/api/v1/participants/nachbardorf/datasets/{uuid}/withdraw")
        await city.api.post(f"/api/v1/participants/musterstadt/datasets/{uuid}/withdraw")
        assert iri not in (await get(f"{root}/catalog.ttl"))[1]
        assert [(await get(url))[0] for url in (iri, f"{iri}/baeume.csv")] == [410, 410]

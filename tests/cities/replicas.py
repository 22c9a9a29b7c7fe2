"""A provider that runs as two processes on one database, and a village that asks it."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg.rows import dict_row

from connector.foundation.http.outbound import tls_client
from tests.cities.sharing import free_port, shared
from tests.testkit import crash
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.pair import TOWN, VILLAGE
from tests.testkit.processes import Process


class Provider:
    """Replicas `a` and `b` of the town on one database, one port and one folder of files."""

    def __init__(self, space: Space, admin: str, environ: dict[str, str]) -> None:
        self.space, self._admin = space, admin
        self.a, self.b = (
            Process(space.prepared(name), crash.PROGRAM, environ | {"HANSE_API__SOCKET": f"{name}.sock"})
            for name in ("ra", "rb")
        )
        self.url = environ["HANSE_PEER__PUBLIC_URL"]

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self._admin, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def post(self, path: str, token: str = "") -> "Connection":
        return Connection("POST", f"{self.url}{path}", self.space, token)

    def get(self, path: str) -> "Connection":
        return Connection("GET", f"{self.url}{path}", self.space)


class Connection:
    """One request on a connection of its own, so that the kernel picks the replica anew."""

    def __init__(self, method: str, url: str, space: Space, token: str = "") -> None:
        self._method, self._url, self._token = method, url, token
        self._tls = tls_client([space.folder / "certs" / "dev-ca.pem"])

    async def status(self) -> int:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        body = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}
        connector = aiohttp.TCPConnector(ssl=self._tls, force_close=True)
        sent = {"json": body} if self._method == "POST" else {}
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(self._method, self._url, headers=headers, **sent) as answer,
        ):
            await answer.read()
            return answer.status


@pytest.fixture
async def provider(space: Space, cluster: ModuleType) -> AsyncIterator[Provider]:
    port = free_port()
    with cluster.database() as urls:
        environ = shared(space.folder, urls, port) | {"HANSE_WORKER__LEASE_S": "2", "HANSE_WORKER__SEAL_EVERY_S": "0.5"}
        provider = Provider(space, urls.admin, environ)
        try:
            await provider.a.start()
            await provider.b.start()
            await provider.a.api.post(
                "/api/v1/participants", {"slug": TOWN, "name": "Musterstadt", "kind": MUNICIPALITY}
            )
            yield provider
        finally:
            await asyncio.gather(provider.a.close(), provider.b.close())


@pytest.fixture
async def village(space: Space, provider: Provider) -> City:
    city = await space.city("village", {VILLAGE: MUNICIPALITY})
    for api in (city.api, provider.a.api, provider.b.api):
        await api.post("/api/v1/trust/reload")
    return city


async def publish(provider: Provider, content: bytes, **slots: str) -> tuple[str, str]:
    """The provider's DID and its dataset."""
    source = await provider.a.api.post(f"/api/v1/participants/{TOWN}/files?name=baeume.csv", data=content)
    wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099", **slots}, **source}
    made = await provider.a.api.post(f"/api/v1/participants/{TOWN}/datasets", wish)
    return provider.rows("SELECT did FROM participant WHERE id = %s", TOWN)[0]["did"], made["dataset"]

"""A provider's data plane on loopback, with one registered file and a contract that can be told to refuse."""

import asyncio
import os
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Decision, Gate
from connector.data.dataplane.receive.pull import Address
from connector.data.dataplane.serve.stream import MinimumRate, serve
from connector.data.dataplane.streams import Streams
from connector.data.sources import store as source_store
from connector.data.sources.kinds import Sources, sealed_as
from connector.data.sources.model import Source
from connector.foundation.clock import FakeClock
from connector.foundation.http.outbound import SafeClient
from connector.identity.trust.keys.vault import Vault
from tests.testkit.patience import PATIENCE_S

TOWN, FLOW = "musterstadt", "urn:uuid:7d1c8f7e-0000-4000-8000-000000000001"
DATA = os.urandom(3_500_000)
VAULT = Vault(bytes(32))


class Contract:
    """Stands for the slice above: permits or refuses, and counts uses in a transaction."""

    def __init__(self, database) -> None:
        self.database, self.decision, self.uses, self.asked = database, Decision(permit=True), 0, []

    async def __call__(self, participant, flow, request, now):
        self.asked.append(request)
        if await self.database.write(participant, self._count, request):
            self.uses += 1
        return self.decision

    def _count(self, tx, request):
        if not request.mark(tx):
            return False
        if not self.decision.permit:
            request.unmark(tx)
            return False
        return True


class Book:
    """A ledger that remembers, and counts into the flow."""

    def __init__(self, database) -> None:
        self.database, self.lines, self.written = database, [], asyncio.Event()

    async def delivered(self, participant, flow, bytes, complete, broken):
        await self.database.write(participant, flows.count_bytes, participant, flow, bytes, broken=broken is not None)
        self.lines.append((bytes, complete, broken))
        self.written.set()

    async def line(self):
        async with asyncio.timeout(PATIENCE_S):
            await self.written.wait()
        return self.lines[-1]


class Plane:
    """The provider under test; `get` and `pull` address its one flow."""

    flow, data = FLOW, DATA

    def __init__(self, database, folder, client) -> None:
        self.database, self.folder, self.client, self.clock = database, folder, client, FakeClock()
        self.entrusted = True
        self.contract, self.book = Contract(database), Book(database)
        self.streams = Streams(self.clock, lambda tx, participant: self.entrusted)
        self.patience = MinimumRate()
        self.path = folder / "bäume.geojson"
        self.path.write_bytes(DATA)
        self.digest = sha256(DATA).hexdigest()
        self.source = Source(
            id="trees",
            kind="file",
            location=self.path.name,
            name=self.path.name,
            media_type="application/geo+json",
            bytes=len(DATA),
            sha256=self.digest,
        )
        self.description = self.source.description
        self.token = ""

    async def open(self, *, expires_at=None, kind="file", location="bäume.geojson"):
        secrets = VAULT.seal(sealed_as(TOWN, self.source.id), b'{"authorization":"Basic inner"}')
        registered = replace(self.source, kind=kind, location=location, secrets=secrets if kind == "http" else None)
        await self.database.write(TOWN, self._registered, registered)
        self.token = await self.start(expires_at=expires_at)

    def _registered(self, tx, source):
        source_store.forget(tx, TOWN, source.id)
        source_store.insert(tx, TOWN, source)

    async def start(self, *, flow=FLOW, expires_at=None):
        return await self.database.write(
            TOWN,
            flows.start,
            participant=TOWN,
            flow=flow,
            counterparty="did:web:n",
            agreement="urn:uuid:a",
            source="trees",
            expires_at=expires_at,
        )

    async def serve(self, tls=None):
        gate = self.gate = Gate(self.database, self.contract, self.clock)
        sources = Sources(lambda participant: self.folder, self.client, VAULT)
        app = web.Application()
        handler = serve(gate, self.streams, sources, self.book, lambda request: TOWN, self.patience)
        app.router.add_route("GET", "/musterstadt/data/{flow}", handler, name="data")
        app.router.add_route("HEAD", "/musterstadt/data/{flow}", handler)
        self.server = TestServer(app, host="127.0.0.1", scheme="https" if tls else "http")
        await self.server.start_server(ssl=tls)
        self.listening = asyncio.create_task(self.streams.run(self.database))
        await asyncio.sleep(0)

    def url(self, flow=FLOW) -> str:
        url = self.server.make_url(f"/musterstadt/data/{flow}")
        return str(url.with_host("localhost") if url.scheme == "https" else url)

    def address(self) -> Address:
        return Address(self.url(), self.token)

    def stream(self, *, token=None, flow=FLOW, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.stream(self.url(flow), headers={"Authorization": f"Bearer {token or self.token}", **sent})

    async def get(self, **asked):
        """(status, headers, body) of one GET."""
        async with self.stream(**asked) as answer:
            return answer.status, answer.headers, await answer.read()

    async def read_while(self, act):
        """Starts to read, awaits `act`, reads on to the end; the ETag comes back in `self.etag`."""
        async with self.stream() as answer:
            self.etag = answer.headers["ETag"]
            await answer.content.readany()
            await act()
            await answer.read()

    async def flow_row(self):
        return await self.database.read(TOWN, flows.find, TOWN, FLOW)

    async def move(self, step):
        await self.database.write(TOWN, step, TOWN, FLOW)

    async def close(self) -> None:
        self.listening.cancel()
        await asyncio.gather(self.listening, return_exceptions=True)
        await self.server.close()


@pytest.fixture
async def client():
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    yield client
    await client.close()


@pytest.fixture
async def plane(sqlite_db, tmp_path, client):
    folder = tmp_path / "files"
    folder.mkdir()
    plane = Plane(sqlite_db, folder, client)
    await plane.open()
    await plane.serve()
    yield plane
    await plane.close()


@pytest.fixture
async def upstream():
    """Serves one handler at `/`, as a source or as a provider that misbehaves."""
    servers = []

    async def start(handler):
        async def handle(request):
            return await handler(request)

        app = web.Application()
        app.router.add_get("/{rest:.*}", handle)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/data"))

    yield start
    for server in servers:
        await server.close()

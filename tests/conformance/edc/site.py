"""What stands beside the connectors: a source of bytes, a sink, an ear for EDC's events, a slow line, and a data plane
that EDC's control plane may send pulls to (its own offers them but has no endpoint for them).

The slow line hands requests on at once and holds their answers back: whoever asked has not saved yet what it knows to
be right when the other side already acts on it.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from tests.conformance.edc.management import NS

CONTENT = b"id;art\n1;Linde\n2;Ahorn\n3;Rotbuche\n"
SOURCE = "Site"
"""The type of data address that only our data plane serves."""
HELD_S = 0.7
T = TypeVar("T")


class Site:
    """One server on loopback; everything it saw is kept."""

    def __init__(self, port: int, beyond: str) -> None:
        self.root, self._beyond = f"http://localhost:{port}", beyond
        self.events: list[dict[str, Any]] = []
        self.sunk: dict[str, bytes] = {}
        self.flows: dict[str, str] = {}
        self._news = asyncio.Event()

    @property
    def source(self) -> str:
        return f"{self.root}/trees.csv"

    def slow(self, slug: str) -> str:
        """The root of a participant at the other end of the slow line."""
        return f"{self.root}/{slug}"

    def sink(self, name: str) -> str:
        return f"{self.root}/sink/{name}"

    async def event(self, transfer: str, kind: str, wait_s: float = 20.0) -> dict[str, Any] | None:
        """What EDC told of a transfer, as soon as it does; None if it does not."""

        def heard() -> dict[str, Any] | None:
            about = [event for event in self.events if event["payload"].get("transferProcessId") == transfer]
            return next((event["payload"] for event in about if event["type"] == kind), None)

        return await self._until(heard, wait_s)

    def forget(self, transfer: str) -> None:
        """What was told of it so far."""
        self.events = [event for event in self.events if event["payload"].get("transferProcessId") != transfer]

    async def received(self, name: str, wait_s: float = 20.0) -> bytes | None:
        return await self._until(lambda: self.sunk.get(name), wait_s)

    async def _until(self, look: Callable[[], T | None], wait_s: float) -> T | None:
        try:
            async with asyncio.timeout(wait_s):
                while (found := look()) is None:
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            return None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/trees.csv", self._give)
        app.router.add_route("*", "/sink/{name}", self._take)
        app.router.add_post("/events", self._hear)
        app.router.add_post("/plane/start", self._start)
        app.router.add_route("*", "/plane/{rest:.*}", self._nod)
        app.router.add_get("/data/{flow}", self._pulled)
        app.router.add_route("*", "/{slug}/{rest:.*}", self._held)
        return app

    async def _give(self, request: web.Request) -> web.Response:
        return web.Response(body=CONTENT, content_type="text/csv")

    async def _take(self, request: web.Request) -> web.Response:
        self.sunk[request.match_info["name"]] = await request.read()
        self._news.set()
        return web.Response()

    async def _hear(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        self._news.set()
        return web.Response()

    async def _start(self, request: web.Request) -> web.Response:
        """A flow begins: EDC passes on where it is to be had, and the secret."""
        asked = json.loads(await request.read())
        flow = str(asked.get("processId") or asked[f"{NS}processId"])
        self.flows[flow] = secrets.token_urlsafe(18)
        found = {"endpoint": f"{self.root}/data/{flow}", "authorization": self.flows[flow], "authType": "bearer"}
        pairs = [
            {"@type": "dspace:EndpointProperty", "dspace:name": NS + name, "dspace:value": value}
            for name, value in found.items()
        ]
        address = {
            "@type": "dspace:DataAddress",
            "dspace:endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "dspace:endpointProperties": pairs,
        }
        context = {"@vocab": NS, "dspace": "https://w3id.org/dspace/v0.8/"}
        body = {"@context": context, "@type": "DataFlowResponseMessage", "dataAddress": address}
        return web.json_response({**body, "provisioning": False})

    async def _nod(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _pulled(self, request: web.Request) -> web.Response:
        token = self.flows.get(request.match_info["flow"])
        if request.headers.get("Authorization", "").removeprefix("Bearer ") != token:
            return web.Response(status=403)
        return web.Response(body=CONTENT, content_type="text/csv")

    async def _held(self, request: web.Request) -> web.Response:
        headers = {
            name: request.headers[name] for name in ("Host", "Authorization", "Content-Type") if name in request.headers
        }
        url = URL(self._beyond + request.raw_path, encoded=True)
        async with (
            aiohttp.ClientSession(skip_auto_headers=("Content-Type",)) as session,
            session.request(request.method, url, data=await request.read() or None, headers=headers) as answer,
        ):
            body = await answer.read()
            await asyncio.sleep(HELD_S)
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)


@asynccontextmanager
async def serving(port: int, beyond: str) -> AsyncIterator[Site]:
    """On that port; the slow line leads to `beyond`."""
    site = Site(port, beyond)
    runner = web.AppRunner(site.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port).start()
        yield site
    finally:
        await runner.cleanup()

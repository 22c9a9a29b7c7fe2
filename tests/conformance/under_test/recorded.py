"""An Eclipse EDC on record: what 0.15.1 was seen to say, so that its ways hold without Java (spec/protocol.md 6.1).

It answers as EDC answers and keeps what it was sent; what EDC says by itself, a test says through it.
"""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp
from aiohttp import web

from connector.foundation.clock import SystemClock, rfc3339
from tests.testkit.patience import PATIENCE_S

CONTEXTS = ["https://w3id.org/dspace/2025/1/context.jsonld", "https://w3id.org/edc/dspace/v0.0.1"]
NS = "https://w3id.org/edc/v0.0.1/ns/"
NAME = "nachbar"
ASKED_CATALOGUE = {
    "@type": "CatalogRequestMessage",
    "filter": [{"@type": "QuerySpec", "limit": 50, "offset": 0, "sortOrder": "ASC", "filterExpression": []}],
    "@context": CONTEXTS,
}
"""How it asks for a catalogue: always with a query, and without an `@id`."""
CONTENT = b"a;b\n1;2\n"


class Said(NamedTuple):
    """A message that came to it."""

    path: str
    body: dict[str, Any]


def offer_id(asset: str) -> str:
    """Three parts in base64, the last new for each look at the catalogue."""
    return ":".join(base64.b64encode(part.encode()).decode() for part in ("all", asset, str(uuid4())))


class RecordedEdc:
    """`answers`: by the end of the path, given instead of its usual answers, first come first served."""

    def __init__(self, port: int, assets: int = 1) -> None:
        self.root = f"http://localhost:{port}/protocol"
        self.base = f"{self.root}/2025-1"
        self.assets = [f"page-{number:03}" for number in range(assets)]
        self.answers: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.said: list[Said] = []
        self.offers: list[str] = []
        self.pids: list[str] = []
        """Of the processes that were begun with it, the last one last."""
        self.read: list[str] = []
        """With what its data was asked for."""
        self._news = asyncio.Event()
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        await self._session.close()

    async def tell(self, url: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Says something in its own way; gives status and answer."""
        mock = json.dumps({"region": "eu", "audience": url, "clientId": NAME}, separators=(",", ":"))
        headers = {"Authorization": mock, "Content-Type": "application/json; charset=utf-8"}
        message = {"@id": str(uuid4()), **body, "@context": CONTEXTS}
        async with self._session.post(url, data=json.dumps(message).encode(), headers=headers) as answer:
            text = await answer.read()
            return answer.status, json.loads(text) if text else {}

    async def heard(self, ending: str, nth: int = 1) -> Said:
        """The nth message to a path with this ending, as soon as it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [one for one in self.said if one.path.endswith(ending)]) < nth:
                self._news.clear()
                await self._news.wait()
            return found[nth - 1]

    def agreement(self, asked: Mapping[str, Any], them: str) -> dict[str, Any]:
        """What it answers a request with: the policy is that of its own offer, whatever was asked for."""
        return {
            "@type": "ContractAgreementMessage",
            "providerPid": self.pids[-1],
            "consumerPid": asked["consumerPid"],
            "agreement": {
                "@id": str(uuid4()),
                "@type": "Agreement",
                "permission": [{"action": "use"}],
                "assignee": them,
                "assigner": NAME,
                "target": asked["offer"]["target"],
                "timestamp": rfc3339(SystemClock().now()),
            },
        }

    def application(self) -> web.Application:
        app = web.Application()
        base = "/protocol/2025-1"
        app.router.add_post(f"{base}/catalog/request", self._catalogue)
        app.router.add_get(f"{base}/catalog/datasets/{{id}}", self._one)
        app.router.add_post(f"{base}/negotiations/request", self._begun("ContractNegotiation"))
        app.router.add_post(f"{base}/transfers/request", self._begun("TransferProcess"))
        app.router.add_post(f"{base}/{{rest:.+}}", self._update)
        app.router.add_get("/protocol/data", self._data)
        return app

    async def _catalogue(self, request: web.Request) -> web.Response:
        """Pages of 50; the way back is called `prev`, the way on is a token that says where to go on."""
        await self._keep(request)
        token = request.query.get("continuationToken")
        at = 0 if token is None else int(base64.b64decode(token))
        page = self.assets[at : at + 50]
        body = {
            "@id": str(uuid4()),
            "@type": "Catalog",
            "participantId": NAME,
            "service": [self._service()],
            "dataset": [self._dataset(asset) for asset in page],
        }
        links = {"next": at + 50} if at + 50 < len(self.assets) else {}
        links |= {"prev": at - 50} if at else {}
        response = _json(200, body)
        for relation, place in links.items():
            where = base64.b64encode(str(place).encode()).decode()
            target = f"{self.base}/catalog/request?continuationToken={where}"
            response.headers.add("Link", f'<{target}>; rel="{relation}"')
        return response

    async def _one(self, request: web.Request) -> web.Response:
        if request.headers.get("Content-Type", "application/json") != "application/json":
            return web.Response(status=415, text="<html></html>", content_type="text/html")
        asset = request.match_info["id"]
        if asset not in self.assets:
            return _json(404, _error("CatalogError", 404, f"Dataset {asset} does not exist"))
        return _json(200, self._dataset(asset))

    def _begun(self, kind: str) -> Any:
        """A first request is answered 200, not 201."""

        async def begun(request: web.Request) -> web.Response:
            said = await self._keep(request)
            if given := self._given(request):
                return given
            pid = str(uuid4())
            self.pids.append(pid)
            body = {"@type": kind, "state": "REQUESTED", "providerPid": pid, "consumerPid": said.body["consumerPid"]}
            return _json(200, {"@id": pid, **body})

        return begun

    async def _update(self, request: web.Request) -> web.Response:
        """Everything later is answered 200 without a body."""
        await self._keep(request)
        return self._given(request) or web.Response(status=200, content_type="application/json")

    async def _data(self, request: web.Request) -> web.Response:
        self.read.append(request.headers.get("Authorization", ""))
        return web.Response(body=CONTENT, content_type="text/csv")

    def _given(self, request: web.Request) -> web.Response | None:
        for ending, answers in self.answers.items():
            if request.path.endswith(ending) and answers:
                status, reason = answers.pop(0)
                noun = "Transfer" if "/transfers/" in request.path else "ContractNegotiation"
                return _json(status, _error(f"{noun}Error", status, reason))
        return None

    async def _keep(self, request: web.Request) -> Said:
        said = Said(request.path, await request.json())
        self.said.append(said)
        self._news.set()
        return said

    def _service(self) -> dict[str, str]:
        described = {"endpointDescription": "dspace:connector", "endpointURL": self.base}
        return {"@id": str(uuid4()), "@type": "DataService", **described}

    def _dataset(self, asset: str) -> dict[str, Any]:
        """With members of its own, `id` among them, and another service for each distribution."""
        self.offers.append(offer_id(asset))
        formats = ("HttpData-PULL", "HttpData-PUSH")
        distributions = [
            {"@type": "Distribution", "format": name, "accessService": self._service()} for name in formats
        ]
        return {
            "@id": asset,
            "@type": "Dataset",
            "distribution": distributions,
            "edc:name": asset,
            "id": asset,
            "hasPolicy": [{"@id": self.offers[-1], "@type": "Offer", "permission": [{"action": "use"}]}],
        }


def _error(kind: str, code: int, reason: str) -> dict[str, Any]:
    """No pids."""
    return {"@type": kind, "code": str(code), "reason": [reason]}


def _json(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.json_response({**body, "@context": CONTEXTS}, status=status)


@asynccontextmanager
async def recorded(port: int, assets: int = 1) -> AsyncIterator[RecordedEdc]:
    edc = RecordedEdc(port, assets)
    runner = web.AppRunner(edc.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port).start()
        yield edc
    finally:
        await runner.cleanup()
        await edc.close()

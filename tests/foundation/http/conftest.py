"""Servers on loopback for the tests of the HTTP room."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError
from connector.foundation.http.limits import application
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.server import port_of, serve, tls_server
from connector.identity.trust.development import dev_ca

LOOPBACK = ("127.0.0.0/8", "::1/128")


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The plainest surface: status and error code."""
    try:
        return await handler(request)
    except HanseError as error:
        return web.json_response({"code": error.code}, status=error.status)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> dev_ca.DevelopmentCerts:
    return dev_ca.create(tmp_path_factory.mktemp("data"), SystemClock())


@dataclass
class Canary:
    """A server that should never be met: it counts connections and requests."""

    port: int = 0
    hits: int = 0
    paths: list[str] = field(default_factory=list)


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    seen = Canary()

    async def hit(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.hits += 1
        writer.close()

    server = await asyncio.start_server(hit, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()


Starter = Callable[..., Awaitable[str]]


@pytest.fixture
async def start(certs: dev_ca.DevelopmentCerts) -> AsyncIterator[Starter]:
    """Starts a TLS server with the given routes and says its root."""
    runners: list[web.AppRunner] = []

    async def started(*routes: web.RouteDef, total_s: float = 30.0, **options: object) -> str:
        app = application(problems, total_s=total_s)
        app.add_routes(routes)
        tls = tls_server(certs.server, certs.server_key)
        runner = await serve(app, host="127.0.0.1", port=0, tls=tls, stop_s=0.1, **options)
        runners.append(runner)
        return f"https://localhost:{port_of(runner)}"

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def client(certs: dev_ca.DevelopmentCerts) -> AsyncIterator[SafeClient]:
    safe = SafeClient(allow=LOOPBACK, ca_files=[certs.ca], total_s=60)
    yield safe
    await safe.close()

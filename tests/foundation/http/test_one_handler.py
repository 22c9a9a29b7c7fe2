"""The low-level server keeps what the application's tests promise: tried over real sockets (T13 to T15, T113)."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from connector.foundation.errors import HanseError
from connector.foundation.http import limits
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.server import port_of, serve, tls_server
from connector.foundation.telemetry import Metrics
from connector.identity.trust.development.dev_ca import DevelopmentCerts
from tests.testkit.patience import PATIENCE_S

JSON = {"Content-Type": "application/json"}
Start = Callable[..., Awaitable[str]]


async def echo(request: web.Request) -> web.StreamResponse:
    """What a body says; `/stream` answers in pieces."""
    if request.path == "/stream":
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"piece")
        return response
    try:
        return web.json_response(await limits.read_json(request, limit=1000, body_s=0.3))
    except HanseError as error:
        return web.json_response({"code": error.code}, status=error.status)


@pytest.fixture
async def start(certs: DevelopmentCerts) -> AsyncIterator[Start]:
    """Starts a TLS server with one handler and says its root."""
    runners: list[web.BaseRunner] = []

    async def started(metrics: Metrics | None = None, **options: Any) -> str:
        tls = tls_server(certs.server, certs.server_key)
        app = OneHandler(echo, metrics, "peer")
        runners.append(await serve(app, host="127.0.0.1", port=0, tls=tls, stop_s=0.1, **options))
        return f"https://localhost:{port_of(runners[-1])}"

    yield started
    for runner in runners:
        await runner.cleanup()


async def told(root: str, certs: DevelopmentCerts, *pieces: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    context = ssl.create_default_context(cafile=str(certs.ca))
    reader, writer = await asyncio.open_connection("localhost", int(root.rsplit(":", 1)[1]), ssl=context)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


async def test_every_answer_is_stamped_and_booked(start: Start, client: SafeClient) -> None:
    """>> a whole answer, a stream and a refusal << security headers, the caller's id if it is well formed, no name of
    a library, one measurement each."""
    metrics = Metrics()
    root = await start(metrics)
    for path, status in (("/", 200), ("/stream", 200), ("/", 400)):
        body = b"[1]" if status == 200 else b"["
        answer = await client.post(root + path, body, headers=JSON | {"X-Request-Id": "abcdef-123"})
        assert answer.status == status
        assert answer.headers["X-Request-Id"] == "abcdef-123"
        assert {name: answer.headers[name] for name in limits.HEADERS} == limits.HEADERS
        assert "Server" not in answer.headers
    odd = await client.post(root + "/", b"1", headers=JSON | {"X-Request-Id": "x" * 65})
    assert len(odd.headers["X-Request-Id"]) == 32
    assert 'hanse_request_seconds_count{answer="2xx",surface="peer"} 3\n' in metrics.text()
    assert 'hanse_request_seconds_count{answer="4xx",surface="peer"} 1\n' in metrics.text()


@pytest.mark.threat("T113")
async def test_hostile_bodies_are_refused_as_by_an_application(start: Start, client: SafeClient) -> None:
    """>> too large, packed, of another kind, bombs << 413, 415, 415, 400."""
    root = await start()
    packed = {"Content-Encoding": "gzip"}
    for body, more, status in (
        (b'"' + b"a" * 999 + b'"', {}, 413),
        (gzip.compress(b" " * 100_000), packed, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"[" * 900, {}, 400),
        (b'{"a":1,"a":2}', {}, 400),
        (b"", {}, 400),
    ):
        assert (await client.post(root + "/", body, headers=JSON | more)).status == status, (body[:9], more)


@pytest.mark.threat("T113")
async def test_a_body_without_length_is_cut_off_at_the_limit(start: Start, certs: DevelopmentCerts) -> None:
    """>> chunks beyond the limit, all at once << 413."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    root = await start(keepalive_s=0.2)
    answer = await told(root, certs, head + b"Connection: close\r\n\r\n" + b"3e9\r\n" + b" " * 1001 + b"\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.threat("T113")
async def test_half_requests_are_answered_or_closed(start: Start, certs: DevelopmentCerts) -> None:
    """>> nothing, half a head << closed; half a body << 408 at its deadline, then closed."""
    root = await start(keepalive_s=0.2)
    for opening in (b"", b"POST / HTTP/1.1\r\nHost: x\r\nX-Half"):
        assert await told(root, certs, opening) == b""
    half = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{  "
    assert (await told(root, certs, half)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.threat("T113")
async def test_expectations(start: Start, certs: DevelopmentCerts) -> None:
    """>> 100-continue << leave to go on, then the answer; any other << 417, nothing of it repeated."""
    root = await start(keepalive_s=0.2)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\nExpect: "
    answer = await told(root, certs, head + b"100-continue\r\n\r\n", b"[1]")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"[1]")
    odd = await told(root, certs, head + b"miracles\r\n\r\n", b"[1]")
    assert odd.startswith(b"HTTP/1.1 417 ")
    assert b"miracles" not in odd


async def test_two_requests_in_one_piece_are_two_answers(start: Start, certs: DevelopmentCerts) -> None:
    """>> a request and the next behind it << both, in order."""
    root = await start(keepalive_s=0.2)
    one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n"
    answer = await told(root, certs, one + b"[1]" + one + b"[2]")
    assert answer.index(b"[1]") < answer.index(b"[2]")


async def test_what_is_no_request_is_refused_in_our_words(start: Start, certs: DevelopmentCerts) -> None:
    """>> noise << 400 as problem+json, none of it repeated, no name of a library."""
    root = await start(keepalive_s=0.2)
    answer = await told(root, certs, b"NOISE\x00 / HTTP/9\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 400 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == "http.malformed"
    assert b"NOISE" not in answer
    assert b"aiohttp" not in head.lower()
    assert b"x-request-id" not in head.lower()  # it never got one, and an empty one is none

"""An answer in one piece says what aiohttp would have said, and is not used where something is unusual."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from connector.foundation.http import limits
from connector.foundation.http.late import LateApplication
from connector.foundation.http.latency import measure
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.http.server import port_of, serve
from connector.foundation.http.whole import BEGUN, Whole
from connector.foundation.telemetry import Metrics
from tests.testkit.patience import PATIENCE_S

BODY = b'{"state":"REQUESTED"}'


async def answered(request: web.Request) -> web.StreamResponse:
    """Below `/whole` in one piece if it may be, else by aiohttp."""
    status = int(request.query.get("status", "200"))
    made = (
        Whole(BODY, status)
        if request.path.startswith("/whole")
        else web.Response(body=BODY, status=status, content_type="application/json")
    )
    if request.path.endswith("/linked"):
        made.headers["Link"] = '<https://example.org>; rel="next"'
    if request.path.endswith("/last"):
        made.force_close()
    return made


@pytest.fixture
async def port(request: pytest.FixtureRequest, metrics: Metrics) -> AsyncIterator[int]:
    """Of a server without TLS: the peers' port, or an application as the management surface is one."""
    app: Any = OneHandler(answered, metrics, "here")
    if request.param == "application":

        def made() -> web.Application:
            app = limits.application(limits.edge)
            app.router.add_get("/{rest:.*}", answered)
            return measure(app, metrics, "here")

        app = LateApplication(lambda: made)
    runner = await serve(app, host="127.0.0.1", port=0, tls=None, stop_s=0.1)
    yield port_of(runner)
    await runner.cleanup()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


async def told(port: int, request: str) -> tuple[str, list[str], bytes, bytes]:
    """Status line, sorted headers but for the time, body, and with what the next answer begins; nothing: closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    async with asyncio.timeout(PATIENCE_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        named = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in head[1:-2]}
        length = 0 if request.startswith("HEAD") or "status=204" in request else int(named.get("content-length", 0))
        body = await reader.readexactly(length)
        writer.write(b"GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            behind = await reader.read(1)
        except ConnectionResetError:  # it was closed before this request came
            behind = b""
    writer.close()
    headers = sorted(line for line in head[1:-2] if not line.startswith("Date: "))
    assert len(headers) == len(head) - 4  # one Date
    assert behind in (b"H", b"")
    return head[0], headers, body, behind


REQUESTS = (
    "GET {} HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefgh-1\r\n\r\n",
    "HEAD {} HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefgh-1\r\n\r\n",
    "GET {} HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefgh-1\r\nConnection: close\r\n\r\n",
    "GET {} HTTP/1.0\r\nHost: x\r\nX-Request-Id: abcdefgh-1\r\n\r\n",
    "GET {} HTTP/1.0\r\nHost: x\r\nX-Request-Id: abcdefgh-1\r\nConnection: keep-alive\r\n\r\n",
)


@pytest.mark.threat("T113")
@pytest.mark.parametrize("port", ["peers", "application"], indirect=True)
@pytest.mark.parametrize("path", ["", "/linked", "/last", "?status=201", "?status=404", "?status=204"])
@pytest.mark.parametrize("request_text", REQUESTS)
async def test_both_ways_say_the_same(port: int, path: str, request_text: str) -> None:
    """>> usual and unusual requests and answers << the same line, headers, body, and end of the connection."""
    both = [await told(port, request_text.format(f"/{way}{path}")) for way in ("whole", "plain")]
    assert both[0] == both[1]
    kept = "Connection: close" not in request_text and "HTTP/1.1" in request_text and path != "/last"
    assert not kept or both[0][3] == b"H"
    assert "Connection: close" not in request_text or both[0][3] == b""
    assert all(f"{name}: {value}" in both[0][1] for name, value in limits.HEADERS.items())


@pytest.mark.parametrize("port", ["peers", "application"], indirect=True)
async def test_each_is_booked_once(port: int, metrics: Metrics) -> None:
    """>> one answer of each way << two measurements."""
    for way in ("whole", "plain"):
        await told(port, f"GET /{way} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(BODY)
    writer.close()
    assert 'hanse_request_seconds_count{answer="2xx",surface="here"} 3\n' in metrics.text()


async def test_it_is_written_in_one_piece(metrics: Metrics) -> None:
    """>> a usual request << one write, and aiohttp's own head is never put together."""
    written = list[bytes]()

    class Writer:
        output_size = 0

        async def write(self, data: bytes) -> None:
            written.append(data)

        async def drain(self) -> None:
            written.append(b"drained")

    request, booked = make_mocked_request("GET", "/", writer=Writer()), list[object]()
    request[BEGUN] = lambda request, response: booked.append(response)
    answer = Whole(BODY)
    await answer.prepare(request)
    await answer.write_eof()
    assert [written[0].partition(b"\r\n\r\n")[2], *written[1:]] == [BODY, b"drained"]
    assert booked == [answer]
    assert answer.prepared
    assert answer.keep_alive


@pytest.mark.threat("T113")
async def test_a_media_type_ends_no_line() -> None:
    """>> a media type with a line break << no answer at all, whichever way."""
    request = make_mocked_request("GET", "/")
    request[BEGUN] = lambda request, response: None
    with pytest.raises(ValueError, match="line"):
        await Whole(BODY, media="text/plain\r\nX-Odd: 1").prepare(request)

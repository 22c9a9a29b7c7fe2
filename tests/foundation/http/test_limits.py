"""Limits of the serving side, tried over real sockets."""

import asyncio
import gc
import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connector.foundation.http import limits
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.server import port_of, serve, serve_unix, tls_server
from connector.identity.trust.development.dev_ca import DevelopmentCerts
from tests.testkit.patience import PATIENCE_S, eventually_said

JSON = {"Content-Type": "application/json"}


async def echo(request: web.Request) -> web.Response:
    return web.json_response(await limits.read_json(request, limit=1000, body_s=0.3))


async def code(client: SafeClient, url: str, body: bytes, **headers: str) -> tuple[int, str]:
    answer = await client.post(url, body, headers=JSON | headers)
    return answer.status, json.loads(answer.body).get("code", "")


async def test_a_good_body_is_read(start: Any, client: SafeClient) -> None:
    """>> JSON, also as JSON-LD and with a charset << the value."""
    root = await start(web.post("/", echo))
    for media in ("application/json", "application/ld+json; profile=x", "application/json; charset=UTF-8"):
        answer = await client.post(root + "/", b'{"a":[1,"\xc3\xa4"]}', headers={"Content-Type": media})
        assert json.loads(answer.body) == {"a": [1, "ä"]}


@pytest.mark.threat("T13")
async def test_no_address_holds_nul(start: Any, client: SafeClient) -> None:
    """Bug: on PostgreSQL a NUL in a query broke off in the database, for whoever is not signed in too. >> NUL in path
    and query; written twice << as if it were not there; a text like any other."""

    async def said(request: web.Request) -> web.Response:
        return web.json_response({"code": request.query["q"]})

    root = await start(web.get("/{x}", said))
    for path in ("/a%00?q=1", "/a?q=1%00", "/a?q=1&%00=2"):
        assert (await client.get(root + path)).status == 404, path
    assert json.loads((await client.get(root + "/a?q=%2500")).body) == {"code": "%00"}


@pytest.mark.threat("T13")
async def test_bodies_beyond_the_route_are_413(start: Any, client: SafeClient) -> None:
    """>> 1001 bytes where 1000 are allowed << 413; a megabyte without a length << 413."""
    root = await start(web.post("/", echo))
    assert await code(client, root + "/", b'"' + b"a" * 999 + b'"') == (413, "http.body-size")
    async with aiohttp.ClientSession() as session:

        async def forever() -> Any:
            for _ in range(1000):
                yield b" " * 1000

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        async with session.post(root + "/", data=forever(), headers=JSON, ssl=context) as answer:
            assert answer.status == 413


@pytest.mark.threat("T13")
async def test_bombs_in_bodies_are_4xx(start: Any, client: SafeClient) -> None:
    """>> nesting, duplicates, NaN << 400."""
    root = await start(web.post("/", echo))
    for bomb in (b"[" * 900, b'{"a":1,"a":2}', b"[NaN]", b"\xff", b""):
        status, name = await code(client, root + "/", bomb)
        assert (status, name[:10]) == (400, "http.json-")


@pytest.mark.threat("T13")
@pytest.mark.parametrize("pieces", [1, 2_000], ids=["with its head", "without end"])
async def test_a_body_of_unsaid_length_is_not_kept_beyond_its_limit(
    start: Any, client: SafeClient, pieces: int
) -> None:
    """>> more than a route takes, in chunks << 413 by whoever reads the bytes, not by whoever would parse them all."""

    async def take(request: web.Request) -> web.Response:
        return web.Response(body=await limits.read_body(request, limit=1_000))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield bytes(1_001)

    root = await start(web.post("/", take))
    async with client.send("POST", root + "/", chunks(), headers={}) as answer:
        assert answer.status == 413


@pytest.mark.threat("T14")
async def test_compressed_bodies_are_415(start: Any, client: SafeClient) -> None:
    """>> gzip << 415, whatever is inside."""
    root = await start(web.post("/", echo))
    bomb = gzip.compress(b" " * 100_000)
    assert await code(client, root + "/", bomb, **{"Content-Encoding": "gzip"}) == (415, "http.body-encoded")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
)
async def test_other_media_types_are_415(start: Any, client: SafeClient, media: str) -> None:
    """>> not JSON << 415, before the body is looked at."""
    root = await start(web.post("/", echo))
    assert await code(client, root + "/", b"{}", **{"Content-Type": media}) == (415, "http.body-media")


async def raw(root: str, certs: DevelopmentCerts) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cafile=str(certs.ca))
    return await asyncio.open_connection("localhost", int(root.rsplit(":", 1)[1]), ssl=context)


@pytest.mark.alone
@pytest.mark.threat("T15")
@pytest.mark.parametrize("drip", [False, True])
async def test_half_a_body_is_answered_and_closed(start: Any, certs: DevelopmentCerts, drip: bool) -> None:
    """>> 3 of 500 bytes, then nothing or a drip << 408 at the deadline (0.3 s here, 30 s in life), then closed."""
    root = await start(web.post("/", echo))
    reader, writer = await raw(root, certs)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{  ")
    began = time.monotonic()
    dripping = asyncio.create_task(_drip(writer)) if drip else None
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    if dripping is not None:
        dripping.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 2
    writer.close()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.05)


@pytest.mark.threat("T15")
async def test_half_a_head_and_idle_connections_are_closed(start: Any, certs: DevelopmentCerts) -> None:
    """>> no request, or half of one << closed after the keep-alive time (0.2 s here, 11 s in life)."""
    root = await start(web.post("/", echo), keepalive_s=0.2)
    for opening in (b"", b"POST / HTTP/1.1\r\nHost: x\r\nX-Half"):
        reader, writer = await raw(root, certs)
        writer.write(opening)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()


@pytest.mark.threat("T15")
async def test_healthy_requests_pass_beside_half_open_ones(
    start: Any, certs: DevelopmentCerts, client: SafeClient
) -> None:
    """>> 200 connections that say nothing << a healthy request is answered all the same."""
    root = await start(web.post("/", echo))
    port = int(root.rsplit(":", 1)[1])
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    assert (await client.post(root + "/", b"{}", headers=JSON, total_s=PATIENCE_S)).status == 200
    for _, writer in silent:
        writer.close()


@pytest.mark.threat("T15")
async def test_one_address_has_a_cap_on_connections(certs: DevelopmentCerts) -> None:
    """>> a fourth connection where three are allowed << dropped; once one is gone << taken again."""
    app = limits.application(_through)
    runner = await serve(app, host="127.0.0.1", port=0, tls=None, connections_per_address=3)
    held = [await asyncio.open_connection("127.0.0.1", port_of(runner)) for _ in range(3)]
    assert await _dropped(port_of(runner))
    held.pop()[1].close()
    await eventually_said(lambda: _taken(port_of(runner)))
    for _, writer in held:
        writer.close()
    await runner.cleanup()


async def test_bug_a_connection_above_the_cap_was_an_error_in_the_log(certs: DevelopmentCerts) -> None:
    """>> one is held where one is allowed, twenty more come << dropped, and none of it is a defect of ours."""
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    runner = await serve(limits.application(_through), host="127.0.0.1", port=0, tls=None, connections_per_address=1)
    _, held = await asyncio.open_connection("127.0.0.1", port_of(runner))
    assert all([await _dropped(port_of(runner)) for _ in range(20)])
    held.close()
    await runner.cleanup()
    gc.collect()
    assert said == []


async def _taken(port: int) -> bool:
    return not await _dropped(port)


async def _dropped(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return not await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionError:
        return True
    finally:
        writer.close()


@web.middleware
async def _through(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    return response


async def test_a_request_has_a_total_deadline_unless_it_streams(start: Any, client: SafeClient) -> None:
    """>> a handler that sleeps << 503 after the deadline; marked as streaming << it may go on."""

    async def sleepy(_: web.Request) -> web.Response:
        await asyncio.sleep(0.15)
        return web.json_response({})

    @limits.streaming
    async def stream(request: web.Request) -> web.Response:
        return await sleepy(request)

    root = await start(web.get("/sleepy", sleepy), web.get("/stream", stream), total_s=0.05)
    assert (await client.get(root + "/sleepy")).status == 503
    assert (await client.get(root + "/stream")).status == 200


@pytest.mark.threat("T141")
async def test_the_time_of_a_body_is_none_of_the_whole(start: Any, client: SafeClient) -> None:
    """>> a body that takes three times what the whole may, then a handler that does << answered; 503."""

    async def take(request: web.Request) -> web.Response:
        await limits.read_body(request)
        await asyncio.sleep(0.5 if "slow" in request.query else 0)
        return web.json_response({})

    async def halves() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.3)
        yield b"}"

    root = await start(web.post("/", take), total_s=0.1)
    for query, status in (("", 200), ("?slow", 503)):
        async with client.send("POST", f"{root}/{query}", halves(), headers={}) as answer:
            assert answer.status == status, query


async def test_a_timeout_inside_a_handler_stays_its_own(start: Any, client: SafeClient) -> None:
    """A handler's own TimeoutError is not taken for the deadline (503): it passes on, and aiohttp says 504."""

    async def failing(_: web.Request) -> web.Response:
        raise TimeoutError

    root = await start(web.get("/", failing))
    assert (await client.get(root + "/")).status == 504


async def test_every_response_has_the_security_headers_and_an_id(start: Any, client: SafeClient) -> None:
    """Answers, errors, 404s and streams; a good id of the caller is kept, a bad one replaced."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        return response

    root = await start(web.post("/", echo), web.get("/stream", stream))
    for answer in (
        await client.post(root + "/", b"{}", headers=JSON),
        await client.post(root + "/", b"{", headers=JSON),
        await client.get(root + "/none"),
        await client.get(root + "/stream"),
    ):
        assert {name: answer.headers[name] for name in limits.HEADERS} == limits.HEADERS
        assert len(answer.headers[limits.REQUEST_ID]) == 32
    kept = await client.get(root + "/none", headers={limits.REQUEST_ID: "abc-12345"})
    assert kept.headers[limits.REQUEST_ID] == "abc-12345"
    odd = await client.get(root + "/none", headers={limits.REQUEST_ID: 'x" evil'})
    assert len(odd.headers[limits.REQUEST_ID]) == 32


async def test_a_large_body_is_parsed_beside_the_event_loop(start: Any, client: SafeClient) -> None:
    """>> 200 kB << read as well, in a thread."""

    async def large(request: web.Request) -> web.Response:
        return web.json_response(len(str(await limits.read_json(request))))

    root = await start(web.post("/", large))
    answer = await client.post(root + "/", json.dumps(["a" * 50_000] * 4).encode(), headers=JSON)
    assert answer.status == 200


@pytest.mark.threat("T132")
async def test_the_unix_socket_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600, and a socket left behind by a crash is replaced."""
    path = tmp_path / "api.sock"
    for _ in range(2):
        app = limits.application(_through)
        app.router.add_post("/", echo)
        runner = await serve_unix(app, path)
        assert path.stat().st_mode & 0o777 == 0o600
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.post("http://local/", json={}) as answer,
        ):
            assert answer.status == 200
        await runner.cleanup()


async def test_two_processes_may_share_a_port(certs: DevelopmentCerts) -> None:
    """`reuse_port` is what replicas behind one address use."""
    tls = tls_server(certs.server, certs.server_key)
    first = await serve(limits.application(_through), host="127.0.0.1", port=0, tls=tls, reuse_port=True)
    second = await serve(limits.application(_through), host="127.0.0.1", port=port_of(first), tls=tls, reuse_port=True)
    assert port_of(second) == port_of(first)
    await first.cleanup()
    await second.cleanup()

"""Bodies that are too large, too deep, twisted, slow or not what they say: a clear 4xx in the protocol's form."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from aiohttp import web

from connector.foundation.errors import Unauthenticated
from connector.foundation.http import limits
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.trust_list import Entry
from tests.surfaces.peer import one_city
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer, Reply
from tests.testkit.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, nasty, space = one_city.it, one_city.nasty, one_city.space

ROOMS = {
    "/2025-1/catalog/request": "CatalogError",
    "/2025-1/negotiations/request": "ContractNegotiationError",
    "/2025-1/transfers/request": "TransferError",
}
DEEP = b'{"@context":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
CONTEXT = b'"@context":["https://w3id.org/dspace/2025/1/context.jsonld"],"@type":"CatalogRequestMessage"'
BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "no JSON": (b"<xml/>", 400),
    "half": (b'{"@type":', 400),
    "two values": (b"{}{}", 400),
    "array": (b"[]", 400),
    "text": (b'"x"', 400),
    "null": (b"null", 400),
    "duplicate member": (b"{" + CONTEXT + b',"@type":"CatalogRequestMessage"}', 400),
    "duplicate member, escaped": (b"{" + CONTEXT + b',"\\u0040type":"CatalogRequestMessage"}', 400),
    "deep": (DEEP, 400),
    "deep objects": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400),
    "many values": (b"{" + CONTEXT + b',"x":[' + b"1," * 20_000 + b"1]}", 400),
    "long text": (b"{" + CONTEXT + b',"x":"' + b"x" * 70_000 + b'"}', 400),
    "long number": (b"{" + CONTEXT + b',"x":' + b"9" * 5_000 + b"}", 400),
    "not a number": (b"{" + CONTEXT + b',"x":NaN}', 400),
    "infinite": (b"{" + CONTEXT + b',"x":1e999}', 400),
    "no UTF-8": (b"{" + CONTEXT + b',"x":"\xff"}', 400),
    "UTF-16": (json.dumps({"@type": "x"}).encode("utf-16"), 400),
    "byte order mark": (b"\xef\xbb\xbf{" + CONTEXT + b"}", 400),
    "lone surrogate": (b"{" + CONTEXT + b',"x":"\\ud800"}', 400),
    "no context": (b'{"@type":"CatalogRequestMessage"}', 400),
    "other type": (b'{"@context":["https://w3id.org/dspace/2025/1/context.jsonld"],"@type":"Catalog"}', 400),
    "too large": (b"{" + CONTEXT + b',"x":"' + b"y" * 300_000 + b'"}', 413),
}


def traces(tx: Tx) -> list[int]:
    """Rows that a refused body must not have made."""
    found = [tx.one(f"SELECT count(*) AS n FROM {t}") for t in ("negotiation", "transfer", "outbox", "audit_entry")]
    return [int(row["n"]) for row in found if row is not None]


def in_form(reply: Reply, type_: str) -> None:
    """The error object of a room: context, type, status as code, German and English."""
    value = reply.json
    assert value["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]
    assert (value["@type"], value["code"]) == (type_, str(reply.status))
    german, english = value["reason"]
    assert german
    assert english
    assert german != english
    assert "Traceback" not in reply.body.decode()


@pytest.mark.threat("T13")
@pytest.mark.parametrize("path", ROOMS)
async def test_every_odd_body_is_told_what_is_wrong(it: City, nasty: NastyPeer, path: str) -> None:
    """>> each body at each room << its 4xx in the room's own form; nothing written; the next good request works."""
    before = await it.services.infra.db.read("", traces)
    for name, (data, status) in BODIES.items():
        reply = await nasty.post(it, "musterstadt", path, data)
        assert (name, reply.status) == (name, status), reply.body
        in_form(reply, ROOMS[path])
    assert await it.services.infra.db.read("", traces) == before
    good = await nasty.post(it, "musterstadt", "/2025-1/catalog/request", b"{" + CONTEXT + b"}")
    assert good.status == 200


NO_JSON = (
    "",
    "text/plain",
    "text/html",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json; charset=utf-16",
    "application/json; charset=latin1",
    "application/json-seq",
    "nonsense",
)


async def test_only_json_is_read(it: City, nasty: NastyPeer) -> None:
    """>> another media type or character set << 415 in the protocol's form."""
    for media in NO_JSON:
        token = nasty.token(it.did("musterstadt"))
        url = it.root("musterstadt") + "/2025-1/catalog/request"
        reply = await nasty.call("POST", url, b"{" + CONTEXT + b"}", token=token, Content_Type=media)
        assert (media, reply.status) == (media, 415)
        in_form(reply, "CatalogError")


@pytest.mark.parametrize("media", ["application/json", "application/ld+json", "application/json; charset=UTF-8"])
async def test_json_is_read_under_its_names(it: City, nasty: NastyPeer, media: str) -> None:
    token = nasty.token(it.did("musterstadt"))
    url = it.root("musterstadt") + "/2025-1/catalog/request"
    reply = await nasty.call("POST", url, b"{" + CONTEXT + b"}", token=token, Content_Type=media)
    assert reply.status == 200


@pytest.mark.threat("T14")
async def test_nothing_is_unpacked(it: City, nasty: NastyPeer) -> None:
    """>> ten megabytes of spaces in ten kilobytes << 415 before a byte is unpacked."""
    bomb = gzip.compress(b" " * 10_000_000)
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"):
        token = nasty.token(it.did("musterstadt"))
        url = it.root("musterstadt") + "/2025-1/negotiations/request"
        reply = await nasty.call("POST", url, bomb, token=token, Content_Encoding=coding)
        assert (coding, reply.status) == (coding, 415)
        in_form(reply, "ContractNegotiationError")


def head(it: City, nasty: NastyPeer, *lines: str) -> bytes:
    """The head of a catalogue request with a good token and further header lines."""
    host = it.root("musterstadt").removeprefix("https://").partition("/")[0]
    token = nasty.token(it.did("musterstadt"))
    first = ["POST /musterstadt/2025-1/catalog/request HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}"]
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


@pytest.mark.threat("T13")
async def test_a_body_that_never_ends_is_cut_at_the_limit(it: City, nasty: NastyPeer) -> None:
    """>> chunks without a length, one megabyte << 413, although no Content-Length said so."""
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answered = await nasty.raw(it, head(it, nasty, "Transfer-Encoding: chunked", "Connection: close") + chunk * 16)
    assert answered.startswith(b"HTTP/1.1 413")
    assert b"CatalogError" in answered


@pytest.mark.threat("T15")
async def test_a_slow_body_is_given_up(it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two bytes of a hundred, then silence << others are served; 408 as soon as the deadline for bodies is over."""

    def begun() -> bytes:
        return head(it, nasty, "Content-Length: 100", "Connection: close") + b"{}"

    monkeypatch.setattr("connector.foundation.http.incoming.BODY_S", PATIENCE_S)
    slow = asyncio.create_task(nasty.raw(it, begun()))
    reply = await nasty.post(it, "musterstadt", "/2025-1/catalog/request", b"{" + CONTEXT + b"}")
    assert reply.status == 200
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    monkeypatch.setattr("connector.foundation.http.incoming.BODY_S", 0.2)
    assert (await nasty.raw(it, begun())).startswith(b"HTTP/1.1 408")


@pytest.mark.threat("T15")
async def test_two_hundred_half_open_requests_do_not_hold_up_the_next(it: City, nasty: NastyPeer) -> None:
    """>> 200 connections with half a header << a whole request in between is answered, the process lives."""
    half = head(it, nasty, "Content-Length: 2")[:-20]
    waiting = [asyncio.create_task(nasty.raw(it, half, wait_s=20)) for _ in range(200)]
    await asyncio.sleep(0.1)
    reply = await nasty.post(it, "musterstadt", "/2025-1/catalog/request", b"{" + CONTEXT + b"}")
    assert reply.status == 200
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


LENGTH = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
NO_HTTP = {
    "a TLS record": b"\x16\x03\x01garbage\r\n\r\n",
    "a version of its own": b"GET /x HTTP/9.9\r\n\r\n",
    "a method alone": b"GET\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nA" + b"a" * 20_000,
    "a negative length": LENGTH + b"-1\r\n\r\n",
    "two lengths": LENGTH + b"1\r\nContent-Length: 2\r\n\r\nxx",
    "length and chunks": LENGTH + b"5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


async def test_what_is_no_http_is_refused_and_harmless(it: City, nasty: NastyPeer) -> None:
    """>> broken requests, smuggled lengths << 4xx or closed, no word of our insides; the next request is served."""
    for name, request in NO_HTTP.items():
        answered = await nasty.raw(it, request, wait_s=12)
        assert answered == b"" or answered[9:10] == b"4", (name, answered[:200])
        assert b"Traceback" not in answered
        good = await nasty.post(it, "musterstadt", "/2025-1/catalog/request", b"{" + CONTEXT + b"}")
        assert good.status == 200


@pytest.mark.threat("T140")
async def test_bug_a_peer_that_was_suspended_while_its_message_came_was_still_heard(
    it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a request for a contract whose sender leaves the list between the head and the end of its body << 401, and
    nothing of it is kept; as a member it is heard."""
    made = await it.publish("musterstadt")
    asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    before = await it.services.infra.db.read("musterstadt", traces)
    read = limits.read_json

    async def suspended(request: web.Request, **how: Any) -> object:
        found = await read(request, **how)

        def between(own: str, did: str, now: int) -> Entry:
            raise Unauthenticated("trust.not-listed")

        monkeypatch.setattr(it.services.trust.anchor, "between", between)
        return found

    with monkeypatch.context() as coming:
        coming.setattr("connector.foundation.http.limits.read_json", suspended)
        reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)
    assert reply.status == 401, reply.json
    assert await it.services.infra.db.read("musterstadt", traces) == before
    monkeypatch.undo()
    assert (await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)).status == 201

"""What is no HTTP is answered in our own words: no library named, nothing repeated, all headers (T14)."""

import json
from typing import Any

import pytest

from connector.foundation.http.limits import HEADERS
from tests.surfaces.peer import one_city
from tests.testkit.cities import City, Refused
from tests.testkit.nasty import NastyPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

CANARY = "canary<script>"
POST = f"POST /{CANARY} HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "no method": f"{CANARY} / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": f"GET /{CANARY}\r\nHost: x\r\n\r\n",
    "another version": f"GET /{CANARY} HTTP/9.9\r\nHost: x\r\n\r\n",
    "a bad header": f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY}\x01: y\r\n\r\n",
    "a header without a colon": f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY}\r\n\r\n",
    "two lengths": f"{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length and chunks": f"{POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a long line": f"GET /{CANARY}{'a' * 20_000} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": f"GET / HTTP/1.1\r\nHost: x\r\nX: {CANARY}{'a' * 20_000}\r\n\r\n",
    "an odd expectation": f"{POST}Expect: {CANARY}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


@pytest.mark.threat("T14")
async def test_what_is_no_http_learns_nothing(it: City, nasty: NastyPeer) -> None:
    """>> a request that no handler sees << 4xx with the security headers; no echo, no name of ours."""
    for case, request in MALFORMED.items():
        answered = (await nasty.raw(it, request.encode("latin-1"))).decode("latin-1")
        head, _, body = answered.partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        assert status.split()[1].startswith("4"), (case, status)
        assert "server" not in headers
        assert {name.lower(): headers.get(name.lower()) for name in HEADERS} == {
            name.lower(): value for name, value in HEADERS.items()
        }
        for word in ("canary", "script", "aiohttp", "python", "Bad", "Traceback"):
            assert word.lower() not in body.lower()
        assert len(json.loads(body)["reason"]) == 2


@pytest.mark.threat("T14")
async def test_bug_chunks_of_an_older_protocol_are_no_body(it: City, nasty: NastyPeer) -> None:
    """>> chunks under HTTP/1.0, which has none, with keep-alive, and a request behind them << refused, and the end: a
    proxy before us may read the same bytes as another request."""
    head = "POST /2025-1/catalog/request HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n"
    for coding in ("chunked", "Chunked", "gzip, chunked", "identity"):
        sent = f"{head}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
        answered = (await nasty.raw(it, sent.encode())).decode("latin-1")
        assert answered.count("HTTP/1.") == 1, coding
        assert answered.split()[1] == "400", coding
        assert json.loads(answered.partition("\r\n\r\n")[2])["code"] == "http.malformed"


@pytest.mark.threat("T14")
async def test_bug_a_coding_beside_the_chunks_was_passed_over(it: City, nasty: NastyPeer) -> None:
    """>> codings that others may read, none at all beside a length, and a request behind them << refused, and the end;
    chunks alone are a body."""
    head = "POST /2025-1/catalog/request HTTP/1.1\r\nHost: x\r\n"
    for coding in ("gzip, chunked", "deflate, chunked", ",chunked", "", "\t", "identity"):
        for length in ("", "Content-Length: 5\r\n"):
            sent = f"{head}{length}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
            answered = (await nasty.raw(it, sent.encode())).decode("latin-1")
            assert (answered.count("HTTP/1."), answered.split()[1]) == (1, "400"), (coding, length)
            assert json.loads(answered.partition("\r\n\r\n")[2])["code"] == "http.malformed"
    for coding in ("chunked", "Chunked"):
        sent = f"{head}Connection: close\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
        assert "http.malformed" not in (await nasty.raw(it, sent.encode())).decode("latin-1")


@pytest.mark.threat("T14")
@pytest.mark.parametrize("line", ["GET /health", "GET /health HTTP/0.9"])
async def test_bug_a_request_of_no_version_was_answered(it: City, nasty: NastyPeer, line: str) -> None:
    """>> a line as before HTTP had versions, without and with headers << refused: what names no host has no place."""
    for headers in ("", "Host: x\r\nContent-Length: 1\r\n"):
        answered = (await nasty.raw(it, f"{line}\r\n{headers}\r\n".encode())).decode("latin-1")
        assert answered.split()[1] == "400", answered
        assert json.loads(answered.partition("\r\n\r\n")[2])["code"] == "http.malformed"


async def test_a_busy_peer_is_not_our_callers_mistake(it: City, nasty: NastyPeer) -> None:
    """Bug: >> the peer answers 503 for its dataset << 400 to our own caller; it is 503, for trying later helps."""
    nasty.answers["/2025-1/catalog/datasets/d"] = lambda got: (503, b"{}")
    wish: dict[str, Any] = {"provider": nasty.did, "dataset": "d", "purpose": None}
    with pytest.raises(Refused) as refused:
        await it.api.post("/api/v1/participants/musterstadt/negotiations", wish)
    assert refused.value.status == 503
    nasty.answers["/2025-1/catalog/datasets/d"] = lambda got: (404, b"{}")
    with pytest.raises(Refused) as unknown:
        await it.api.post("/api/v1/participants/musterstadt/negotiations", wish)
    assert unknown.value.status == 400


async def test_what_steers_a_screen_comes_in_at_no_door(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> in a message, a title, a name, an address << refused there; nothing of it is stored or listed."""
    for text in ("\x1b[2J", "a\u202eb", "\u2066x", "\x9b2J", "\x07"):
        asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]), consumerPid=text)
        assert (await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)).status == 400
        quoted = "".join(f"%{byte:02X}" for byte in text.encode())
        assert (await nasty.get(it, "musterstadt", f"/2025-1/negotiations/{quoted}")).status == 404
        for path, body in (
            ("/api/v1/participants", {"slug": "x", "name": text, "kind": "https://w3id.org/hanse/v1#municipality"}),
            ("/api/v1/participants/musterstadt/datasets", {"title": text, "rule": "municipal-purpose", "source": "x"}),
        ):
            with pytest.raises(Refused) as refused:
                await it.api.post(path, body)
            assert refused.value.status == 400
        with pytest.raises(Refused):
            await it.api.post(f"/api/v1/participants/musterstadt/files?name={quoted}", data=b"x")

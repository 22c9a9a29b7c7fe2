"""Requests on a connection that is open already: on the wire as those of the session, and no connection outlives a
doubt about what comes next on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from connector.foundation.errors import HanseError
from connector.foundation.http import kept, outbound
from connector.foundation.http.address import target
from connector.foundation.http.outbound import MOST_INTERIM, SafeClient
from tests.testkit.patience import PATIENCE_S

TOKEN = {"Authorization": "Bearer one"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Seen = list[tuple[int, bytes]]
"""(number of the connection, request) in the order in which a peer has got them."""


class Peer:
    """Answers the requests that it gets, on whichever connection, with these texts one after the other."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.seen, self.connections = list(answers), Seen(), 0
        self.asked = asyncio.Event()
        """That a request has come which nothing answers."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        mine = self.connections
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int((head.lower().partition(b"content-length: ")[2] or b"0").partition(b"\r\n")[0])
                self.seen.append((mine, head + await reader.readexactly(length)))
                if not self.answers:
                    self.asked.set()
                    continue
                writer.write(answer := self.answers.pop(0))
                if not answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # they hung up
        finally:
            writer.close()


@asynccontextmanager
async def met(peer: Peer) -> AsyncIterator[tuple[SafeClient, str]]:
    """A client that has asked this peer once, so that a connection is open, and the peer's address."""
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True, total_s=PATIENCE_S)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c"
    try:
        assert (await client.get(url, headers=TOKEN)).body == b"ok"
        yield client, url
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


async def test_a_peer_sees_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> GET and POST on an open connection, each by the session and without it << the same requests, header by header,
    all on one connection."""
    peer = Peer(*[OK] * 5)
    async with met(peer) as (client, url):
        for asked in ("without", "session"):
            if asked == "session":
                monkeypatch.setattr(kept, "request", lambda *_: None)
            await client.get(url, headers={**TOKEN, "Accept": "application/json"})
            await client.post(url, b"{}", headers={**TOKEN, "Content-Type": "application/json"})
    told = [(number, plainly(request)) for number, request in peer.seen[1:]]
    assert told[:2] == told[2:]
    assert {number for number, _ in told} == {1}


def plainly(request: bytes) -> tuple[bytes, frozenset[bytes], bytes]:
    """First line, headers in any order, body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, frozenset(lines), body


async def test_the_session_makes_nothing_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a second request with a token, and one without << the session is asked for the one that it may repeat."""
    peer, asked = Peer(*[OK] * 3), list[str]()
    async with met(peer) as (client, url):
        usual = client._request

        def noted(method: str, *more: object) -> object:
            asked.append(method)
            return usual(method, *more)  # type: ignore[arg-type]

        monkeypatch.setattr(client, "_request", noted)
        await client.post(url, b"", headers=TOKEN)
        assert asked == []
        await client.get(url)
        assert asked == ["GET"]


async def ask(client: SafeClient, url: str, total_s: float | None = None) -> str:
    """What the answer is, or the code of the error."""
    try:
        return (await client.post(url, b"{}", headers=TOKEN, limit=10, total_s=total_s)).body.decode()
    except HanseError as error:
        return error.code


@pytest.mark.threat("T14", "T23", "T33")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "http.unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "http.answer-size"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"0" * 5000 + b"2\r\n\r\nok", "http.answer-size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nelevenbytes\r\n0\r\n\r\n", "http.answer-size"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "http.answer-encoded"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "http.unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "http.unreachable"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (OK + OK.replace(b"ok", b"no"), "ok"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", ""),
    ],
)
async def test_after_an_odd_answer_nothing_more_is_said_on_that_connection(answer: bytes, told: str) -> None:
    """>> an end, one too long, one that is packed, none at all, two at once << what it is, once; the next request opens
    a connection of its own."""
    peer = Peer(OK, answer, OK)
    async with met(peer) as (client, url):
        assert await ask(client, url) == told
        assert await ask(client, url) == "ok"
    assert [number for number, _ in peer.seen] == [1, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    ],
)
async def test_a_usual_answer_leaves_the_connection_open(answer: bytes) -> None:
    """>> a plain one, one behind early hints, one in pieces << each is read, and the next request goes the same way."""
    peer = Peer(OK, answer, OK)
    async with met(peer) as (client, url):
        assert [await ask(client, url), await ask(client, url)] == ["ok", "ok"]
    assert {number for number, _ in peer.seen} == {1}


@pytest.mark.threat("T14")
@pytest.mark.parametrize("by", ["session", "without"])
@pytest.mark.parametrize(
    ("interim", "told"),
    [(MOST_INTERIM, "ok"), (MOST_INTERIM + 1, "http.unreachable"), (200_000, "http.unreachable")],
)
async def test_bug_interim_answers_without_end_kept_everybody_waiting(
    interim: int, told: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> many answers 1xx << read as far as anybody has use for them, then hung up. Nothing else had its turn as long
    as more of them came, and all lay in memory."""
    if by == "session":
        monkeypatch.setattr(kept, "request", lambda *_: None)
    peer = Peer(OK, b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + OK, OK)
    async with met(peer) as (client, url):
        assert [await ask(client, url), await ask(client, url)] == [told, "ok"]
    assert [number for number, _ in peer.seen] == ([1, 1, 1] if told == "ok" else [1, 1, 2])


@pytest.mark.threat("T14")
async def test_a_peer_that_talks_without_end_at_rest_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> an answer, and answers to nothing as long as the connection is there << hung up, however long it might have
    rested."""
    monkeypatch.setattr(outbound, "KEEPALIVE_S", 3600.0)
    rests, gone = asyncio.Event(), asyncio.Event()

    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await rests.wait()
        with suppress(ConnectionError):
            while not writer.is_closing():
                await asyncio.sleep(0)
                writer.write(OK)
                await writer.drain()
        writer.close()
        gone.set()

    server = await asyncio.start_server(talks, "127.0.0.1", 0)
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert (await client.get(url, headers=TOKEN)).body == b"ok"
        rests.set()
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
    finally:
        await client.close()
        server.close()


@pytest.mark.threat("T14")
async def test_who_answers_what_it_has_not_read_hears_nothing_more_there() -> None:
    """>> an answer to the head of a request whose body the peer leaves lying << it counts; what is said next is not put
    behind that body."""
    over, serving = asyncio.Event(), list[asyncio.Task[None] | None]()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        for _ in range(2 if len(serving) == 1 else 1):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True, total_s=PATIENCE_S)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        for body in (b"", bytes(32 * 1024 * 1024), b""):
            assert (await client.post(url, body, headers=TOKEN)).body == b"ok"
    finally:
        over.set()
        await asyncio.gather(*filter(None, serving))
        await client.close()
        server.close()
    assert len(serving) == 2


@pytest.mark.threat("T14")
async def test_a_peer_that_says_nothing_is_too_slow() -> None:
    """>> a request that nobody answers << `http.too-slow` after the whole time, and the connection is gone."""
    peer = Peer(OK)
    async with met(peer) as (client, url):
        assert await ask(client, url, total_s=0.2) == "http.too-slow"
        await peer.asked.wait()
        peer.answers.append(OK)
        assert await ask(client, url) == "ok"
    assert [number for number, _ in peer.seen] == [1, 1, 2]


async def test_who_stops_waiting_leaves_no_answer_behind() -> None:
    """>> a request whose sender is cancelled << its answer is nobody's: the connection is not used again."""
    peer = Peer(OK)
    async with met(peer) as (client, url):
        waiting = asyncio.ensure_future(ask(client, url))
        await peer.asked.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        peer.answers.append(OK)
        assert await ask(client, url) == "ok"
    assert [number for number, _ in peer.seen] == [1, 1, 2]


@pytest.mark.parametrize("odd", ["a\r\nHost: b", "a\nb", "a\0", "ä", "", " a", "a "])
def test_a_header_that_is_not_one_plain_line_is_not_written(odd: str) -> None:
    """>> a value, or a name, with a line end, a blank at its edge, or beyond ASCII << left to the session, which judges
    it."""
    there = target("https://a.example:8443/b")
    assert there is not None
    assert kept.request("GET", there, None, {"X-A": odd}) is None
    assert kept.request("GET", there, None, {odd: "a"}) is None


@pytest.mark.parametrize(
    ("url", "asked"),
    [("https://a.example", b"/"), ("https://a.example?b", b"/?b"), ("https://a.example/b?", b"/b")],
)
def test_what_is_asked_for_is_what_the_session_asks_for(url: str, asked: bytes) -> None:
    """>> no path, a query without one, a query that is empty << a slash; behind it; not there at all."""
    there = target(url)
    assert there is not None
    assert kept.request("GET", there, None, {}) == b"GET " + asked + b" HTTP/1.1\r\nHost: a.example\r\n\r\n"


def test_the_host_is_named_as_it_is_called() -> None:
    """>> the usual port, another, an IPv6 address << as a URL names them."""
    hosts = {
        "https://a.example/": b"a.example",
        "https://a.example:8443/": b"a.example:8443",
        "https://[::1]:8443/": b"[::1]:8443",
    }
    for url, host in hosts.items():
        there = target(url)
        assert there is not None
        assert kept.request("GET", there, None, {}) == b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"

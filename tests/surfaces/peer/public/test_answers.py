"""Public bodies leave in pieces: who does not read is cut off, and only so many are under way at once (threat T82)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.public import answers
from connector.surfaces.peer.public.answers import Answers, Document
from tests.testkit.patience import PATIENCE_S

BODY = bytes(40 << 20)
PLAIN = {"Accept-Encoding": "identity"}
ABOUT = Document(form="nt", tag="t", changed_at=1_000)

pytestmark = pytest.mark.threat("T82")


@asynccontextmanager
async def serving(sending: Answers) -> AsyncIterator[TestServer]:
    async def handler(request: web.Request) -> web.StreamResponse:
        async def make(zipped: bool) -> bytes:
            return BODY

        return await sending.send(request, ABOUT, make)

    app = web.Application(middlewares=[problems])
    app.router.add_get("/", handler)
    async with TestServer(app) as server:
        yield server


async def deaf(server: TestServer) -> asyncio.StreamWriter:
    """Asks, and never reads."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 12)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return writer


async def until(count: int, sending: Answers) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while sending.count() != count:
            await asyncio.sleep(0.01)


async def test_who_does_not_read_is_cut_off() -> None:
    """>> a reader that takes nothing of 40 MB << its turn is over when the first piece was not taken in time."""
    sending = Answers(piece_s=0.2)
    async with serving(sending) as server:
        writer = await deaf(server)
        await until(1, sending)
        await until(0, sending)
        writer.close()
        sending._piece_s = PATIENCE_S  # this one reads, as fast as a busy machine lets it
        async with aiohttp.ClientSession(headers=PLAIN) as session, session.get(server.make_url("/")) as answer:
            assert len(await answer.read()) == len(BODY)


async def test_only_so_many_from_one_address_and_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two that do not read, from one address << the third is told 429; HEAD is answered; with a lower limit for all,
    503."""
    monkeypatch.setattr(answers, "FROM_ONE", 2)
    sending = Answers()
    async with serving(sending) as server, aiohttp.ClientSession(headers=PLAIN) as session:
        writers = [await deaf(server) for _ in range(2)]
        await until(2, sending)
        url = server.make_url("/")
        for most, status in ((500, 429), (2, 503)):
            monkeypatch.setattr(answers, "ALTOGETHER", most)
            monkeypatch.setattr(answers, "FROM_ONE", 2 if status == 429 else 9)
            async with session.get(url) as answer:
                assert answer.status == status
            async with session.head(url) as answer:
                assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(BODY)))
        for writer in writers:
            writer.transport.abort()
        await until(0, sending)

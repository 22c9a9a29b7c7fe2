"""How long the port of other connectors waits: for a body of its own, and for what is done once that is here."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from connector.foundation.http import limits
from connector.foundation.http.deadline import Deadline
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.http.server import port_of, serve
from connector.identity.participants.model import Participant
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.routes import Call, Caller, Route, Surface, handler
from tests.identity.accounts.people import TOWN
from tests.testkit.towns import Towns


class Roots:
    """Every path is the participant's."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant

    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        return self._participant, path


async def nobody(participant: Participant, authorization: str) -> Caller:
    raise AssertionError("a public route asks nobody who he is")


async def take(call: Call) -> web.StreamResponse:
    """Reads the body, then takes as long as it is told."""
    await limits.read_body(call.request)
    await asyncio.sleep(float(call.request.query.get("s", 0)))
    return web.Response()


async def dripping(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield b" "
        await asyncio.sleep(0.02)


@pytest.mark.threat("T141")
async def test_the_time_of_a_body_is_none_of_the_whole(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a body slower than the whole may be, and quicker than a body may; a handler that is too slow; a body without
    end << answered; 503; 408, and the connection is closed."""
    surface = Surface(
        [Route("POST", "/x", take, public=True)], Roots(towns.participants.held(TOWN).participant), nobody
    )
    surface._deadline = Deadline(0.1)
    runner = await serve(OneHandler(handler(surface, problems)), host="127.0.0.1", port=0, tls=None, stop_s=0.1)
    root = f"http://127.0.0.1:{port_of(runner)}/x"
    try:
        async with aiohttp.ClientSession() as session:
            async with session.post(root, data=dripping(15)) as answer:
                assert answer.status == 200
            async with session.post(f"{root}?s=10", data=b" ") as answer:
                assert answer.status == 503
            monkeypatch.setattr("connector.foundation.http.incoming.BODY_S", 0.3)
            async with session.post(root, data=dripping(10_000)) as answer:
                assert (answer.status, answer.headers.get("Connection", "close")) == (408, "close")
    finally:
        await runner.cleanup()

"""Thirty-two requests with a token at once to one host; the others wait, and what has no token never does."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from connector.errors import Unavailable
from connector.http.in_flight import MOST, InFlight
from connector.http.outbound import SafeClient

TOKEN = {"Authorization": "Bearer x"}


class Holding:
    """Answers once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.here = self.most = 0
        self.came = asyncio.Event()

    async def hold(self, request: web.Request) -> web.Response:
        self.here += 1
        self.most = max(self.most, self.here)
        if self.here == MOST:
            self.came.set()
        try:
            await self.go.wait()
        finally:
            self.here -= 1
        return web.Response(text=str(request.remote))


async def test_a_burst_of_a_hundred_opens_no_connection_for_each(start: Any, client: SafeClient) -> None:
    """>> a hundred messages at once << never more than thirty-two under way, and all are answered."""
    held, peers = Holding(), set[object]()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return await held.hold(request)

    root = await start(web.post("/", answer))
    burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(100)]
    await held.came.wait()
    held.go.set()
    assert {one.status for one in await asyncio.gather(*burst)} == {200}
    assert (held.most, len(peers)) == (MOST, MOST)


async def test_what_has_no_token_and_what_goes_elsewhere_waits_for_nobody(start: Any, client: SafeClient) -> None:
    """>> all turns at a host are taken until it has read our DID document << it is read, and others are reached."""
    held = Holding()
    root = await start(web.post("/", held.hold), web.get("/did.json", _open))
    other = await start(web.post("/", _open))
    burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(MOST)]
    await held.came.wait()
    assert (await client.get(f"{root}/did.json")).body == b"open"
    assert (await client.post(other, b"", headers=TOKEN)).body == b"open"
    held.go.set()
    assert {one.status for one in await asyncio.gather(*burst)} == {200}


async def _open(request: web.Request) -> web.Response:
    return web.Response(text="open")


async def test_who_waits_in_vain_is_told_within_its_own_time_and_leaves_its_place(
    start: Any, client: SafeClient
) -> None:
    """>> all turns are taken by a host that hangs << too slow after 50 ms; then they are free, and the next goes."""
    held = Holding()
    root = await start(web.post("/", held.hold))
    burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(MOST)]
    await held.came.wait()
    with pytest.raises(Unavailable) as told:
        await client.post(root, b"", headers=TOKEN, total_s=0.05)
    assert told.value.code == "http.too-slow"
    held.go.set()
    assert {one.status for one in await asyncio.gather(*burst)} == {200}
    assert (await client.post(root, b"", headers=TOKEN)).status == 200


@pytest.mark.parametrize("end", ["returns", "raises", "is cancelled"])
async def test_a_turn_ends_however_its_request_does(end: str) -> None:
    """>> all end so while one waits, and one gave up waiting << that has its turn, and nothing is remembered."""
    turns, go = InFlight(), asyncio.Event()

    async def one() -> None:
        async with turns.turn("town.example", 443, 60):
            await go.wait()
            if end == "raises":
                raise OSError

    holders = [asyncio.create_task(one()) for _ in range(MOST)]
    impatient, waiting = asyncio.create_task(one()), asyncio.create_task(one())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    if end == "is cancelled":
        for holder in holders:
            holder.cancel()
        await asyncio.gather(*holders, return_exceptions=True)
    go.set()
    await asyncio.gather(*holders, impatient, waiting, return_exceptions=True)
    assert impatient.cancelled()
    assert waiting.exception() is None or end == "raises"
    assert turns._hosts == {}

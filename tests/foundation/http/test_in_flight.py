"""Thirty-two requests with a token at once to one host; few others wait, and what has no token never does."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from connector.exchange.delivery.slots import ALL
from connector.foundation.errors import Unavailable
from connector.foundation.http import in_flight, outbound
from connector.foundation.http.in_flight import MOST, MOST_WAITING, Crowded, InFlight
from connector.foundation.http.outbound import SafeClient
from tests.testkit.patience import PATIENCE_S

TOKEN = {"Authorization": "Bearer x"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, who waits for a turn gets it, except where that is the subject."""
    monkeypatch.setattr(in_flight, "LONGEST_S", PATIENCE_S)
    monkeypatch.setattr(outbound, "CONNECT_S", PATIENCE_S)


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


async def test_a_burst_opens_no_connection_for_each(start: Any, client: SafeClient) -> None:
    """>> sixty-four messages at once << never more than thirty-two under way, and all are answered."""
    held, peers = Holding(), set[object]()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return await held.hold(request)

    root = await start(web.post("/", answer))
    burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(MOST + MOST_WAITING)]
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


async def test_bug_downloads_and_messages_together_kept_what_they_waited_for_away(
    start: Any, client: SafeClient
) -> None:
    """>> as many downloads from a host as there may be; all turns at it are taken, until a DID document has been read
    there << it is read."""
    held, downloads = Holding(), AsyncExitStack()
    root = await start(web.post("/", held.hold), web.get("/data", _without_end), web.get("/did.json", _open))
    async with downloads:
        for _ in range(ALL):
            await downloads.enter_async_context(client.stream(f"{root}/data", headers=TOKEN))
        burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(MOST)]
        await held.came.wait()
        assert (await client.get(f"{root}/did.json")).body == b"open"
        held.go.set()
        assert {one.status for one in await asyncio.gather(*burst)} == {200}


async def _without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.Event().wait()
    return response


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


@pytest.mark.threat("T128")
async def test_behind_a_host_that_hangs_few_wait(start: Any, client: SafeClient) -> None:
    """>> all turns are taken by a host that hangs, and as many wait << whoever comes then is told at once that nothing
    was sent; once it answers all the others have their turn, and there is room again."""
    held = Holding()
    root = await start(web.post("/", held.hold))
    burst = [asyncio.create_task(client.post(root, b"", headers=TOKEN)) for _ in range(MOST + MOST_WAITING)]
    await held.came.wait()
    with pytest.raises(Crowded, match=r"http\.crowded"):
        await client.post(root, b"", headers=TOKEN)
    held.go.set()
    assert {one.status for one in await asyncio.gather(*burst)} == {200}
    assert (await client.post(root, b"", headers=TOKEN)).status == 200


async def test_a_turn_goes_from_one_who_waited_to_the_next() -> None:
    """>> one of thirty-two ends, the others hang << both that wait have its turn, one after the other."""
    turns, go, one_ends = InFlight(), asyncio.Event(), asyncio.Event()

    async def one(end: asyncio.Event) -> None:
        async with turns.turn("town.example", 443, 60):
            await end.wait()

    holders = [asyncio.create_task(one(go)) for _ in range(MOST - 1)]
    waiting = [asyncio.create_task(one(one_ends)) for _ in range(3)]
    await asyncio.sleep(0)
    one_ends.set()
    await asyncio.gather(*waiting)
    go.set()
    await asyncio.gather(*holders)
    assert turns._lines == {}


@pytest.mark.threat("T128")
async def test_nobody_waits_long_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> all turns are taken << who waits is told that nothing was sent long before its own time is over, and leaves
    its place; those that have a turn keep it."""
    monkeypatch.setattr(in_flight, "LONGEST_S", 0.01)
    turns, go = InFlight(), asyncio.Event()

    async def one() -> None:
        async with turns.turn("town.example", 443, 60):
            await go.wait()

    holders = [asyncio.create_task(one()) for _ in range(MOST)]
    await asyncio.sleep(0)
    told = await asyncio.gather(*(one() for _ in range(MOST_WAITING)), return_exceptions=True)
    assert {type(error) for error in told} == {Crowded}
    assert turns._lines["town.example", 443].here == MOST
    go.set()
    await asyncio.gather(*holders)
    assert turns._lines == {}


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
    assert turns._lines == {}

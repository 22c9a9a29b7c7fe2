"""Two Eclipse EDCs that negotiate with each other: the peer that our own figures are compared with.

They play the same four messages, with stores in memory, a mock identity and no signatures. How a negotiation ended is
told by an event to an address of ours, because asking for it would cost them what we want to measure.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from _cities import middle
from aiohttp import web

from connector.foundation.errors import HanseError
from connector.foundation.language import say
from tests.conformance import maven
from tests.conformance.edc import program
from tests.conformance.edc.management import ODRL, Management, Peer
from tests.conformance.edc.program import LOOPS_MS, Programs

__all__ = ["LOOPS_MS", "Pair", "pair", "programs"]
ASSET = "trees"
PATIENCE_S = 20.0
MOST = 100_000
_ENDS = ("contract.negotiation.finalized", "contract.negotiation.terminated")


def programs() -> Programs | str:
    """What runs them, or why there is nothing to compare with."""
    try:
        return program.resolved(os.environ, maven.cache(os.environ))
    except HanseError as error:
        return say(f"error.{error.code}", "en", **error.facts)


class Ear:
    """Hears of ends, by the id that the consumer gave the negotiation."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._ends: dict[str, asyncio.Future[str]] = {}

    def of(self, negotiation: str) -> "asyncio.Future[str]":
        return self._ends.setdefault(negotiation, asyncio.get_running_loop().create_future())

    async def hear(self, request: web.Request) -> web.Response:
        event = await request.json()
        end = self.of(event["payload"]["contractNegotiationId"])
        if not end.done():
            end.set_result(event["type"])
        return web.Response()


class Pair:
    """A provider and a consumer; `late` are those whose end was not heard in time."""

    def __init__(self, provider: Management, consumer: Management, ear: Ear) -> None:
        self._provider, self._consumer, self._ear = provider, consumer, ear
        self._pids = [pid for side in (provider, consumer) for pid in _pids(side.edc)]
        self._peer = Peer(provider.edc.name, provider.edc.base)
        self._policy: dict[str, Any] = {}
        self.fetching = False
        """Whether the consumer first fetches the dataset, as ours does each time."""
        self.done, self.late = 0, 0

    async def offer(self) -> None:
        await self._provider.policy("free")
        await self._provider.asset(ASSET, {"type": "HttpData", "baseUrl": "http://localhost:9/"})
        await self._provider.offer("all", "free")
        listed = await self._consumer.catalogue(self._peer)
        found = listed["dataset"][0]
        offer = {**found["hasPolicy"][0], "@type": "Offer", "assigner": self._peer.did, "target": ASSET}
        self._policy = {"@context": ODRL, **offer}

    def rest(self) -> None:
        """Stopped while others have their turn: its loops would take processor time from what is measured there."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for pid in self._pids:
            os.kill(pid, number)

    async def once(self) -> float:
        """Seconds from asking until the end."""
        heard = [{"transactional": False, "uri": self._ear.address, "events": list(_ENDS)}]
        body = {"@type": "ContractRequest", "policy": self._policy, "callbackAddresses": heard}
        begun = time.perf_counter()
        if self.fetching:
            await self._consumer.call("POST", "/catalog/dataset/request", {"@id": ASSET, **self._peer.addressed()})
        made = await self._consumer.call("POST", "/contractnegotiations", {**body, **self._peer.addressed()})
        self.done += 1
        try:
            await asyncio.wait_for(asyncio.shield(self._ear.of(made["@id"])), PATIENCE_S)
        except TimeoutError:
            self.late += 1
        return time.perf_counter() - begun

    async def alone(self, count: int) -> float:
        """Median seconds, one at a time."""
        return middle([await self.once() for _ in range(count)])

    async def rate(self, count: int, in_flight: int) -> float:
        """Negotiations per second."""
        left = iter(range(count))

        async def lane() -> None:
            for _ in left:
                await self.once()

        begun = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(in_flight)))
        return count / (time.perf_counter() - begun)

    async def states(self) -> Mapping[str, Counter[str]]:
        """How all negotiations stand in the end, on either side."""
        asked = {"@type": "QuerySpec", "limit": MOST}
        sides = {"provider": self._provider, "consumer": self._consumer}
        return {
            side: Counter(one["state"] for one in await management.call("POST", "/contractnegotiations/request", asked))
            for side, management in sides.items()
        }


@asynccontextmanager
async def pair(programs: Programs, folder: Path, loops_ms: int, batch: int | None = None) -> AsyncIterator[Pair]:
    """Both with loops of so many milliseconds that take so much at once."""
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(web.Application(), access_log=None)
        [port] = program.free_ports(1)
        ear = Ear(f"http://localhost:{port}/")
        runner.app.router.add_post("/", ear.hear)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", port).start()
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        sides = []
        for side in ("p", "c"):
            running = program.started(programs.java, programs.whole, folder, f"{loops_ms}ms-{side}", loops_ms, batch)
            sides.append(Management(session, await asyncio.to_thread(stack.enter_context, running)))
        made = Pair(sides[0], sides[1], ear)
        await made.offer()
        try:
            yield made
        finally:
            made.wake()


def _pids(edc: program.Edc) -> list[int]:
    """The Java process that reads the settings of this one."""
    mark = f"-Dedc.fs.config={edc.folder / edc.name}.properties".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if mark in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    assert found, "no process of this EDC"
    return found

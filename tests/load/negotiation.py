"""Whole negotiations between two processes: time, rate and CPU, with an empty and with a full database.

`--quick` takes three pairs instead of nine and fills with 20 000 old negotiations instead of 100 000.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import _cities
import _old
import aiohttp
from _cities import QUICK, Cities, City, Process, figure, middle, progress

PAIRS = 3 if QUICK else 9
ALONE = 20 if QUICK else 40
CROWD = 128 if QUICK else 192
OLD = 20_000 if QUICK else 100_000
IN_FLIGHT = 64
POSTS = 500
EDC_PER_S, EDC_P50_MS = 61.0, 99.0
"""Eclipse EDC 0.15.1 in its best setting on a machine of this kind (stores in memory, mock identity)."""
MESSAGE = b'{"@type":"ContractAgreementMessage","filler":"' + b"x" * 3_450 + b'"}'
_BARE = Path(__file__).with_name("_bare.py")


def sync_s(place: Path, times: int = 60) -> float:
    """Median of overwriting and syncing 4 KiB in a preallocated file, in seconds."""
    handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size == 0:
            os.pwrite(handle, os.urandom(1 << 20), 0)
            os.fsync(handle)
        return middle([_overwritten(handle, number) for number in range(times)])
    finally:
        os.close(handle)


def _overwritten(handle: int, number: int) -> float:
    page = os.urandom(4096)
    begun = time.perf_counter()
    os.pwrite(handle, page, 4096 * (number % 256))
    os.fdatasync(handle)
    return time.perf_counter() - begun


class Deal:
    """What two cities negotiate again and again."""

    def __init__(self, provider: City, consumer: City, dataset: str) -> None:
        self.provider, self.consumer, self.dataset = provider, consumer, dataset
        self.done, self.lost = 0, 0

    async def once(self) -> float:
        """Seconds from asking until it is final; one that is not counts as lost."""
        begun = time.perf_counter()
        found = await self.consumer.negotiate(self.provider.did, self.dataset)
        self.done += 1
        self.lost += found["state"] != "FINALIZED"
        return time.perf_counter() - begun

    async def rate(self, count: int) -> float:
        """Negotiations per second, 64 at once."""
        left = iter(range(count))

        async def lane() -> None:
            for _ in left:
                await self.once()

        begun = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
        return count / (time.perf_counter() - begun)

    def cpu(self) -> tuple[float, float]:
        return self.provider.cpu(), self.consumer.cpu()


async def deal(space: Cities, name: str) -> Deal:
    provider, consumer = await space.pair(name)
    made = Deal(provider, consumer, await provider.publish(b"a;b\n1;2\n"))
    await made.rate(IN_FLIGHT)
    return made


async def alone(there: Deal) -> None:
    """One at a time against the disk, pair by pair."""
    times, syncs = [], []
    for _ in range(PAIRS):
        syncs.append(sync_s(there.consumer.folder / "sync"))
        times.append(middle([await there.once() for _ in range(ALONE)]))
    ratios = [spent / sync for spent, sync in zip(times, syncs, strict=True)]
    figure("negotiation.p50", middle(times) * 1000, "ms", reference=middle(syncs) * 1000, ratio=middle(ratios),
           spread=ratios, goal="<= 45")  # fmt: skip
    figure("negotiation.p50-to-edc", middle(times) * 1000, "ms", reference=EDC_P50_MS,
           ratio=EDC_P50_MS / (middle(times) * 1000), goal=">= 20")  # fmt: skip


async def crowd(there: Deal) -> None:
    """64 at once: the rate, and CPU per negotiation and side counted in bare POSTs."""
    rates: list[float] = []
    sides: tuple[list[float], list[float]] = ([], [])
    posts: list[float] = []
    async with bare(there.consumer.folder) as (server, session):
        for _ in range(PAIRS):
            posts.append(await post_s(server, session))
            before = there.cpu()
            rates.append(await there.rate(CROWD))
            for side, now, then in zip(sides, there.cpu(), before, strict=True):
                side.append((now - then) / CROWD)
    figure("negotiation.rate-to-edc", middle(rates), "1/s", reference=EDC_PER_S, ratio=middle(rates) / EDC_PER_S,
           spread=[rate / EDC_PER_S for rate in rates], goal=">= 12")  # fmt: skip
    for name, spent in zip(("provider", "consumer"), sides, strict=True):
        ratios = [one / post for one, post in zip(spent, posts, strict=True)]
        figure(f"negotiation.cpu-{name}", middle(spent) * 1000, "ms", reference=middle(posts) * 1000,
               ratio=middle(ratios), spread=ratios, goal="<= 28")  # fmt: skip


@asynccontextmanager
async def bare(folder: Path) -> AsyncIterator[tuple[Process, aiohttp.ClientSession]]:
    """The bare server on a Unix socket, and a session to it."""
    place = folder / "bare.sock"
    with subprocess.Popen([sys.executable, str(_BARE), str(place)]) as child:
        try:
            connector = aiohttp.UnixConnector(str(place))
            async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
                while not place.exists():
                    await asyncio.sleep(0.02)
                yield Process(child.pid), session
        finally:
            child.terminate()


async def post_s(server: Process, session: aiohttp.ClientSession) -> float:
    """CPU seconds of the bare server for a POST of 3.5 kB, 32 at once."""
    left = iter(range(POSTS))

    async def lane() -> None:
        for _ in left:
            async with session.post("/", data=MESSAGE) as answer:
                await answer.read()

    before = server.cpu()
    await asyncio.gather(*(lane() for _ in range(32)))
    return (server.cpu() - before) / POSTS


async def with_old(there: Deal, full: Deal) -> None:
    """The same rate beside a database full of old negotiations, turn by turn."""
    empty_rates, full_rates = [], []
    for turn in range(PAIRS):
        for one, rates in ((there, empty_rates), (full, full_rates))[:: 1 if turn % 2 else -1]:
            rates.append(await one.rate(CROWD))
    ratios = [full_ / empty for full_, empty in zip(full_rates, empty_rates, strict=True)]
    figure("negotiation.rate-when-full", middle(full_rates), "1/s", reference=middle(empty_rates),
           ratio=middle(ratios), spread=ratios, goal=">= 0.9")  # fmt: skip


async def filled(space: Cities, there: Deal) -> Deal:
    """Both processes started again on databases with old negotiations in them."""
    cities = (there.provider, there.consumer)
    await space.stop(*cities)
    for city in cities:
        await asyncio.to_thread(_old.fill, city.folder / "hanse.db", OLD)
    provider = await space.start(cities[0].name, cities[0].slug, _cities.MUNICIPALITY)
    consumer = await space.start(cities[1].name, cities[1].slug, _cities.MUNICIPALITY)
    for city in (provider, consumer):
        await asyncio.to_thread(_old.sealed, city.folder / "hanse.db")
    made = Deal(provider, consumer, there.dataset)
    await made.rate(IN_FLIGHT)
    return made


async def main() -> None:
    async with _cities.cities() as space:
        progress("two cities, empty databases")
        there = await deal(space, "")
        await alone(there)
        await crowd(there)
        progress(f"two more, {OLD} old negotiations each")
        full = await filled(space, await deal(space, "x"))
        await with_old(there, full)
        done, lost = there.done + full.done, there.lost + full.lost
        figure("negotiation.lost", lost, f"of {done}", goal="<= 0")


if __name__ == "__main__":
    _cities.run(main)

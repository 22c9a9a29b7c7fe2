"""The desk of a town with 10 000 datasets: how soon a page answers, fifty people at once, and what it adds to memory.

A page is measured until its last byte, as a browser asks for it, against a bare aiohttp server that answers with the
same bytes; CPU of both processes gives the ratio. Fifty people each open a page a second. Memory is that of a process
that answered once and is idle, with the desk and without. `--quick` takes fewer rounds, and 2 000 datasets.
"""

import asyncio
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

import _cities
import _shelf
import aiohttp
from _cities import MUNICIPALITY, PROVIDER, QUICK, Cities, City, Process, figure, middle, progress

from connector.foundation.settings.load import load
from connector.surfaces.web.session import Cookies

DATASETS = 2_000 if QUICK else 10_000
ASKED = 60 if QUICK else 300
PEOPLE, SECONDS = 50, 5 if QUICK else 20
PAIRS = 2 if QUICK else 5
IDLE_S = 2.0
MIB = 1 << 20
WITHOUT = ("peer", "api", "worker", "dataplane")
PAGES = {
    "today": "/",
    "datasets": "/datasets",
    "find": "/find?q=B%C3%A4ume",
    "contracts": "/contracts",
    "partners": "/partners",
    "figures": "/figures",
}
HEADERS = {"Accept-Encoding": "gzip", "Accept-Language": "de"}
_PAGE = Path(__file__).with_name("_page.py")


class Desk:
    """The desk of a running city, and the cookies of those who work there."""

    def __init__(self, city: City, origin: str, cookies: list[dict[str, str]]) -> None:
        self.city, self.origin, self.cookies = city, origin, cookies

    def session(self, number: int = 0) -> aiohttp.ClientSession:
        """A browser of one of them; bytes are taken as they come."""
        return aiohttp.ClientSession(
            headers=HEADERS,
            cookies=self.cookies[number],
            auto_decompress=False,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )

    def url(self, page: str) -> str:
        return f"{self.origin}/t/{PROVIDER}{PAGES[page]}"


async def filled(space: Cities) -> Desk:
    """A city with all the datasets, and people who are signed in."""
    city = await space.start("p", PROVIDER, MUNICIPALITY)
    await city.publish(b"a;b\n1;2\n")
    await space.stop(city)
    progress(f"{DATASETS} datasets")
    await asyncio.to_thread(_shelf.fill, city.folder / "hanse.db", DATASETS - 1)
    settings = load(space.space.prepared("p"), {})
    origin = f"http://localhost:{(city.folder / 'web-port').read_text().strip()}"
    cookies = []
    async with space.space.running("p", {}) as there:
        people, links = there.services.accounts.people, there.services.accounts.links
        for number in range(PEOPLE):
            made = await people.add(f"p{number}@town.example", f"Person {number}", operator=False)
            await people.grant(PROVIDER, "", made.id, "steward")
            cookies.append({Cookies(origin).name: await links.use(await links.make(made.id), "bench")})
    assert settings.folder == city.folder
    return Desk(await space.start("p", PROVIDER, MUNICIPALITY), origin, cookies)


async def rested(desk: Desk) -> None:
    """What a start on many datasets does in the background (snapshots, copies) is over."""
    quiet = 0
    for _ in range(600):
        before = desk.city.cpu()
        await asyncio.sleep(0.5)
        quiet = quiet + 1 if desk.city.cpu() - before < 0.02 else 0
        if quiet == 3:
            return


async def fetched(session: aiohttp.ClientSession, url: str) -> tuple[float, bytes]:
    """Seconds until the last byte, and the bytes."""
    begun = time.perf_counter()
    async with session.get(url, allow_redirects=False) as answer:
        body = await answer.read()
        return time.perf_counter() - begun, body if answer.status == 200 else b""


@asynccontextmanager
async def bare(space: Cities, body: bytes) -> AsyncIterator[tuple[Process, str]]:
    """A server that answers with these bytes, and its address."""
    page = space.folder / "page.html"
    page.write_bytes(body)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, str(_PAGE), str(page), str(port)]) as child:
        try:
            async with aiohttp.ClientSession() as session:
                while True:
                    try:
                        await fetched(session, f"http://127.0.0.1:{port}/")
                        break
                    except aiohttp.ClientConnectorError:
                        await asyncio.sleep(0.02)
            yield Process(child.pid), f"http://127.0.0.1:{port}/"
        finally:
            child.terminate()


async def one_page(space: Cities, desk: Desk, name: str) -> None:
    """The time of a page, and its CPU against the same bytes from a bare server."""
    async with desk.session() as session:
        _, body = await fetched(session, desk.url(name))
        if not body:
            progress(f"{name}: not there")
            return
        async with bare(space, body) as (server, address):
            ratios, costs, bares, times = [], [], [], []
            for _ in range(PAIRS):
                before, empty = desk.city.cpu(), server.cpu()
                for _ in range(ASKED // PAIRS):
                    times.append((await fetched(session, desk.url(name)))[0])
                    await asyncio.sleep(0.04)  # a person asks less often than the pace of the desk allows
                for _ in range(ASKED // PAIRS):
                    await fetched(session, address)
                costs.append((desk.city.cpu() - before) / (ASKED // PAIRS))
                bares.append((server.cpu() - empty) / (ASKED // PAIRS))
                ratios.append(costs[-1] / bares[-1])
    figure(f"desk.{name}.p95", _p95(times) * 1000, "ms", goal="<= 50")
    figure(
        f"desk.{name}.cpu",
        middle(costs) * 1000,
        "ms",
        reference=middle(bares) * 1000,
        ratio=middle(ratios),
        spread=ratios,
    )


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


async def many(desk: Desk) -> None:
    """Fifty people, each with a session of her own, open one page after the other, one a second."""
    times: list[float] = []
    there = [name for name in PAGES if await _exists(desk, name)]
    if not there:
        return

    async def person(number: int) -> None:
        chance = random.Random(number)
        async with desk.session(number) as session:
            await asyncio.sleep(chance.random())
            for _ in range(SECONDS):
                spent, body = await fetched(session, desk.url(chance.choice(there)))
                assert body
                times.append(spent)
                await asyncio.sleep(max(0.0, 1.0 - spent))

    await asyncio.gather(*(person(number) for number in range(PEOPLE)))
    figure("desk.fifty-people.p95", _p95(times) * 1000, "ms", goal="<= 200")


async def _exists(desk: Desk, name: str) -> bool:
    async with desk.session() as session:
        return bool((await fetched(session, desk.url(name)))[1])


async def memory(space: Cities, desk: Desk) -> None:
    """Of a process that has answered once: the desk was opened by one person, the other one answers programs alone."""
    added, sizes = [], []
    for turn in range(PAIRS):
        progress(f"memory {turn + 1}")
        pair = []
        for roles in (WITHOUT, (*WITHOUT, "web")):
            await space.stop(desk.city)
            desk.city = await space.start("p", PROVIDER, MUNICIPALITY, roles)
            if "web" in roles:
                async with desk.session() as session:
                    await fetched(session, f"{desk.origin}/t/{PROVIDER}/")
            await asyncio.sleep(IDLE_S)
            pair.append(desk.city.rss() / MIB)
        sizes.append(pair[1])
        added.append(pair[1] - pair[0])
    figure("desk.memory", middle(added), "MiB", reference=middle(sizes), spread=added, goal="<= 15")


async def main() -> None:
    async with _cities.cities() as space:
        desk = await filled(space)
        await rested(desk)
        for name in PAGES:
            await one_page(space, desk, name)
        await many(desk)
        await memory(space, desk)


if __name__ == "__main__":
    _cities.run(main)

"""What a catalogue costs: its check per dataset, and a page of 100 at 100 000 datasets against a bare GET.

The check is in `_check.py` and comes first. A page is measured in CPU of the connector and of a bare server with the
same bytes, both over TLS with kept connections. The connector authenticates each request and books its token; the page
is the one that everybody asks for first, then any of the thousand. `--quick` takes three pairs, not nine, and 20 000
datasets.
"""

import asyncio
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path

import _check
import _cities
import _shelf
import aiohttp
from _cities import MUNICIPALITY, PROVIDER, QUICK, Cities, City, Process, figure, middle, progress

from connector.data.catalogue.search.filters import WORDS
from connector.kernel.protocol.messages import CONTEXT
from tests.testkit.nasty import NastyPeer, nasty_peer

PAIRS = 3 if QUICK else 9
DATASETS = 20_000 if QUICK else 100_000
MEMBERS = 12
"""Members that ask in turn: each may ask for sixty pages at once and five more a second."""
ASKED, LANES = 48, 4
ASK = {"@context": [CONTEXT], "@type": "CatalogRequestMessage"}
_PAGE = Path(__file__).with_name("_page.py")


class Shelf:
    """The catalogue of a participant, and the members that ask it."""

    def __init__(self, did: str, members: list[NastyPeer], session: aiohttp.ClientSession) -> None:
        self.did, self.session = did, session
        self._members: Iterator[NastyPeer] = cycle(members)
        self._root = "https://" + did.removeprefix("did:web:").replace(":", "/").replace("%3A", ":")

    async def page(self, member: NastyPeer, url: str = "", filter: object = None) -> tuple[bytes, str | None]:
        """The document and the address of the next page."""
        body = ASK if filter is None else {**ASK, "filter": filter}
        headers = {"Authorization": f"Bearer {member.token(self.did)}"}
        async with self.session.post(
            url or f"{self._root}/2025-1/catalog/request", json=body, headers=headers
        ) as answer:
            found = await answer.read()
            assert answer.status == 200, found
            link = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
            return found, None if link is None else link[1]

    async def first(self) -> None:
        await self.page(next(self._members))

    async def leaf(self, count: int) -> None:
        """The next `count` pages as one member reads them, one after the other."""
        member, url = next(self._members), ""
        for _ in range(count):
            _, following = await self.page(member, url)
            url = following or ""


async def cost_s(server: Process, count: int, call: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds of a server per call."""
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await call()

    before = server.cpu()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return (server.cpu() - before) / count


@asynccontextmanager
async def bare(space: Cities, body: bytes, session: aiohttp.ClientSession) -> AsyncIterator[tuple[Process, str]]:
    """The bare server with this body, and its address."""
    page, certs = space.folder / "page.json", space.folder / "space" / "certs"
    page.write_bytes(body)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(_PAGE), str(page), str(port), str(certs / "server.pem"), str(certs / "server.key")]
    with subprocess.Popen(command) as child:
        try:
            url = f"https://localhost:{port}/"
            while True:
                try:
                    async with session.get(url) as answer:
                        assert await answer.read() == body
                        break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.02)
            yield Process(child.pid), url
        finally:
            child.terminate()


async def filled(space: Cities) -> City:
    """A city started on a database with all the datasets."""
    city = await space.start("p", PROVIDER, MUNICIPALITY)
    await city.publish(b"a;b\n1;2\n")
    await space.stop(city)
    progress(f"{DATASETS} datasets")
    await asyncio.to_thread(_shelf.fill, city.folder / "hanse.db", DATASETS - 1)
    city = await space.start("p", PROVIDER, MUNICIPALITY)
    await city.api.post("/api/v1/trust/reload")
    return city


async def measured(
    space: Cities, city: City, shelf: Shelf, members: list[NastyPeer], session: aiohttp.ClientSession
) -> None:
    body, _ = await shelf.page(members[0])
    assert len(json.loads(body)["dataset"]) == 100
    firsts, leaves, bares = [], [], []
    async with bare(space, body, session) as (server, url):

        async def get() -> None:
            async with session.get(url) as answer:
                await answer.read()

        for turn in range(PAIRS):
            progress(f"pair {turn + 1}")
            bares.append(await cost_s(server, ASKED, get))
            firsts.append(await cost_s(city, ASKED, shelf.first))
            before = city.cpu()
            await shelf.leaf(ASKED // 3)
            leaves.append((city.cpu() - before) / (ASKED // 3))
    for name, costs in (("page", firsts), ("any-page", leaves)):
        ratios = [cost / one for cost, one in zip(costs, bares, strict=True)]
        figure(
            f"catalogue.{name}",
            middle(costs) * 1000,
            "ms",
            reference=middle(bares) * 1000,
            ratio=middle(ratios),
            spread=ratios,
            goal="<= 5",
        )
    begun = time.perf_counter()
    found, following = await shelf.page(members[-1], filter=[{WORDS: _shelf.NEEDLE}])
    assert (len(json.loads(found)["dataset"]), following) == (1, None)
    figure("catalogue.search-one-of-all", (time.perf_counter() - begun) * 1000, "ms")


async def main() -> None:
    _check.measured()
    async with _cities.cities() as space, AsyncExitStack() as stack:
        city = await filled(space)
        members = [await stack.enter_async_context(nasty_peer(space.space, f"m{n}")) for n in range(MEMBERS)]
        await city.api.post("/api/v1/trust/reload")
        tls = ssl.create_default_context(cafile=str(space.folder / "space" / "certs" / "dev-ca.pem"))
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
        await stack.enter_async_context(session)
        await measured(space, city, Shelf(city.did, members, session), members, session)


if __name__ == "__main__":
    _cities.run(main)

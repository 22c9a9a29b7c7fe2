"""What one data access costs besides its bytes: token, policy, use, records. CPU of the provider, in bare POSTs.

Each flow of one agreement is read twice over kept connections: the first access is a use, with a decision record and
its case file, the second is decided and booked as a further answer of the flow. The data are eight bytes; what a bare
aiohttp server needs to send the same over TLS is taken off. `--quick` takes three rounds instead of nine.
"""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import _cities
import aiohttp
import negotiation
from _cities import QUICK, City, Process, figure, middle, progress
from _reader import Place, Reader, reader

ROUNDS = 3 if QUICK else 9
FLOWS = 60
WARM = 20
LANES = 8
CONTENT = b"a;b\n1;2\n"
SETTLED_S = 0.6
"""What was said about the flows before is booked by then."""
_BARE = Path(__file__).with_name("_bare.py")


class Costs:
    """CPU seconds of an access of each kind in each round, and of the two things they are compared with."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.further: list[float] = []
        self.bytes: list[float] = []
        self.posts: list[float] = []

    def told(self, name: str, spent: Sequence[float], goal: str) -> None:
        own = [one - bare for one, bare in zip(spent, self.bytes, strict=True)]
        ratios = [one / post for one, post in zip(own, self.posts, strict=True)]
        figure(
            name,
            middle(own) * 1000,
            "ms",
            reference=middle(self.posts) * 1000,
            ratio=middle(ratios),
            spread=ratios,
            goal=goal,
        )


async def reads(session: aiohttp.ClientSession, places: Sequence[Place], cpu: Callable[[], float]) -> float:
    """CPU seconds that each of these reads costs the server."""
    left = iter(places)

    async def lane() -> None:
        for url, token in left:
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert (answer.status, await answer.read()) == (200, CONTENT), answer.status

    before = cpu()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return (cpu() - before) / len(places)


@asynccontextmanager
async def bare_bytes(folder: Path, certs: Path) -> AsyncIterator[tuple[Process, str]]:
    """A bare server that sends the same bytes over TLS, and their address."""
    place = folder / "port"
    with subprocess.Popen([sys.executable, str(_BARE), str(place), str(certs)]) as child:
        try:
            while not place.exists() or not place.read_text():
                await asyncio.sleep(0.02)
            yield Process(child.pid), f"https://localhost:{place.read_text()}/"
        finally:
            child.terminate()


async def measured(provider: City, leser: Reader, dataset: str, folder: Path, certs: Path) -> Costs:
    agreement = await leser.agree(provider.did, dataset)
    context, costs = ssl.create_default_context(cafile=str(certs / "dev-ca.pem")), Costs()
    connector = aiohttp.TCPConnector(ssl=context, limit=LANES)
    async with (
        negotiation.bare(folder) as (server, posting),
        bare_bytes(folder, certs) as (bare, url),
        aiohttp.ClientSession(connector=connector) as session,
    ):
        await reads(session, await leser.open(agreement, WARM), provider.cpu)
        await reads(session, [(url, "")] * FLOWS, bare.cpu)
        for number in range(ROUNDS):
            progress(f"round {number + 1}")
            places = await leser.open(agreement, FLOWS)
            await asyncio.sleep(SETTLED_S)
            costs.posts.append(await negotiation.post_s(server, posting))
            costs.bytes.append(await reads(session, [(url, "")] * FLOWS, bare.cpu))
            costs.first.append(await reads(session, places, provider.cpu))
            costs.further.append(await reads(session, places, provider.cpu))
    return costs


async def main() -> None:
    async with _cities.cities() as space:
        provider = await space.start("p", _cities.PROVIDER, _cities.MUNICIPALITY)
        dataset = await provider.publish(CONTENT)
        async with reader(space) as leser:
            await provider.api.post("/api/v1/trust/reload")
            costs = await measured(provider, leser, dataset, space.folder, space.folder / "space" / "certs")
        figure(
            "access.bare-bytes",
            middle(costs.bytes) * 1000,
            "ms",
            reference=middle(costs.posts) * 1000,
            ratio=middle(costs.bytes) / middle(costs.posts),
        )
        costs.told("access.first", costs.first, "<= 25")
        costs.told("access.further", costs.further, "<= 25")


if __name__ == "__main__":
    _cities.run(main)

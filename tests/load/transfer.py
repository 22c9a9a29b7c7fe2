"""Data through the connector against nginx: own file and proxied source over TLS, a range, memory, one whole transfer.

The public surface speaks TLS only, so there is no figure without it. `--quick` takes 128 MiB and three pairs instead of
2 GiB and nine.
"""

import asyncio
import hashlib
import os
import time
from pathlib import Path
from typing import Any

import _cities
import _nginx
import aiohttp
from _cities import QUICK, City, figure, middle, progress
from _reader import Place, Reader, reader

PAIRS = 3 if QUICK else 9
SIZE = (128 if QUICK else 2048) << 20
TAIL = 1 << 20
MIB = 1 << 20


def write(place: Path, size: int) -> None:
    block = os.urandom(16 << 20)
    with place.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)


async def upload(city: City, place: Path) -> str:
    path = f"http://localhost/api/v1/participants/{city.slug}/files?name=big.bin"
    connector = aiohttp.UnixConnector(str(city.folder / "api.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        with place.open("rb") as file:
            async with session.post(path, data=file) as answer:
                source: dict[str, Any] = await answer.json()
    return await city.offer(source["source"])


async def live(city: City, url: str) -> str:
    wish = {"kind": "http", "parameters": {"url": url}, "name": "live.bin", "media_type": "application/octet-stream"}
    source = await city.api.post(f"/api/v1/participants/{city.slug}/sources", wish)
    return await city.offer(source["source"])


async def opened(leser: Reader, provider: City, dataset: str) -> Place:
    [place] = await leser.open(await leser.agree(provider.did, dataset))
    return place


async def speed(name: str, goal: str, ours: tuple[str, str], theirs: str, ca: Path) -> None:
    """GB/s of both, one after the other."""
    fast, ratios = [], []
    for _ in range(PAIRS):
        size, spent = await _nginx.read(theirs, ca)
        mine_size, mine = await _nginx.read(ours[0], ca, token=ours[1])
        assert mine_size == size
        fast.append((size / mine / 1e9, size / spent / 1e9))
        ratios.append(spent / mine)
    figure(
        name,
        middle([mine for mine, _ in fast]),
        "GB/s",
        reference=middle([their for _, their in fast]),
        ratio=middle(ratios),
        spread=ratios,
        goal=goal,
    )


async def tail(ours: tuple[str, str], theirs: str, ca: Path, folder: Path) -> None:
    """The last MiB over a new connection: the same bytes, and how long it takes."""
    mine_ms, their_ms, ratios = [], [], []
    for _ in range(PAIRS):
        _, their = await _nginx.read(theirs, ca, tail=TAIL, into=str(folder / "tail.nginx"))
        _, mine = await _nginx.read(ours[0], ca, token=ours[1], tail=TAIL, into=str(folder / "tail.hanse"))
        mine_ms.append(mine * 1000)
        their_ms.append(their * 1000)
        ratios.append(mine / their)
    pieces = [hashlib.sha256((folder / f"tail.{one}").read_bytes()).digest() for one in ("nginx", "hanse")]
    assert pieces[0] == pieces[1], "range differs"
    figure(
        "transfer.tail-range",
        middle(mine_ms),
        "ms",
        reference=middle(their_ms),
        ratio=middle(ratios),
        spread=ratios,
        goal="<= 4",
    )


async def memory(city: City, ours: tuple[str, str], ca: Path) -> None:
    """Peak minus idle of the serving process, for one reader and for sixteen."""
    for streams, goal in ((1, "<= 16"), (16, "<= 48")):
        await asyncio.sleep(1)
        city.forget_peak()
        idle = city.rss()
        await asyncio.gather(*(_nginx.read(ours[0], ca, token=ours[1]) for _ in range(streams)))
        figure(f"transfer.memory-{streams}", (city.peak() - idle) / MIB, "MiB", reference=idle / MIB, goal=goal)


async def whole(provider: City, consumer: City, dataset: str) -> None:
    """A real transfer between the two processes: to disk, hashed and checked, booked on both sides."""
    agreed = await consumer.negotiate(provider.did, dataset)
    for city in (provider, consumer):
        city.forget_peak()
    idle = (provider.rss(), consumer.rss())
    begun = time.perf_counter()
    done = await consumer.fetch(agreed["agreement"], wait=60)
    spent = time.perf_counter() - begun
    assert done["state"] == "COMPLETED", done
    figure("transfer.whole", SIZE / spent / 1e9, "GB/s")
    for name, city, before in (("provider", provider, idle[0]), ("consumer", consumer, idle[1])):
        figure(
            f"transfer.whole-memory-{name}", (city.peak() - before) / MIB, "MiB", reference=before / MIB, goal="<= 16"
        )


async def main() -> None:
    if not _nginx.found():
        raise SystemExit("nginx and curl are needed")
    async with _cities.cities() as space:
        provider, consumer = await space.pair()
        certs, root = space.folder / "space" / "certs", space.folder / "www"
        ca = certs / "dev-ca.pem"
        root.mkdir()
        write(root / "big.bin", SIZE)
        progress("uploading")
        file = await upload(provider, root / "big.bin")
        small = await provider.publish(b"a;b\n1;2\n")
        await space.stop(provider)
        provider = await space.start(provider.name, provider.slug, _cities.MUNICIPALITY)
        async with _nginx.serving(root, certs, space.folder / "nginx") as theirs, reader(space) as leser:
            for city in (provider, consumer):
                await city.api.post("/api/v1/trust/reload")
            warm = await consumer.negotiate(provider.did, small)
            await consumer.fetch(warm["agreement"])
            progress("a whole transfer")
            await whole(provider, consumer, file)
            ours = await opened(leser, provider, file)
            progress("memory")
            await memory(provider, ours, ca)
            progress("own file against nginx")
            await speed("transfer.own-file-tls", ">= 0.65", ours, f"{theirs}/big.bin", ca)
            await tail(ours, f"{theirs}/big.bin", ca, space.folder)
            progress("proxied source against nginx")
            passed = await opened(leser, provider, await live(provider, f"{theirs}/big.bin"))
            await speed("transfer.proxied-tls", ">= 0.55", passed, f"{theirs}/big.bin", ca)


if __name__ == "__main__":
    _cities.run(main)

"""Start of a process to its first answered request, and its memory when idle with one participant."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import _cities
import aiohttp
from _cities import QUICK, Process, figure, middle, progress

PAIRS = 3 if QUICK else 9
IDLE_S = 2.0
EDC_START_S = 2.0
MIB = 1 << 20
_BARE = Path(__file__).with_name("_bare.py")


async def bare(place: Path) -> tuple[float, int]:
    """Seconds to the first answer and idle memory of a bare aiohttp server on uvloop, with cryptography loaded."""
    place.unlink(missing_ok=True)
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, str(_BARE), str(place)]) as child:
        try:
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(place))) as session:
                while True:
                    try:
                        async with session.post("http://localhost/", data=b"{}"):
                            break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.005)
            spent = time.monotonic() - begun
            return spent, Process(child.pid).rss()
        finally:
            child.terminate()


async def main() -> None:
    async with _cities.cities() as space:
        city = await space.start("a", "musterstadt", _cities.MUNICIPALITY)
        begun, empty, sizes, bare_sizes = [], [], [], []
        for turn in range(PAIRS):
            progress(f"start {turn + 1}")
            spent, size = await bare(space.folder / "bare.sock")
            empty.append(spent)
            bare_sizes.append(size / MIB)
            await space.stop(city)
            city = await space.start("a", "musterstadt", _cities.MUNICIPALITY)
            begun.append(city.started_s)
            await asyncio.sleep(IDLE_S)
            sizes.append(city.rss() / MIB)
        figure("start.first-answer", middle(begun), "s", reference=middle(empty), spread=begun, goal="<= 1.5")
        figure(
            "start.idle-memory",
            middle(sizes),
            "MiB",
            reference=middle(bare_sizes),
            spread=sizes,
            floor="<= 75",
            goal="<= 65",
        )


if __name__ == "__main__":
    _cities.run(main)

"""Whole negotiations between two processes: time, rate, CPU, with an empty and with a full database."""

import asyncio
import os
import time
from pathlib import Path

import _cities
from _cities import City, Cities, figure, middle, progress

PAIRS = 3 if _cities.QUICK else 9
IN_FLIGHT = 64


def sync_s(place: Path, times: int = 30) -> float:
    """Median of overwriting and syncing 4 KiB in a preallocated file, in seconds."""
    handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size == 0:
            os.pwrite(handle, os.urandom(1 << 20), 0)
            os.fsync(handle)
        spent = []
        for number in range(times):
            begun = time.perf_counter()
            os.pwrite(handle, os.urandom(4096), 4096 * (number % 256))
            os.fdatasync(handle)
            spent.append(time.perf_counter() - begun)
        return middle(spent)
    finally:
        os.close(handle)


async def one(consumer: City, provider: City, dataset: str) -> tuple[float, bool]:
    begun = time.perf_counter()
    found = await consumer.negotiate(provider.did, dataset)
    return time.perf_counter() - begun, found["state"] == "FINALIZED"


async def many(consumer: City, provider: City, dataset: str, count: int) -> tuple[float, int]:
    """Negotiations per second with 64 in flight, and how many did not come to their end."""
    left, lost = count, 0

    async def lane() -> None:
        nonlocal left, lost
        while left > 0:
            left -= 1
            lost += not (await one(consumer, provider, dataset))[1]

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return count / (time.perf_counter() - begun), lost


async def main() -> None:
    async with _cities.cities() as space:
        provider, consumer = await space.pair()
        dataset = await provider.publish(b"a;b\n1;2\n")
        for _ in range(20):
            await one(consumer, provider, dataset)
        times = [(await one(consumer, provider, dataset))[0] for _ in range(60)]
        p0, c0 = provider.cpu(), consumer.cpu()
        progress(f"p50 {middle(times)*1000:.2f} ms")
        rate, lost = await many(consumer, provider, dataset, 300)
        progress(f"64: {rate:.1f}/s lost {lost} cpu p {(provider.cpu()-p0)/300*1000:.2f} ms c {(consumer.cpu()-c0)/300*1000:.2f}")


if __name__ == "__main__":
    _cities.run(main)

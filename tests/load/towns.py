"""Many towns in one process: adding one, idle CPU, memory, catalogue and negotiation, beside a process with one town.

500 towns with 200 datasets each (`--quick`: 100 with 20), added through the management API one after the other, but
twice ten at once. Their datasets are copies of one that was published through the API, written into the tables of the
stopped process (`_shelf`), so the log has no record of them; 100 000 calls would take a quarter of an hour. Blocks of
requests to either process take turns. What is measured of both is measured without crawls.
"""

import asyncio
import sqlite3
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, closing
from itertools import cycle
from pathlib import Path

import _cities
import _shelf
import aiohttp
from _cities import MUNICIPALITY, QUICK, Cities, City, figure, middle, progress
from catalogue import Shelf

from tests.testkit.nasty import nasty_peer

TOWNS, DATASETS = (100, 20) if QUICK else (500, 200)
PAIRS = 3 if QUICK else 9
EARLY = 10
"""How many towns there are when adding one is measured first; and how many are added for one figure."""
IDLE_S = 20.0 if QUICK else 60.0
"""A whole minute has every round that comes once a minute in it."""
SETTLED_S = 75.0
"""For what a process does once after its start; the crawls that it then begins end after a minute."""
NO_CRAWLS = {"HANSE_FEDERATION__LOOK_S": "86400"}
"""Towns that are new to each other first copy their catalogues, pair by pair: for days that is work, and no idling."""
MEMBERS = 6
ASKED = 20
"""Towns of the many that are asked; each of them, and the one alone, is asked once before anything is measured."""
PAGES, NEGOTIATIONS = 24, 10
MIB = 1 << 20
MODEL = "modellstadt"


class Towns:
    """The towns of one process by DID, with the ids of some of their datasets."""

    def __init__(self, city: City, offered: Sequence[tuple[str, str]]) -> None:
        self.city, self.size, self._offered = city, len(offered), cycle(offered)

    def next(self) -> tuple[str, str]:
        return next(self._offered)


async def added(city: City, names: Sequence[str]) -> list[float]:
    """Milliseconds of each, one after the other."""
    spent = []
    for name in names:
        begun = time.perf_counter()
        await city.api.post("/api/v1/participants", {"slug": name, "name": name.title(), "kind": MUNICIPALITY})
        spent.append((time.perf_counter() - begun) * 1000)
    return spent


async def listed(city: City, name: str) -> float:
    """Milliseconds until one more is on the list of all."""
    begun = time.perf_counter()
    await added(city, [name])
    await city.api.post("/api/v1/trust/reload")
    return (time.perf_counter() - begun) * 1000


async def at_once(city: City, names: Sequence[str]) -> float:
    """Milliseconds a town when all of them come together."""
    begun = time.perf_counter()
    await asyncio.gather(*(added(city, [name]) for name in names))
    return (time.perf_counter() - begun) * 1000 / len(names)


async def growing(city: City) -> list[str]:
    """All towns but the first, and what the tenth and the last cost."""
    names = [f"stadt{number:03}" for number in range(TOWNS - 3)]  # and two that are added apart, and the model
    begin, together = names[:EARLY], names[EARLY : 2 * EARLY]
    last, last_together = names[-2 * EARLY : -EARLY], names[-EARLY:]
    await added(city, begin[: EARLY // 2])
    before = city.cpu()
    first = await added(city, begin[EARLY // 2 :])
    first_cpu = (city.cpu() - before) * 1000 / len(first)
    early = await listed(city, "frueh")
    first_at_once = await at_once(city, together)
    progress(f"towns up to {TOWNS}")
    await added(city, names[2 * EARLY : -2 * EARLY])
    before = city.cpu()
    late = await added(city, last)
    late_cpu = (city.cpu() - before) * 1000 / len(late)
    ratios = [one / middle(first) for one in late]
    figure(
        "towns.add",
        middle(late),
        "ms",
        reference=middle(first),
        ratio=middle(ratios),
        spread=ratios,
        floor="<= 1.5",
        goal="<= 1.1",
    )
    figure("towns.add-cpu", late_cpu, "ms", reference=first_cpu, ratio=late_cpu / first_cpu)
    figure("towns.add-and-list", await listed(city, "spaet"), "ms", reference=early)
    late_at_once = await at_once(city, last_together)
    figure("towns.add-ten-at-once", late_at_once, "ms", reference=first_at_once, ratio=late_at_once / first_at_once)
    return [*names, "frueh", "spaet"]


async def filled(space: Cities, name: str, others: bool) -> Towns:
    """A process on a database in which each town has its datasets."""
    city = await space.start(name, f"{MODEL}{name}", MUNICIPALITY)
    await city.publish(b"a;b\n1;2\n")
    names = await growing(city) if others else []
    await city.api.post("/api/v1/trust/reload")
    progress(f"{(len(names) + 1) * DATASETS} datasets")
    await space.stop(city)
    place = city.folder / "hanse.db"
    await asyncio.to_thread(_shelf.fill, place, DATASETS - 1)
    await asyncio.to_thread(_shelf.fill_others, place, city.slug, names)
    city = await space.start(name, city.slug, MUNICIPALITY, environ=NO_CRAWLS)
    figure(f"towns.start-{name}", city.started_s, "s")
    return Towns(city, await asyncio.to_thread(_offered, place))


def _offered(place: Path) -> list[tuple[str, str]]:
    """(DID, dataset): one of each of some towns."""
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT p.did, (SELECT d.id FROM dataset d WHERE d.participant = p.id LIMIT 1)"
            " FROM participant p ORDER BY p.id"
        ).fetchall()
    return rows[:: max(1, len(rows) // ASKED)][:ASKED]


async def idle(one: Towns, many: Towns) -> None:
    """CPU of both over the same seconds, and what they hold in memory."""
    before = one.city.cpu(), many.city.cpu()
    await asyncio.sleep(IDLE_S)
    spent = [(city.cpu() - then) * 100 / IDLE_S for city, then in zip((one.city, many.city), before, strict=True)]
    figure("towns.idle-cpu", spent[1], "%", reference=spent[0], floor="<= 1", goal="<= 0.5")


def memory(one: Towns, many: Towns, when: str) -> None:
    sizes = [towns.city.rss() / MIB for towns in (one, many)]
    figure(
        f"towns.memory-{when}",
        sizes[1],
        "MiB",
        reference=sizes[0],
        ratio=sizes[1] / sizes[0],
        floor="<= 3",
        goal="<= 2.5",
    )


async def turns(
    name: str,
    one: Towns,
    many: Towns,
    count: int,
    call: Callable[[Towns], Awaitable[None]],
    rank: float,
    floor: str,
    goal: str,
) -> None:
    """Blocks of `count` calls to one and to many, turn by turn; `rank` is the share that was as quick or quicker."""
    for towns in (one, many):
        for _ in range(towns.size):
            await call(towns)
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(PAIRS):
        for towns, values in list(zip((one, many), found, strict=True))[:: 1 if turn % 2 else -1]:
            spent = []
            for _ in range(count):
                begun = time.perf_counter()
                await call(towns)
                spent.append((time.perf_counter() - begun) * 1000)
            values.append(sorted(spent)[min(count - 1, int(rank * count))])
    ratios = [late / early for early, late in zip(*found, strict=True)]
    figure(
        name,
        middle(found[1]),
        "ms",
        reference=middle(found[0]),
        ratio=middle(ratios),
        spread=ratios,
        floor=floor,
        goal=goal,
    )


async def main() -> None:
    async with _cities.cities() as space, AsyncExitStack() as stack:
        one, many = await filled(space, "one", others=False), await filled(space, "many", others=True)
        consumer = await space.start("c", "nachbardorf", MUNICIPALITY, environ=NO_CRAWLS)
        members = [await stack.enter_async_context(nasty_peer(space.space, f"m{n}")) for n in range(MEMBERS)]
        for city in (one.city, many.city, consumer):
            await city.api.post("/api/v1/trust/reload")
        await asyncio.sleep(SETTLED_S)
        memory(one, many, "after-start")
        await idle(one, many)
        tls = ssl.create_default_context(cafile=str(space.folder / "space" / "certs" / "dev-ca.pem"))
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)))
        asking = cycle(members)

        async def page(towns: Towns) -> None:
            await Shelf(towns.next()[0], members, session).page(next(asking))

        async def negotiation(towns: Towns) -> None:
            found = await consumer.negotiate(*towns.next())
            assert found["state"] == "FINALIZED", found

        await turns("towns.catalogue-p95", one, many, PAGES, page, 0.95, "<= 1.5", "<= 1.3")
        await turns("towns.negotiation-p50", one, many, NEGOTIATIONS, negotiation, 0.5, "<= 1.2", "<= 1.1")
        memory(one, many, "after-load")


if __name__ == "__main__":
    _cities.run(main)

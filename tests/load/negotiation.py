"""Whole negotiations between two processes: time, rate and CPU, beside Eclipse EDC and with a full database.

Two pairs of EDCs take turns with us, one with its loops at 5 ms and batches of 64 and one at 50 ms; the better of them
counts. Our consumer fetches the dataset before each negotiation. So does EDC's in the comparison that is judged; beside
it stands the one in which EDC does not. Without Java or Maven that part is left out. The same flow on PostgreSQL, with
one and two replicas a side, and with seal keys in SoftHSM has figures of its own. `--quick` takes three pairs instead
of nine and fills with 20 000 old negotiations instead of 100 000; `--ours` measures the four messages between two of
our own and nothing else.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from itertools import cycle
from pathlib import Path

import _cities
import _edc
import _elsewhere
import _old
import aiohttp
from _cities import OURS, QUICK, Cities, City, Process, figure, middle, progress

PAIRS = 3 if QUICK else 9
ALONE = 20 if QUICK else 40
CROWD = 128 if QUICK else 192
OLD = 20_000 if QUICK else 100_000
IN_FLIGHT = 64
POSTS = 500
EDC_ALONE = 2 if QUICK else 3
MESSAGE = b'{"@type":"ContractAgreementMessage","filler":"' + b"x" * 3_450 + b'"}'
Both = tuple[list[float], list[float]]
"""Seconds of one alone and negotiations per second, turn by turn."""
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
    """What two cities negotiate again and again; replicas of one are asked in turn."""

    def __init__(self, providers: Sequence[City], consumers: Sequence[City], dataset: str) -> None:
        self.provider, self.consumer, self.dataset = providers[0], consumers[0], dataset
        self._providers, self._consumers, self._asking = providers, consumers, cycle(consumers)
        self.done, self.lost, self.haggling = 0, 0, False

    async def once(self) -> float:
        """Seconds from asking until it is final; one that is not counts as lost."""
        begun = time.perf_counter()
        consumer = next(self._asking)
        talk = consumer.haggle if self.haggling else consumer.negotiate
        found = await talk(self.provider.did, self.dataset)
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
        """Seconds of either side, all its replicas together."""
        provider, consumer = (sum(city.cpu() for city in side) for side in (self._providers, self._consumers))
        return provider, consumer

    @property
    def filed(self) -> bool:
        """Whether its databases are files, into which we look."""
        return (self.provider.folder / "hanse.db").exists()

    def stuck(self) -> int:
        """Negotiations that have not come to an end, on either side, where we can look."""
        asked = "SELECT count(*) FROM negotiation WHERE state NOT IN ('FINALIZED', 'TERMINATED')"
        found = 0
        for city in (self.provider, self.consumer) if self.filed else ():
            with closing(sqlite3.connect(f"file:{city.folder / 'hanse.db'}?mode=ro", uri=True)) as db:
                found += db.execute(asked).fetchone()[0]
        return found


async def deal(space: Cities, name: str) -> Deal:
    provider, consumer = await space.pair(name)
    made = Deal([provider], [consumer], await provider.publish(b"a;b\n1;2\n"))
    await made.rate(IN_FLIGHT)
    return made


async def alone(there: Deal) -> None:
    """One at a time against the disk, pair by pair."""
    times, syncs = [], []
    for _ in range(PAIRS):
        syncs.append(sync_s(there.consumer.folder / "sync"))
        times.append(middle([await there.once() for _ in range(ALONE)]))
    ratios = [spent / sync for spent, sync in zip(times, syncs, strict=True)]
    figure(
        "negotiation.p50",
        middle(times) * 1000,
        "ms",
        reference=middle(syncs) * 1000,
        ratio=middle(ratios),
        spread=ratios,
        floor="<= 150",
        goal="<= 90",
    )


async def elsewhere(space: Cities) -> list[Deal]:
    """On PostgreSQL, with one replica a side and with two, and with seal keys in SoftHSM."""
    found = []
    with _elsewhere.cluster() as made:
        for count in (1, 2) if made is not None else ():
            assert made is not None
            progress(f"PostgreSQL, {count} replica(s) a side")
            sides = [await _elsewhere.replicas(space, made, f"{side}{count}", f"{side}{count}", count) for side in "pc"]
            found.append(await _lent(space, sides[0], sides[1], "postgres" if count == 1 else "postgres-replicas"))
    environ = _elsewhere.softhsm(space)
    if environ is not None:
        progress("seal keys in SoftHSM")
        cities = [await space.start(f"h{side}", f"h{side}", _cities.MUNICIPALITY, environ=environ) for side in "pc"]
        for city in cities:
            await _elsewhere.keep_in_softhsm(space, city, environ)
        found.append(await _lent(space, cities[:1], cities[1:], "softhsm"))
    return found


async def _lent(space: Cities, providers: Sequence[City], consumers: Sequence[City], name: str) -> Deal:
    """Its figures; the processes end with them."""
    for city in (*providers, *consumers):
        await city.api.post("/api/v1/trust/reload")
    there = Deal(providers, consumers, await providers[0].publish(b"a;b\n1;2\n"))
    await there.rate(IN_FLIGHT)
    times = [middle([await there.once() for _ in range(ALONE)]) * 1000 for _ in range(PAIRS)]
    figure(f"negotiation.{name}.p50", middle(times), "ms", spread=times)
    await crowd(there, f"negotiation.{name}", judged=False)
    await space.stop(*providers, *consumers)
    return there


async def six(there: Deal) -> None:
    """The flow of six messages: request, offer, acceptance, agreement, verification, finalization."""
    there.haggling = True
    await crowd(there, "negotiation.six", judged=False)
    there.haggling = False


async def crowd(there: Deal, name: str = "negotiation", *, judged: bool = True) -> None:
    """64 at once: the rate, and CPU per negotiation and side counted in bare POSTs. Goals are those of four messages
    on SQLite."""
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
    figure(f"{name}.rate", middle(rates), "1/s", spread=rates)
    both = [sum(each) * 1000 for each in zip(*sides, strict=True)]
    figure(
        f"{name}.cpu-both",
        middle(both),
        "ms",
        spread=both,
        floor="<= 5" if judged else None,
        goal="<= 2.9" if judged else None,
    )
    for side, spent in zip(("provider", "consumer"), sides, strict=True):
        ratios = [one / post for one, post in zip(spent, posts, strict=True)]
        figure(
            f"{name}.cpu-{side}",
            middle(spent) * 1000,
            "ms",
            reference=middle(posts) * 1000,
            ratio=middle(ratios),
            spread=ratios,
            floor="<= 70" if judged else None,
            goal="<= 40" if judged else None,
        )


@asynccontextmanager
async def bare(folder: Path) -> AsyncIterator[tuple[Process, aiohttp.ClientSession]]:
    """The bare server on a Unix socket, and a session to it."""
    place = folder / "bare.sock"
    place.unlink(missing_ok=True)  # of the flow measured before
    with subprocess.Popen([sys.executable, str(_BARE), str(place)]) as child:
        try:
            connector = aiohttp.UnixConnector(str(place))
            async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
                while not await _listens(place):
                    await asyncio.sleep(0.02)
                yield Process(child.pid), session
        finally:
            child.terminate()


async def _listens(place: Path) -> bool:
    """The socket is in its place a moment before anybody can connect to it."""
    try:
        _, writer = await asyncio.open_unix_connection(place)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


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
    figure(
        "negotiation.rate-when-full",
        middle(full_rates),
        "1/s",
        reference=middle(empty_rates),
        ratio=middle(ratios),
        spread=ratios,
        goal=">= 0.9",
    )


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
    made = Deal([provider], [consumer], there.dataset)
    await made.rate(IN_FLIGHT)
    return made


async def beside_edc(there: Deal, folder: Path) -> None:
    """The same four messages, turn by turn with two pairs of EDCs; its better setting counts.

    Who has no turn rests: four Java processes that poll every 5 ms took two thirds of our rate.
    """
    programs = _edc.programs()
    if isinstance(programs, str):
        progress(f"no comparison with Eclipse EDC: {programs}")
        return
    progress(
        f"two pairs of Eclipse EDC {programs.release}, loops of 5 ms with batches of 64, and of {_edc.LOOPS_MS} ms"
    )
    async with _edc.pair(programs, folder, 5, 64) as tuned, _edc.pair(programs, folder, _edc.LOOPS_MS) as usual:
        pairs = {"5-ms": tuned, "50-ms": usual}
        for warm in pairs.values():
            await warm.rate(2 * IN_FLIGHT, IN_FLIGHT)
            warm.rest()
        await _turns(there, pairs)
        for each in pairs.values():
            each.wake()
        await _ends(pairs)


async def _turns(there: Deal, pairs: Mapping[str, _edc.Pair]) -> None:
    ours: tuple[list[float], list[float]] = ([], [])
    theirs: Mapping[tuple[str, bool], Both] = {(name, way): ([], []) for name in pairs for way in (True, False)}
    for _ in range(PAIRS):
        ours[0].append(middle([await there.once() for _ in range(ALONE)]))
        ours[1].append(await there.rate(CROWD))
        for (name, fetching), (times, rates) in theirs.items():
            pairs[name].fetching = fetching
            pairs[name].wake()
            times.append(await pairs[name].alone(EDC_ALONE))
            rates.append(await pairs[name].rate(CROWD, IN_FLIGHT))
            pairs[name].rest()
    for (name, fetching), (times, rates) in theirs.items():
        way = "" if fetching else "-not-fetching"
        figure(f"negotiation.edc-{name}{way}.p50", middle(times) * 1000, "ms", spread=[one * 1000 for one in times])
        figure(f"negotiation.edc-{name}{way}.rate", middle(rates), "1/s", spread=rates)
    for fetching in (True, False):
        _compared(ours, [each for (_, way), each in theirs.items() if way is fetching], fetching)


def _compared(ours: Both, theirs: Sequence[Both], fetching: bool) -> None:
    """With the better of its settings, turn by turn; the floor judges where both sides fetch the dataset."""
    way = "" if fetching else "-not-fetching"
    time_s, rate = min(middle(times) for times, _ in theirs), max(middle(rates) for _, rates in theirs)
    quickest = [min(each) for each in zip(*(times for times, _ in theirs), strict=True)]
    busiest = [max(each) for each in zip(*(rates for _, rates in theirs), strict=True)]
    faster = [edc / us for us, edc in zip(ours[0], quickest, strict=True)]
    more = [us / edc for us, edc in zip(ours[1], busiest, strict=True)]
    figure(
        f"negotiation.p50-to-edc{way}",
        middle(ours[0]) * 1000,
        "ms",
        reference=time_s * 1000,
        ratio=middle(faster),
        spread=faster,
        floor=">= 12" if fetching else None,
        goal=">= 20" if fetching else None,
    )
    figure(
        f"negotiation.rate-to-edc{way}",
        middle(ours[1]),
        "1/s",
        reference=rate,
        ratio=middle(more),
        spread=more,
        floor=">= 5" if fetching else None,
        goal=">= 12" if fetching else None,
    )


async def _ends(pairs: Mapping[str, _edc.Pair]) -> None:
    """How EDC's own came to an end, on either side; both are asked after a last pause."""
    await asyncio.sleep(2)
    for name, pair in pairs.items():
        for side, states in (await pair.states()).items():
            lost, stuck = states["TERMINATED"], sum(states.values()) - states["FINALIZED"] - states["TERMINATED"]
            figure(f"negotiation.edc-{name}.lost-{side}", lost, f"of {pair.done}")
            figure(f"negotiation.edc-{name}.stuck-{side}", stuck, f"of {pair.done}")


async def main() -> None:
    async with _cities.cities() as space:
        progress("two cities, empty databases")
        there = await deal(space, "")
        await alone(there)
        await crowd(there)
        deals = [there] if OURS else [there, *await _beside_others(space, there)]
        figure("negotiation.lost", sum(one.lost for one in deals), f"of {sum(one.done for one in deals)}", goal="<= 0")
        seen = [one for one in deals if one.filed]
        figure(
            "negotiation.stuck",
            sum(one.stuck() for one in seen),
            f"of {sum(2 * one.done for one in seen)}",
            goal="<= 0",
        )


async def _beside_others(space: Cities, there: Deal) -> list[Deal]:
    """Six messages, Eclipse EDC, full databases, and what lies elsewhere."""
    await six(there)
    await beside_edc(there, space.folder)
    progress(f"two more, {OLD} old negotiations each")
    full = await filled(space, await deal(space, "x"))
    await with_old(there, full)
    return [full, *await elsewhere(space)]


if __name__ == "__main__":
    _cities.run(main)

"""Who is asked when: everybody on the list but ourselves, one at a time per host, by one process, ever less in vain."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.search import store as copies
from connector.data.federation import crawler, decide, store
from connector.data.federation.crawler import ENROL_MS, FIRST_MS, Crawler
from connector.data.federation.model import CataloguePage
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.sections import Federation
from connector.foundation.storage import lease, open_database
from connector.foundation.storage.database import PROCESS
from connector.foundation.telemetry import Metrics
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import Leaving
from connector.identity.trust.members.successors import Step, Successors
from connector.identity.trust.members.trust_list import Entry
from tests.conftest import TOWNS
from tests.data.federation.stage import catalogue_page, entry
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.patience import eventually
from tests.testkit.towns import Towns

HERE, THERE = TOWNS
SEA, HILL, LAKE = "did:web:seestadt.example", "did:web:host.example:berg", "did:web:host.example:see"


def member(did: str, **changes: Any) -> Entry:
    values = {
        "did": did,
        "name": did,
        "operator": did,
        "kind": MUNICIPALITY,
        "groups": (),
        "state": "active",
        "valid_from": "2020-01-01T00:00:00Z",
        **changes,
    }
    return Entry(**values)


class List:
    """A trust list that a test writes."""

    def __init__(self, *entries: Entry) -> None:
        self.write(*entries)
        self.version = 1
        self.gone: tuple[str, ...] = ()

    def write(self, *entries: Entry) -> None:
        self.participants, self.version = entries, getattr(self, "version", 0) + 1

    @property
    def current(self) -> "List":
        return self

    @property
    def edition(self) -> int:
        return self.version

    def neighbours(self, own: str, now: int) -> tuple[Entry, ...]:
        return self.participants

    def line_for(self, own: str = "") -> Successors:
        return Successors(Step(did, "did:web:heir.example", 0) for did in self.gone)

    def entry(self, did: str) -> Entry | None:
        return next((one for one in self.participants if one.did == did), None)


class Network:
    """Members without inventories; `open` holds them back while it is not set, `at` is who is being asked now."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.at: list[str] = []
        self.most: dict[str, int] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.silent: set[str] = set()

    async def inventory(self, slug: str, did: str) -> str | None:
        return None

    async def get(self, *args: Any, **kw: Any) -> Answer:
        raise AssertionError

    async def post(self, *args: Any, **kw: Any) -> Answer:
        raise AssertionError

    async def page(self, slug: str, did: str, url: str | None, offset: int = 0) -> CataloguePage:
        if offset:
            return catalogue_page(0)
        host = did.split(":")[2]
        self.asked.append((slug, did))
        self.at.append(did)
        self.most[host] = max(self.most.get(host, 0), sum(f":{host}" in one for one in self.at))
        try:
            await self.open.wait()
        finally:
            self.at.remove(did)
        if did in self.silent:
            raise Unavailable("http.unreachable", host=host)
        return catalogue_page(0, entry(f"https://{host}/x"))


class Scene:
    """A crawler over a database with two towns, and a clock that a test moves."""

    def __init__(self, towns: Towns, clock: FakeClock, **settings: Any) -> None:
        self.db, self.clock, self.towns = towns.db, clock, towns
        self.list, self.network = List(member(SEA)), Network()
        self.settings = Federation(**settings)
        self.crawler = self.replica("one")

    def replica(self, name: str) -> Crawler:
        anchor: Any = self.list
        return Crawler(
            self.db,
            self.clock,
            self.towns.participants,
            anchor,
            self.network,
            name,
            self.settings,
            Metrics(),
            None,
            lambda: 0.0,
        )

    async def begun(self, count: int) -> None:
        """Looks, and waits until so many are being asked, who are held back."""
        self.network.open.clear()
        await self.crawler.look()
        await eventually(lambda: len(self.network.at) >= count)

    async def look(self, ms: int = 0) -> list[tuple[str, str]]:
        """Who is asked when the clock has gone on by so much."""
        self.clock.advance(ms)
        before = len(self.network.asked)
        await self.crawler.look()
        await self.crawler.idle()
        return sorted(self.network.asked[before:])


@pytest.fixture
async def scene(migrated: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    """On SQLite, whose time is the test's."""
    clock = FakeClock()
    db = open_database(f"sqlite://{shutil.copy(migrated, tmp_path / 'hanse.db')}", clock=clock)
    await db.start()
    towns = Towns(db, tmp_path, clock)
    await towns.add(*TOWNS)
    scene = Scene(towns, clock)
    yield scene
    scene.network.open.set()
    await scene.crawler.stop()
    await db.close()


async def test_everybody_is_asked_after_a_while_and_then_once_a_period(scene: Scene) -> None:
    """>> a member is new << a minute later asked for both towns; an hour later again, not before."""
    assert await scene.look() == []
    assert await scene.look(FIRST_MS) == [(HERE, SEA), (THERE, SEA)]
    assert await scene.look(50 * 60_000) == []
    assert await scene.look(5 * 60_000) == [(HERE, SEA), (THERE, SEA)]


async def test_nobody_asks_itself_a_suspended_member_or_before_there_is_a_list(scene: Scene) -> None:
    own, gone = member(scene.towns.did(HERE)), member(HILL, state="suspended")
    scene.list.write(own, gone, member(LAKE, valid_until="2021-01-01T00:00:00Z"))
    await scene.look()
    assert await scene.look(FIRST_MS) == [(THERE, scene.towns.did(HERE))]


async def test_a_member_listed_while_the_list_before_is_put_down_is_not_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a newer list names one more while those of the older one are written << it is asked like the others."""
    older = scene.list.neighbours

    def neighbours(own: str, now: int) -> tuple[Entry, ...]:
        monkeypatch.undo()
        asyncio.get_running_loop().call_soon(scene.list.write, member(SEA), member(HILL))
        return older(own, now)

    monkeypatch.setattr(scene.list, "neighbours", neighbours)
    await scene.look()
    await scene.look()
    assert await scene.look(FIRST_MS) == sorted((town, one) for town in TOWNS for one in (SEA, HILL))


async def test_many_pairs_are_asked_less_often(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two towns, one member; a process may ask one in two hours << each is asked after four, not every hour."""
    monkeypatch.setattr(crawler, "MOST_PER_S", 1 / 7_200)
    await scene.look()
    assert await scene.look(FIRST_MS) == [(HERE, SEA), (THERE, SEA)]
    assert await scene.look(200 * 60_000) == []
    assert await scene.look(20 * 60_000) == [(HERE, SEA), (THERE, SEA)]


@pytest.mark.threat("T171")
async def test_bug_a_list_that_a_neighbour_joined_made_all_ask_seldom(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: >> one town asks one member, its neighbour has joined a space of a thousand << the town asked its member as
    seldom as if it had them all; it asks every hour, the neighbour by its thousand."""
    monkeypatch.setattr(crawler, "MOST_PER_S", 1.0)
    here, many = (member(SEA),), tuple(member(f"did:web:m{number}.example") for number in range(3_000))
    monkeypatch.setattr(scene.list, "neighbours", lambda own, now: here if own == scene.towns.did(HERE) else many)
    scene.list.write(*here, *many)
    await scene.look()
    assert [scene.crawler._period(one) for one in (HERE, THERE)] == [scene.crawler._bounds.every_ms, 6_000_000]
    assert (HERE, SEA) in await scene.look(FIRST_MS)
    assert (HERE, SEA) in await scene.look(2 * scene.crawler._bounds.every_ms)


async def test_only_so_many_are_begun_in_a_while(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two towns, three members; two crawls to begin with and one a minute << two, then one more each minute."""
    monkeypatch.setattr(crawler, "FIRST", 2)
    monkeypatch.setattr(crawler, "MOST_PER_S", 1 / 60)
    scene.list.write(member(SEA), member(HILL), member(LAKE))
    scene.crawler = scene.replica("slow")
    await scene.look()
    asked = [len(await scene.look(FIRST_MS + 1_000)), *[len(await scene.look(60_000)) for _ in range(5)]]
    assert (asked, sum(asked)) == ([3, 1, 1, 1, 0, 0], 6)


async def test_a_neighbour_that_publishes_is_asked_at_once(scene: Scene) -> None:
    """>> both towns are members; one publishes << the other asks it at the next look, and nobody asks anybody else."""
    there = scene.towns.did(THERE)
    scene.list.write(member(SEA), member(there), member(scene.towns.did(HERE)))
    await scene.look()
    await scene.look(FIRST_MS)
    assert await scene.look(60_000) == []
    record = {"offer": "o", "action": "published"}
    await scene.db.write(THERE, lambda tx: audit.append(tx, THERE, "publication", None, "steward", record, did=there))
    assert await scene.look(15_000) == [(HERE, there)]
    assert await scene.look(15_000) == []


async def test_a_member_that_is_silent_is_asked_ever_less_often(scene: Scene) -> None:
    """>> silent for a day << the pauses double up to six hours; heard once, it is asked each hour again."""
    scene.network.silent = {SEA}
    await scene.look()
    await scene.look(FIRST_MS)
    pauses, waited = [], 0
    for _ in range(24 * 60):
        waited += 60_000
        if await scene.look(60_000):
            pauses.append(waited)
            waited = 0
    assert pauses == sorted(pauses)
    assert 8 <= len(pauses) <= 16
    assert decide.LONGEST_MS // 2 <= pauses[-1] <= decide.LONGEST_MS
    assert scene.crawler._silent == {(HERE, SEA), (THERE, SEA)}
    scene.network.silent = set()
    await scene.look(decide.LONGEST_MS)
    assert scene.crawler._silent == set()
    assert await scene.look(55 * 60_000) == [(HERE, SEA), (THERE, SEA)]


async def test_one_host_is_asked_one_thing_at_a_time(scene: Scene) -> None:
    """>> two members on one host, one on another, two towns << never two at once on one host."""
    scene.list.write(member(SEA), member(HILL), member(LAKE))
    await scene.look()
    scene.clock.advance(FIRST_MS)
    await scene.begun(2)
    await scene.crawler.look()  # a look while they are asked begins nothing there
    assert len(scene.crawler._tasks) == 2
    scene.network.open.set()
    await scene.crawler.idle()
    assert len(scene.network.asked) == 6
    assert scene.network.most == {"host.example": 1, "seestadt.example": 1}


async def test_a_member_that_is_away_is_away_for_all_of_us(scene: Scene) -> None:
    """>> it cannot be reached for the one town << booked for both, asked once."""
    scene.network.silent = {SEA}
    await scene.look()
    assert len(await scene.look(FIRST_MS)) == 1
    for town in TOWNS:
        told = (await scene.db.read(town, copies.members, town))[SEA]
        assert (told.code, told.failing_since is None) == ("http.unreachable", False)


async def test_only_so_many_are_asked_at_once(scene: Scene) -> None:
    scene.settings = Federation(at_once=3)
    scene.crawler = scene.replica("few")
    scene.list.write(*(member(f"did:web:m{n}.example") for n in range(9)))
    await scene.look()
    scene.clock.advance(FIRST_MS)
    await scene.begun(3)
    await scene.crawler.look()
    assert len(scene.crawler._tasks) == 3


@pytest.mark.on_both
async def test_two_replicas_do_not_crawl_the_same(towns: Towns) -> None:
    """>> a second process is to read what the first one reads, on either database << it says so; afterwards it may."""
    scene = Scene(towns, FakeClock())
    one, two = scene.replica("one"), scene.replica("two")
    scene.network.open.clear()
    task = asyncio.create_task(one.now(HERE, SEA))
    await eventually(lambda: bool(scene.network.at))
    with pytest.raises(Unavailable, match=r"federation\.running"):
        await two.now(HERE, SEA)
    scene.network.open.set()
    assert (await task).fetched == 1
    assert (await two.now(HERE, SEA)).error is None


async def test_a_process_that_hung_books_nothing_any_more(scene: Scene) -> None:
    """>> its lease runs out while it reads, another process reads and books << the first one's word is not taken."""
    scene.network.open.clear()
    task = asyncio.create_task(scene.crawler.now(HERE, SEA))
    await eventually(lambda: bool(scene.network.at))
    scene.clock.advance(3_600_000)
    scene.network.open.set()
    assert (await scene.replica("two").now(HERE, SEA)).fetched == 1
    with pytest.raises(Unavailable, match=r"federation\.running"):
        await task


async def test_stopping_gives_up_what_is_under_way_and_frees_it(scene: Scene) -> None:
    """>> stopped in the middle << the next process may begin at once."""
    await scene.look()
    scene.clock.advance(FIRST_MS)
    await scene.begun(1)
    slug = scene.network.asked[0][0]
    await scene.crawler.stop()
    scene.network.open.set()
    assert (await scene.replica("two").now(slug, SEA)).error is None


async def test_a_member_that_left_the_list_is_forgotten_a_suspended_one_is_not(scene: Scene) -> None:
    """>> read; suspended << the copy stays; struck off << nothing of it is left."""
    await scene.look()
    await scene.look(FIRST_MS)
    scene.list.write(member(SEA, state="suspended"))
    await scene.look(ENROL_MS)
    assert len(await scene.db.read(HERE, copies.held, HERE, SEA)) == 1
    scene.list.write()
    await scene.look()
    assert await scene.db.read(HERE, copies.held, HERE, SEA) == {}
    assert await scene.db.read(HERE, store.states, HERE) == []


async def test_of_a_member_whose_place_another_has_taken_nothing_stays(scene: Scene) -> None:
    """>> read; the list names a successor of it << its copies go, it is not asked again, though it is listed still."""
    await scene.look()
    await scene.look(FIRST_MS)
    assert len(await scene.db.read(HERE, copies.held, HERE, SEA)) == 1
    scene.list.gone = (SEA,)
    scene.list.write(member(SEA))
    await scene.look()
    assert await scene.db.read(HERE, copies.held, HERE, SEA) == {}
    assert await scene.db.read(HERE, store.states, HERE) == []


async def test_who_leaves_reads_nothing_any_more(scene: Scene) -> None:
    """>> a participant is closing << it is not asked for, a reading is refused, its copies go and others' stay."""
    await scene.look()
    for town in (HERE, THERE):
        await scene.crawler.now(town, SEA)
    await scene.crawler.idle()
    await scene.db.write(HERE, lambda tx: tx.run("UPDATE participant SET state = 'closing' WHERE id = :p", p=HERE))
    await scene.towns.participants.load()
    assert await scene.look(2 * FIRST_MS) == []
    with pytest.raises(Leaving):
        await scene.crawler.now(HERE, SEA)
    assert [len(await scene.db.read(town, copies.held, town, SEA)) for town in (HERE, THERE)] == [0, 1]
    assert [len(await scene.db.read(town, store.states, town)) for town in (HERE, THERE)] == [0, 1]


async def test_the_lease_of_a_crawl_leaves_nothing_behind(scene: Scene) -> None:
    await scene.crawler.now(HERE, SEA)
    name = f"crawl:{HERE}:{SEA}"
    left = await scene.db.read(PROCESS, lambda tx: tx.all("SELECT name FROM lease WHERE name = :name", name=name))
    assert left == []
    assert await scene.db.write(PROCESS, lease.take, name, "anybody", 1000) == 1

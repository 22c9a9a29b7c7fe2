"""Who is asked when: each member for each of our participants, one at a time per host, spread over the period.

A pair of participant and member is crawled by one process at a time (a lease); what a process that lost it still brings
is not booked. Members that are asked in vain are asked ever less often, whoever of us asks (decision 0064).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import zip_longest
from typing import Final

import structlog
from msgspec.structs import replace

from connector.data.federation import decide, store
from connector.data.federation.booking import Bounds
from connector.data.federation.crawl import Crawl, Fetch
from connector.data.federation.model import CrawlResult
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Unauthenticated, Unavailable
from connector.foundation.http.address import target
from connector.foundation.ids import new_uuid
from connector.foundation.settings.sections import Federation as Settings
from connector.foundation.storage import lease
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from connector.foundation.telemetry import Metrics
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.service import Participants
from connector.identity.trust.did import did as dids
from connector.identity.trust.members.trust_list import Anchor

log = structlog.get_logger("federation")
_CHANCE: Final = random.Random()  # noqa: S311  spread, not secrecy; its own, so that nobody's seed makes towns ask at once
FIRST_MS: Final = 60_000
"""A new member is asked between one and two of these after it was first seen on the list."""
ENROL_MS: Final = 600_000
"""Who is due and no member now is looked at again so much later: memberships begin and end by time."""
SAME_MS: Final = 6 * 3_600_000
"""So often the list is looked through although it is the same one, should anybody be missing."""
MOST_PER_S: Final = 1.0
"""Crawls a second that a process begins by itself, all its participants together (decision 0092)."""
MOST_AT_ONCE, FIRST = 2_000, 100
"""How many may be saved up, for towns that are new, and how many a process has when it starts."""
MOST_DUE: Final = 2_000
WAIT_S, PERSON_S = 10.0, 60.0
"""How long a person waits for a host that is being asked already, and for one crawl."""
TURN_S: Final = 60.0
AWAY: Final = frozenset({"http.unreachable", "http.too-slow", "peer.no-versions"})
"""Codes that say that a member cannot be reached, whoever asks."""
CLOSING_S: Final = 30.0
"""For what a crawl books after its time is over, before another process may begin."""


Beside = Callable[[str, str, str], Awaitable[None]]
"""(participant, its DID, member): what else is asked of a member that was read; raises nothing that is its fault."""


class Crawler:
    """Begins what is due; `look` returns at once, `now` waits for one crawl."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        anchor: Anchor,
        fetch: Fetch,
        me: str,
        settings: Settings,
        metrics: Metrics,
        beside: Beside | None = None,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._db, self._clock, self._participants, self._anchor = db, clock, participants, anchor
        self._fetch, self._me, self._settings, self._metrics, self._chance = fetch, me, settings, metrics, chance
        self._bounds = Bounds(
            datasets=settings.datasets,
            bytes=settings.bytes,
            crawl_s=settings.crawl_s,
            every_ms=int(settings.every_s * 1000),
        )
        self._beside = beside
        self._hosts: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._enrolled: dict[str, tuple[int, int]] = {}
        self._silent: set[tuple[str, str]] = set()
        self._published: Mapping[str, int] | None = None
        """The newest record of a publication in each log here, as of the last look."""
        self._places: tuple[int, Mapping[str, str]] = (-1, {})
        self._pairs: Mapping[str, int] = {}
        """How many members each participant that takes part has to ask."""
        self._budget, self._filled = float(FIRST), clock.steady()
        metrics.gauge(
            "hanse_federation_silent",
            "Members whose catalogue could not be read lately, for each participant.",
            lambda: float(len(self._silent)),
        )

    async def look(self) -> None:
        """Begins what is due, host by host, as many hosts as may be asked at once."""
        waiting = dict[str, list[tuple[str, str]]]()
        hosted = await self._participants.all()
        active, asked = dict[str, str](), dict[str, int]()
        for one in hosted:
            if one.participant.state != "active":
                await self._leave(one.participant.id)
            elif (many := await self._enrol(one.participant.id, one.participant.did)) is not None:
                active[one.participant.id], asked[one.participant.id] = one.participant.did, many
        if not active:
            return
        self._pairs = asked
        await self._sooner(active)
        latest = max(map(self._latest, active))
        slugs = [slug for slug in await self._db.read(WORKER, store.crawling, latest) if slug in active]
        _CHANCE.shuffle(slugs)  # nobody is always the last
        due = {slug: await self._db.read(slug, store.due, slug, self._latest(slug), MOST_DUE) for slug in slugs}
        for slug, did in in_turn(due):  # who has thousands to ask goes before nobody else's first
            if self._admitted(did):
                waiting.setdefault(_host(did), []).append((slug, did))
            else:
                await self._db.write(slug, store.postpone, slug, did, self._clock.now() + ENROL_MS)
        self._refill()
        for host, pairs in waiting.items():
            if len(self._tasks) >= self._settings.at_once:
                break
            if not self._lock(host).locked() and (some := pairs[: int(self._budget)]):
                self._budget -= len(some)
                await self._begin(some)

    async def now(self, slug: str, did: str, crawl_s: float = PERSON_S, away: HanseError | None = None) -> CrawlResult:
        """Crawls one member for one participant, in `crawl_s` seconds at most; of one that is `away` that is booked.

        Raises Unavailable if its host is busy for long, or another process is at it; Closed for whom leaves.
        """
        host = self._lock(_host(did))
        try:
            async with asyncio.timeout(WAIT_S):
                await host.acquire()
        except TimeoutError as busy:
            raise Unavailable("federation.running") from busy
        try:
            async with self._leased(slug, did) as ours:
                return await self._crawl(slug, did, ours, min(crawl_s, self._bounds.crawl_s), away)
        finally:
            host.release()

    async def enrol(self, slug: str) -> None:
        """Puts down who is on the list now; else the next look does."""
        await self._enrol(slug, (await self._participants.get(slug)).participant.did)

    async def idle(self) -> None:
        """Until what was begun is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """What is on its way is given up; what it has kept stays."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _leave(self, slug: str) -> None:
        """Who leaves searches no more: its copies go at once, not when its records do, years later."""
        for state in await self._db.read(slug, store.states, slug):
            await self._db.write(slug, store.forget, slug, state.provider)

    async def _begin(self, pairs: Sequence[tuple[str, str]]) -> None:
        task = asyncio.create_task(self._turn(pairs), name="crawl")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # it has taken its host now

    async def _turn(self, pairs: Sequence[tuple[str, str]]) -> None:
        """One host, for as long as a turn lasts: what is left is due all the same, and others come in between.

        A member that could not be reached for one of us is booked so for the others without asking it again.
        """
        away, ends = dict[str, HanseError](), self._clock.steady() + int(TURN_S * 1000)
        for slug, did in pairs:
            if self._clock.steady() >= ends:
                break
            told = await self._apart(slug, did, away.get(did))
            if told is not None and told.error is not None and told.error.code in AWAY:
                away[did] = told.error

    async def _apart(self, slug: str, did: str, away: HanseError | None) -> CrawlResult | None:
        """What fails with one member fails nothing else."""
        try:
            return await self.now(slug, did, self._bounds.crawl_s, away)
        except HanseError as error:
            log.info("federation.not-crawled", participant=slug, member=did, why=str(error))
        except Exception:
            # The outermost edge of a crawl.
            log.exception("federation.defect", participant=slug, member=did)
            later = self._clock.now() + decide.LONGEST_MS
            await self._db.write(slug, store.postpone, slug, did, later)
        return None

    async def _crawl(
        self, slug: str, did: str, ours: Callable[[Tx], None], crawl_s: float, away: HanseError | None
    ) -> CrawlResult:
        bounds = replace(self._bounds, crawl_s=crawl_s, every_ms=self._period(slug))
        own = (await self._participants.get(slug)).participant.did
        former = self._anchor.line_for(own).predecessors(did, self._clock.now())
        crawl = Crawl(self._db, self._fetch, bounds, self._roots(), ours, slug, did, self._chance, former)
        done = await (crawl.run() if away is None else crawl.fail(away))
        outcome = "failed" if done.error else "doubted" if done.doubted else "unchanged" if done.unchanged else "read"
        (self._silent.discard if done.error is None else self._silent.add)((slug, did))
        self._metrics.count("hanse_crawls_total", "Crawls of members' catalogues, by outcome.", outcome=outcome)
        if done.error is not None:
            log.info("federation.failed", participant=slug, member=did, why=str(done.error))
        elif self._beside is not None:
            await self._beside(slug, own, did)
        return done

    @asynccontextmanager
    async def _leased(self, slug: str, did: str) -> AsyncIterator[Callable[[Tx], None]]:
        name, owner = f"crawl:{slug}:{did}", f"{self._me}:{new_uuid()[:8]}"
        length = int((self._bounds.crawl_s + CLOSING_S) * 1000)
        fence = await self._db.write(PROCESS, lease.take, name, owner, length)
        if fence is None:
            raise Unavailable("federation.running")
        try:
            yield partial(_ours, slug=slug, name=name, owner=owner, fence=fence)
        finally:
            await asyncio.shield(self._db.write(PROCESS, lease.forget, name, owner, fence))

    async def _enrol(self, slug: str, own: str) -> int | None:
        """Everybody on the list is asked by and by, but for those whose place another has taken: what they showed goes
        from here, and comes from that one. How many are listed; None while there is no list."""
        edition = self._anchor.edition  # of what is put down: while that is written a newer list may come
        try:
            listed = self._anchor.neighbours(own, self._clock.now())
        except Unauthenticated:
            return None
        now = self._clock.steady()
        version, until = self._enrolled.get(slug, (-1, 0))
        if version != edition or now >= until:
            gone = frozenset(self._anchor.line_for(own).succeeded(self._clock.now()))
            first = {
                one.did: self._clock.now() + FIRST_MS + int(FIRST_MS * self._chance())
                for one in listed
                if one.did != own and one.did not in gone
            }
            await self._db.write(slug, store.enrol, slug, first)
            self._enrolled[slug] = (edition, now + SAME_MS)
            self._silent = {pair for pair in self._silent if pair[0] != slug or pair[1] in first}
        return len(listed)

    def _admitted(self, did: str) -> bool:
        entry = self._anchor.entry(did)
        return entry is not None and entry.admitted(self._clock.now())

    def _refill(self) -> None:
        """What may be begun now: so much a second, saved up for when many are new at once."""
        now = self._clock.steady()
        self._budget = min(MOST_AT_ONCE, self._budget + (now - self._filled) / 1000 * MOST_PER_S)
        self._filled = now

    def _period(self, slug: str) -> int:
        """Milliseconds until a member is asked again: longer where many towns of one process ask many members. Each has
        the same share, so that who joined a space of thousands waits for them, and nobody beside it (threat T171)."""
        many = self._pairs.get(slug, 0) * len(self._pairs)
        return max(self._bounds.every_ms, int(many * 1000 / MOST_PER_S))

    def _latest(self, slug: str) -> int:
        """What is due behind it was put down by a wrong clock."""
        return self._clock.now() + max(2 * self._period(slug), decide.LONGEST_MS)

    async def _sooner(self, active: Mapping[str, str]) -> None:
        """Whoever here has published something new is asked by its neighbours in this process at once."""
        before, now = self._published, await self._db.read(WORKER, store.published)
        self._published = now
        if before is None:
            return
        news = [active[slug] for slug, at in now.items() if slug in active and before.get(slug, 0) != at]
        for slug in active if news else ():
            await self._db.write(slug, store.sooner, slug, news)

    def _roots(self) -> Mapping[str, str]:
        """Where the DIDs of members place them; what an operator entered for one is not known to others."""
        if self._places[0] == self._anchor.edition:
            return self._places[1]
        found = dict[str, str]()
        for one in self._anchor.current.participants:
            try:
                found[decide.place_of(dids.root_of(dids.parse(one.did)))] = one.did
            except HanseError:
                continue
        self._places = self._anchor.edition, found
        return found

    def _lock(self, host: str) -> asyncio.Lock:
        return self._hosts.setdefault(host, asyncio.Lock())


def in_turn(due: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """The first of each, then the second of each, and so on."""
    for several in zip_longest(*due.values()):
        yield from ((slug, did) for slug, did in zip(due, several, strict=True) if did is not None)


def _ours(tx: Tx, *, slug: str, name: str, owner: str, fence: int) -> None:
    """Raises unless the crawl is still ours to book, and the participant still takes part."""
    require_active(tx, slug)
    if not lease.holds(tx, name, owner, fence):
        raise Unavailable("federation.running")


def _host(did: str) -> str:
    """Where the member's DID places it; its connector may be elsewhere, and is asked through that place."""
    try:
        there = target(dids.root_of(dids.parse(did)))
    except HanseError:
        there = None
    return did if there is None else str(there.origin)

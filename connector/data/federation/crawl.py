"""One crawl of one member's catalogue for one participant: what differs is fetched, what is missing is forgotten.

What was fetched is kept portion by portion, so a process that dies takes nothing away; forgetting is the last thing, in
one transaction, and only after a whole listing. Whatever goes wrong is booked and removes nothing (threat T80). An
entry is always fetched by the participant that is to have it: a hash that a member names proves nothing (threat T81).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec
import structlog

from connector.data.catalogue.search.copies import Copy, copy_of
from connector.data.federation import decide, listing
from connector.data.federation.booking import Booking, Bounds, Partial
from connector.data.federation.listing import Listing, ListingChanged, Reader, Walk
from connector.data.federation.model import CataloguePage, CrawlResult, CrawlState, SetAside
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Database, Tx

log = structlog.get_logger("federation")
READINGS: Final = 3
"""How often an inventory is begun anew because it was changed meanwhile."""
PACE_S, PAUSES = 1.0, 30
"""Who answers only so many requests a second (429) is asked more slowly."""
ELSEWHERE: Final = frozenset({404, 405, 410, 501})
"""Statuses that say that there is no inventory there (any more)."""
AGAIN: Final = frozenset({"federation.entry-hash", "federation.entry-elsewhere", "http.answer-size"})
"""What may have been another answer's fault, or a list's that did not say yet whose place the member has taken: such an
entry is looked at again the next time, however it is called."""


class Fetch(Protocol):
    """How a member is asked in a participant's name: below its root, with a fresh token, within limits."""

    async def inventory(self, slug: str, did: str) -> str | None:
        """Where its inventory is, if it says that it has one."""

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer: ...

    async def page(self, slug: str, did: str, url: str | None, offset: int = 0) -> CataloguePage:
        """A page of its catalogue; None: the first. `offset`: behind so many entries, for who names no next page."""


class _NoInventory(PeerError):
    """The member has no inventory, whatever it said."""


class Crawl:
    """`roots`: root -> DID of all members; `former`: whose place this one has taken; the rest is what its booking
    needs."""

    def __init__(
        self,
        db: Database,
        fetch: Fetch,
        bounds: Bounds,
        roots: Mapping[str, str],
        ours: Callable[[Tx], None],
        slug: str,
        did: str,
        chance: Callable[[], float],
        former: Collection[str] = (),
    ) -> None:
        self._fetch, self._bounds, self._roots, self._slug, self._did = fetch, bounds, roots, slug, did
        self._names = frozenset((did, *former))
        self._booking = Booking(db, bounds, ours, slug, did, chance)
        self._unsure = False
        """Whether something that was listed could not be had as it was listed: then the listing is read again."""

    async def run(self) -> CrawlResult:
        """Books how it went and says so; never raises what is the member's or the network's fault."""
        try:
            async with asyncio.timeout(self._bounds.crawl_s) as timer:
                return await self._read()
        except TimeoutError as slow:
            if not timer.expired():
                raise
            error: HanseError = Unavailable("federation.slow", seconds=int(self._bounds.crawl_s))
            error.__cause__ = slow
        except HanseError as fault:
            error = fault
        return await self._booking.fail(error)

    async def fail(self, error: HanseError) -> CrawlResult:
        """Books that the member could not be reached, without asking it."""
        return await self._booking.fail(error)

    async def _read(self) -> CrawlResult:
        state = await self._booking.begin()
        address = await self._fetch.inventory(self._slug, self._did)
        if address is not None:
            try:
                return await self._by_inventory(address, state)
            except _NoInventory as none:
                log.info("federation.no-inventory", participant=self._slug, member=self._did, why=str(none))
        return await self._by_catalogue(state)

    # By an inventory

    async def _by_inventory(self, address: str, state: CrawlState) -> CrawlResult:
        self._booking.form = "inventory"
        known = state.digest if state.form == "inventory" and state.doubted_at is None else None
        found = await self._whole(address, known)
        if found is None:
            return await self._booking.finish(state, (), known, unchanged=True)
        self._booking.listed = found.size
        held = await self._booking.held()
        differing = decide.difference(found.items, held, self._booking.aside)
        entries = f"{address.rpartition('/')[0]}/datasets"
        wanted, size = await self._fit(differing.wanted, found.items), self._bounds.portion
        for first in range(0, len(wanted), size):
            await self._portion(entries, wanted[first : first + size], found.items)
        if found.capped:
            raise Partial("federation.too-many", most=self._bounds.datasets)
        await self._booking.readmit(found.items)
        digest = None if self._unsure else found.digest
        doubted = decide.doubtful(held, len(found.items), len(differing.gone), proven=True)
        return await self._booking.finish(state, differing.gone, digest, doubted=doubted)

    async def _whole(self, address: str, known: str | None) -> Listing | None:
        """The listing; None if it is the one that we know."""
        for _ in range(READINGS):
            reader = Reader(self._did, self._bounds.datasets)
            headers = None if known is None else {"If-None-Match": f'"{known}"'}
            try:
                while True:
                    query = f"?after={quote(reader.last, safe='')}" if reader.last else ""
                    answer = await self._asked(address + query, headers)
                    if answer.status == 304 and known is not None:
                        return None
                    found = await asyncio.to_thread(reader.read_page, answer.body)
                    if found is not None:
                        return found
                    headers = None
            except ListingChanged:
                known = None
        raise Unavailable("federation.changing")

    async def _asked(self, url: str, headers: Mapping[str, str] | None) -> Answer:
        answer = await self._paced(
            lambda: self._fetch.get(self._slug, self._did, url, limit=listing.PAGE_BYTES, headers=headers)
        )
        if answer.status in ELSEWHERE:
            raise _NoInventory("federation.refused", status=answer.status)
        if answer.status != 200 and not (answer.status == 304 and headers is not None):
            raise PeerError("federation.refused", status=answer.status)
        return answer

    async def _fit(self, names: Sequence[str], told: Mapping[str, str]) -> list[str]:
        """Entries that may be asked for at all; the others are set aside by their names."""
        good, odd = list[str](), list[SetAside]()
        for name in names:
            fault = self._misnamed(name)
            if fault is None:
                good.append(name)
            else:
                odd.append(_aside(listing.told_as(name), told[name], fault))
        await self._keep((), odd)
        return good

    async def _portion(self, address: str, names: Sequence[str], told: Mapping[str, str]) -> None:
        """Fetches these entries and keeps them; what is not given was hidden since, or never there."""
        todo = list(names)
        while todo:
            asked, got = await self._answered(address, todo, told)
            done = 1 + max(asked.index(name) for name in got) if got else len(asked)
            await self._sorted(got, [name for name in asked[:done] if name not in got], told)
            todo = todo[done:]

    async def _answered(
        self, address: str, names: Sequence[str], told: Mapping[str, str]
    ) -> tuple[Sequence[str], dict[str, Copy | HanseError]]:
        """The entries that were asked for in the end, and what was given for each."""
        question = listing.asked(names)
        try:
            answer = await self._paced(
                lambda: self._fetch.post(self._slug, self._did, address, question, limit=listing.ANSWER_BYTES)
            )
        except PeerError as fault:
            if fault.code != "http.answer-size":
                raise
            if len(names) > 1:
                return await self._answered(address, names[: len(names) // 2], told)
            return names, {names[0]: fault}
        if answer.status != 200:
            raise PeerError("federation.refused", status=answer.status)
        return names, await asyncio.to_thread(_copies, answer.body, {name: told[name] for name in names})

    async def _sorted(
        self, got: Mapping[str, Copy | HanseError], absent: Sequence[str], told: Mapping[str, str]
    ) -> None:
        good = [(one, told[name]) for name, one in got.items() if isinstance(one, Copy)]
        odd = [_aside(name, told[name], one) for name, one in got.items() if isinstance(one, HanseError)]
        odd += [SetAside(dataset=name, told="", code="federation.entry-absent") for name in absent]
        await self._keep(good, odd)

    async def _keep(self, good: Sequence[tuple[Copy, str]], odd: Sequence[SetAside]) -> None:
        self._unsure = self._unsure or any(not one.told for one in odd)
        await self._booking.keep(good, odd)

    # By the whole catalogue

    async def _by_catalogue(self, state: CrawlState) -> CrawlResult:
        self._booking.form = "catalogue"
        held, listed, nameless, walk = await self._booking.held(), dict[str, str](), 0, Walk()
        place: tuple[str | None, int] | None = (None, 0)
        while place is not None:
            page = await self._paced_page(*place)
            fresh = [entry for entry in page.entries if entry["@id"] not in listed]
            good, odd = await asyncio.to_thread(self._differing, fresh, held, listed)
            odd += [self._unread(one.name, one.pointer) for one in page.unread if one.name is not None]
            listed |= {one.dataset: "" for one in odd if one.dataset not in listed}
            nameless += sum(one.name is None for one in page.unread)
            await self._booking.keep(good, odd)
            self._booking.listed = len(listed)
            place = walk.following(page, bool(fresh))
            if len(listed) > self._bounds.datasets:
                raise Partial("federation.too-many", most=self._bounds.datasets)
        gone = [name for name in held if name not in listed]
        await self._booking.readmit(listed)
        unsure = bool(gone) and (nameless > 0 or walk.shifting)
        doubted = unsure or decide.doubtful(held, len(listed), len(gone), proven=False)
        return await self._booking.finish(state, gone, None, doubted=doubted)

    def _differing(
        self, entries: Sequence[dict[str, Any]], held: Mapping[str, str | None], listed: dict[str, str]
    ) -> tuple[list[tuple[Copy, str]], list[SetAside]]:
        """What is not held as it is shown; `listed` learns of every entry. Of two of one name the first counts."""
        good, odd = list[tuple[Copy, str]](), list[SetAside]()
        for entry in entries:
            name = str(entry["@id"])
            if name in listed:
                continue
            bare = {key: value for key, value in entry.items() if key != "@context"}
            told = sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()
            listed[name] = told
            if held.get(name) == told or self._booking.aside.get(name) == told:
                continue
            fault = self._misnamed(name)
            try:
                if fault is not None:
                    raise fault
                good.append((copy_of(bare), told))
            except HanseError as why:
                odd.append(_aside(listing.told_as(name), told, why))
        return good, odd

    def _unread(self, name: str, pointer: str) -> SetAside:
        return SetAside(
            dataset=listing.told_as(name),
            told="",
            code="federation.entry-form",
            facts={"pointer": pointer[:200]},
        )

    async def _paced_page(self, url: str | None, offset: int) -> CataloguePage:
        for _ in range(PAUSES):
            try:
                return await self._fetch.page(self._slug, self._did, url, offset)
            except Unavailable as busy:
                if busy.facts.get("status") != 429:
                    raise
            await asyncio.sleep(PACE_S)
        raise Unavailable("peer.busy", status=429)

    # Both

    async def _paced(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """An answer that is one; raises Unavailable if the member cannot answer now."""
        for _ in range(PAUSES):
            answer = await ask()
            if answer.status != 429:
                break
            await asyncio.sleep(PACE_S)
        if (answer.status >= 500 and answer.status not in ELSEWHERE) or answer.status in (408, 425, 429):
            raise Unavailable("peer.busy", status=answer.status)
        return answer

    def _misnamed(self, name: str) -> HanseError | None:
        try:
            listing.usable(name)
        except PeerError as fault:
            return fault
        return PeerError("federation.entry-elsewhere") if decide.claims_other(name, self._names, self._roots) else None


def _aside(name: str, told: str, fault: HanseError) -> SetAside:
    """Without the hash that was told if it is looked at again."""
    return SetAside.of(name, "" if fault.code in AGAIN else told, fault)


def _copies(body: bytes, wanted: Mapping[str, str]) -> dict[str, Copy | HanseError]:
    """The entries of an answer, ready to be stored."""
    found = dict[str, Copy | HanseError]()
    for name, told in listing.lines(body, wanted):
        if isinstance(told, HanseError):
            found[name] = told
            continue
        try:
            found[name] = copy_of({key: value for key, value in told.items() if key != "@context"})
        except HanseError as fault:
            found[name] = fault
    return found

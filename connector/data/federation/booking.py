"""What of a crawl is written down: entries portion by portion, what is set aside, and last what is forgotten.

Each transaction looks whether the crawl is still this process's to book. Forgetting is one transaction with the state
that says why (threat T80); entries of one participant are written and looked up for that participant alone (T81).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connector.data.catalogue.search import store as copies
from connector.data.catalogue.search.copies import Copy
from connector.data.federation import decide, listing, store
from connector.data.federation.model import CrawlResult, CrawlState, Form, SetAside
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.storage.database import Database, Tx, long


class Bounds(Struct, frozen=True, kw_only=True):
    """What is read and held of one member at most, how long one crawl may take, when the next one is.

    `portion`: entries asked for at once, and kept in one transaction.
    """

    datasets: int
    bytes: int
    crawl_s: float
    every_ms: int
    portion: int = 100


class Partial(PeerError):
    """There is more than we take: what was read is kept, nothing is forgotten."""


class Booking:
    """Of one crawl of one member (`did`) for one participant (`slug`). `ours` raises unless it may still book."""

    def __init__(
        self, db: Database, bounds: Bounds, ours: Callable[[Tx], None], slug: str, did: str, chance: Callable[[], float]
    ) -> None:
        self._db, self._bounds, self._ours = db, bounds, ours
        self._slug, self._did, self._chance = slug, did, chance
        self._bytes: int | None = None
        self.aside: dict[str, str] = {}
        """What is set aside: id -> what its provider calls that state of it."""
        self.form: Form = ""
        self.listed = self.fetched = 0

    async def begin(self) -> CrawlState:
        """How the crawls before ended."""
        aside = await self._db.read(self._slug, store.aside, self._slug, self._did)
        self.aside = {one.dataset: one.told for one in aside}
        return await self._db.read(self._slug, store.state, self._slug, self._did)

    async def held(self) -> dict[str, str | None]:
        """What is held: id -> what the provider called that state of it."""
        held = await self._db.read(self._slug, copies.held, self._slug, self._did)
        return {name: one.told for name, one in held.items()}

    async def keep(self, good: Sequence[tuple[Copy, str]], odd: Sequence[SetAside]) -> None:
        """Entries with what they are called, and what is set aside; raises Partial where there is no room."""
        size = self._bounds.portion
        for first in range(0, max(len(good), len(odd)), size):
            await self._keep(good[first : first + size], odd[first : first + size])

    async def readmit(self, listed: Iterable[str]) -> None:
        """What was set aside and is not listed any more is nothing to tell of."""
        there = {listing.told_as(name) for name in listed}
        gone = [name for name in self.aside if name not in there]
        if gone:
            await self._db.write(self._slug, self._book, (), (), gone)
            self.aside = {name: told for name, told in self.aside.items() if name in there}

    async def finish(
        self,
        state: CrawlState,
        gone: Sequence[str],
        digest: str | None,
        *,
        doubted: bool = False,
        unchanged: bool = False,
    ) -> CrawlResult:
        """The whole listing was read: forgets what is missing, unless that has to be heard once more."""
        return await self._db.write(self._slug, self._finish, state, gone, digest, doubted, unchanged)

    async def fail(self, error: HanseError) -> CrawlResult:
        """The member was not read to its end: what was read stays, and everything older."""
        return await self._db.write(self._slug, self._fail, error)

    async def _keep(self, good: Sequence[tuple[Copy, str]], odd: Sequence[SetAside]) -> None:
        if self._bytes is None:  # most crawls bring nothing, and need not know
            self._bytes = await self._db.read(self._slug, store.held_bytes, self._slug, self._did)
        self._bytes += sum(len(copy.entry) for copy, _ in good)
        if self._bytes > self._bounds.bytes:
            raise Partial("federation.too-large", most=self._bounds.bytes)
        usable = [copy.dataset for copy, _ in good if copy.dataset in self.aside]
        await self._db.write(self._slug, self._book, good, odd, usable)
        self.fetched += len(good)
        self.aside = {name: told for name, told in self.aside.items() if name not in usable}
        self.aside |= {one.dataset: one.told for one in odd}

    @long
    def _book(
        self, tx: Tx, good: Sequence[tuple[Copy, str]], odd: Sequence[SetAside], readmitted: Sequence[str]
    ) -> None:
        self._ours(tx)
        store.stray(tx, self._slug, self._did)
        for copy, told in good:
            copies.replace_entry(tx, self._slug, self._did, copy, told)
        store.readmit(tx, self._slug, self._did, readmitted)
        store.set_aside(tx, self._slug, self._did, odd)

    @long
    def _finish(
        self, tx: Tx, state: CrawlState, gone: Sequence[str], digest: str | None, doubted: bool, unchanged: bool
    ) -> CrawlResult:
        self._ours(tx)
        wait = doubted and not decide.confirmed(state.doubted_at, tx.now)
        if not wait:
            copies.forget(tx, self._slug, self._did, gone)
        copies.crawled(tx, self._slug, self._did, complete=not wait)
        every = decide.around(self._bounds.every_ms, self._chance())
        after = CrawlState(
            provider=self._did,
            form=self.form,
            digest=None if wait else digest,
            due_at=tx.now + (min(every, decide.CONFIRM_MS) if wait else every),
            code="federation.doubted" if wait else None,
            facts={"missing": len(gone)} if wait else {},
            doubted_at=min(state.doubted_at or tx.now, tx.now) if wait else None,
        )
        store.save(tx, self._slug, after)
        return self._result(gone=0 if wait else len(gone), unchanged=unchanged, doubted=wait)

    def _fail(self, tx: Tx, error: HanseError) -> CrawlResult:
        self._ours(tx)
        before, partial = store.state(tx, self._slug, self._did), isinstance(error, Partial)
        if partial:
            copies.crawled(tx, self._slug, self._did, complete=False)
        else:
            copies.failed(tx, self._slug, self._did, error.code)
        failures = 0 if partial else before.failures + 1
        held = copies.members(tx, self._slug)[self._did]
        if decide.given_up(failures, held.complete_at, tx.now):
            copies.forget_all(tx, self._slug, self._did)
        wait = (
            decide.around(self._bounds.every_ms, self._chance()) if partial else decide.pause(failures, self._chance())
        )
        after = replace(
            before,
            form=self.form or before.form,
            failures=failures,
            code=error.code,
            facts=SetAside.of("", "", error).facts,
            digest=None if self.fetched else before.digest,
            due_at=tx.now + wait,
        )
        store.save(tx, self._slug, after)
        return self._result(error=error)

    def _result(self, **more: Any) -> CrawlResult:
        return CrawlResult(
            provider=self._did,
            form=self.form,
            listed=self.listed,
            fetched=self.fetched,
            set_aside=len(self.aside),
            **more,
        )

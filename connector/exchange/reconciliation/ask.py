"""Asks partners for their records of shared agreements and has them compared (spec/records.md 6).

A partner that has no such route (other connectors) is "not possible", which is no error. One that cannot be reached is
tried again; one whose answer does not hold is reported separately.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from connector.exchange.delivery import backoff
from connector.exchange.delivery.worker import RetryAfter
from connector.exchange.reconciliation import partner_log, store
from connector.exchange.reconciliation.partner_log import Before, Heard, Known, Page, Question, RecordsAfter, Reply
from connector.exchange.reconciliation.service import Comparison, Round
from connector.exchange.reconciliation.store import Compared, Seen
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.participants.service import Participants
from connector.verify.formats.faults import Fault

Ask = Callable[[str, str, bytes], Awaitable[Answer]]
"""(participant, partner's DID, body) -> its answer to `POST <root>/evidence/reconcile`."""
Keys = Callable[[str, str], Sequence[Mapping[str, object]]]
"""The log keys that the lists which count for a participant of ours (its DID comes second) name for a DID; empty if it
is no member."""
ANSWER_LIMIT = 524_288
ANSWER_NODES = 60_000
ROUNDS, MOST_RECORDS = 100, 20_000
"""Pages and records of one comparison; beyond, what is left counts as not sealed yet."""
ROUND_S = 120.0
PACE_S, MOST_PAUSES = 1.0, 5
"""Who answers only so many pages a second (429) is asked more slowly, not from the beginning again."""
PERSON_MS = 60_000
"""How long a person waits; who has not been asked by then is asked when it is due."""
TRIES = 6


class Impossible(PeerError):
    """The partner does not compare: it has no such route, or refuses us."""


class Reconciliation:
    """The handler of the errand, the job that puts errands down, and a comparison at once."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, comparison: Comparison, ask: Ask, keys: Keys
    ) -> None:
        self._db, self._clock, self._participants, self._comparison = db, clock, participants, comparison
        self._ask, self._keys = ask, keys

    async def queue(self) -> None:
        """What is due, for each participant."""
        for slug in await self._db.read(WORKER, store.comparing):
            if await self._db.read(slug, self._comparison.due, slug):
                await self._db.write(slug, self._comparison.queue, slug)

    async def reconcile(self, row: OutboxRow) -> None:
        """The errand; who cannot be reached several times over is booked so and asked again when it is due."""
        round_ = msgspec.json.decode(row.body, type=Round)
        try:
            await self._compare(row.participant, round_, row)
        except Unavailable as error:
            if row.attempts < TRIES:
                raise RetryAfter(self._clock.now() + backoff.wait(row.attempts)) from error
            await self._fail(row.participant, round_, "unreachable", error.code, row=row)

    async def now(self, slug: str, name: str | None) -> list[Compared]:
        """Compares one agreement or the newest 100, and says how it stands; raises Unknown."""
        await self._participants.get(slug)
        ends = self._clock.steady() + PERSON_MS
        for round_ in await self._db.read(slug, self._comparison.chosen, slug, name):
            if self._clock.steady() > ends:
                break
            try:
                await self._compare(slug, round_, None)
            except Unavailable as error:
                await self._fail(slug, round_, "unreachable", error.code)
        return await self._db.read(slug, self._comparison.all, slug, name)

    async def _compare(self, slug: str, round_: Round, row: OutboxRow | None) -> None:
        await self._participants.get(slug)
        notes: list[str] = []
        try:
            async with asyncio.timeout(ROUND_S):
                heard = await self._heard(slug, round_, notes)
        except TimeoutError as slow:
            raise Unavailable("http.request-too-long") from slow
        except Fault as fault:
            await self._fail(slug, round_, "invalid", fault.code, tuple(notes), row)
            return
        except Impossible as error:
            await self._fail(slug, round_, "impossible", str(error.facts.get("status", error.code)), row=row)
            return

        def book(tx: Tx) -> None:
            if row is None or outbox.finish(tx, row):
                self._comparison.book(tx, slug, round_, heard)

        await self._db.write(slug, book)

    async def _heard(self, slug: str, round_: Round, notes: list[str]) -> dict[str, Heard]:
        """All pages, each proven before the next is asked for; `notes` are the checkpoints of the last one."""
        heard = dict[str, Heard]()
        asked = dict.fromkeys(round_.agreements, -1)
        names = await self._db.read(slug, self._comparison.names, round_.did)
        own = (await self._participants.get(slug)).participant.did
        for _ in range(ROUNDS):
            seen = await self._db.read(slug, self._comparison.seen, slug, round_.did)
            reply = await self._paced(slug, names[0], asked, seen)
            notes[:] = [note for note in (seen and seen.note, reply.checkpoint) if note]
            page = partner_log.read(reply, asked, names, self._keys(names[0], own), _before(seen))
            await self._db.write(slug, self._comparison.keep_seen, slug, round_.did, page)
            _gather(heard, page)
            asked = {name: part.last for name, part in page.heard.items() if part.more}
            if not asked or sum(len(part.said) for part in heard.values()) >= MOST_RECORDS:
                break
        return heard

    async def _paced(self, slug: str, did: str, asked: Mapping[str, int], seen: Seen | None) -> Reply:
        for _ in range(MOST_PAUSES):
            try:
                return await self._answer(slug, did, asked, seen)
            except Unavailable as busy:
                if busy.facts.get("status") != 429:
                    raise
            await asyncio.sleep(PACE_S)
        return await self._answer(slug, did, asked, seen)

    async def _fail(
        self, slug: str, round_: Round, state: str, code: str, notes: tuple[str, ...] = (), row: OutboxRow | None = None
    ) -> None:
        def book(tx: Tx) -> None:
            if row is None or outbox.finish(tx, row):
                self._comparison.book_failure(tx, slug, round_, state, code, notes)

        await self._db.write(slug, book)

    async def _answer(self, slug: str, did: str, asked: Mapping[str, int], seen: Seen | None) -> Reply:
        if not self._keys(did, (await self._participants.get(slug)).participant.did):
            raise Impossible("no-log-keys")
        known = None if seen is None else Known(seen.origin, seen.size)
        question = Question(1, tuple(RecordsAfter(name, after) for name, after in asked.items()), known)
        try:
            answer = await self._ask(slug, did, msgspec.json.encode(question))
        except Unavailable:
            raise
        except HanseError as error:  # no address, no member, an address that is not called
            raise Impossible(error.code) from error
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable("peer.busy", status=answer.status)
        if answer.status != 200:
            raise Impossible("records.not-compared", status=answer.status)
        try:
            value = strict.loads(answer.body, limit=ANSWER_LIMIT, nodes=ANSWER_NODES)
            return msgspec.convert(value, Reply)
        except (PeerError, msgspec.ValidationError) as fault:
            raise Impossible("records.not-compared", status=answer.status) from fault


def _before(seen: Seen | None) -> Before | None:
    return None if seen is None else Before(seen.origin, seen.size, seen.root)


def _gather(heard: dict[str, Heard], page: Page) -> None:
    for name, part in page.heard.items():
        before = heard.get(name)
        if before is not None:
            part = part._replace(said=(*before.said, *part.said), erased=before.erased | part.erased)
        heard[name] = part

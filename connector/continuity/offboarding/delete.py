"""Deleting a closed participant: evidence first, then every row, file and key, in bounded transactions (decision 0037).

Not before all evidence is in an operator's hands, never under a legal hold; not while a partner waits for a message or
a period of retention runs, unless that is given up by name. A message that we acknowledged to a partner is in the
evidence, or nothing is deleted (`lifecycle.require_not_deleting`). From the first transaction on nobody here knows the
participant; the job resumes an interrupted deletion. One row stays, so that its identifier is never given to somebody
else.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from connector.continuity.offboarding import participant_rows
from connector.continuity.offboarding.close import Closing, ClosingStatus
from connector.continuity.offboarding.contracts import EndContracts, Evidence
from connector.continuity.privacy import retention_store
from connector.continuity.privacy.unexpired import Unexpired
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.language.system_words import system_words
from connector.foundation.storage import outbox
from connector.foundation.storage.at_rest import at_rest, refuse
from connector.foundation.storage.database import PROCESS, Database, Tx, long
from connector.identity.participants import lifecycle
from connector.identity.participants.service import Participants
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.members import pins
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.members.trust_list import Anchor

log = structlog.get_logger("leaving")
EVERY_S = 5.0
"""How soon another process goes on with a participant that leaves, or hears of it."""
PORTION = 500
"""Rows that one transaction deletes."""
PAGE = 100
TOLD = 10
"""Partners that a refusal names."""
AFTERWARDS_MS = 3_600_000
"""How long stray rows are looked for: a request that was being answered may still have noted something."""
Struck = Callable[[str], Awaitable[None]]
"""In a development space: the authority says until when this DID was a member. Elsewhere nothing."""


class Deletion:
    """Of all participants of this database; in each of `folders` a participant has a folder or a file by its name."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        closing: Closing,
        contracts: EndContracts,
        folders: Sequence[Path],
        struck: Struck,
        periods: Unexpired,
    ) -> None:
        self._db, self._participants, self._closing, self._contracts = db, participants, closing, contracts
        self._folders, self._struck, self._periods = folders, struck, periods
        self._turn = asyncio.Lock()
        self._unlinked: set[str] = set()

    async def evidence(self, slug: str, after: str) -> list[Evidence]:
        """A page of the agreements whose evidence has to be taken along; raises Mistake unless it is closed."""
        await self._closed(slug)
        return await self._db.read(slug, self._contracts.evidence, slug, after, PAGE)

    async def bare(self, slug: str, agreement: str) -> Mapping[str, object]:
        """What there is of an agreement without a bundle; raises Unknown."""
        await self._closed(slug)
        return await self._db.read(slug, self._contracts.bare, slug, agreement)

    async def handed(self, slug: str, agreement: str, sha256: str, records: int) -> None:
        """Books that its evidence is on the operator's disk, with at least that many records of the log.

        Raises Unknown for what is no agreement of ours.
        """
        await self._closed(slug)
        await self._db.write(slug, self._hand, slug, agreement, sha256, records)

    async def delete(self, slug: str, *, abandon: bool, despite: bool = False) -> ClosingStatus:
        """Raises Unknown, or Mistake naming what has to be done before; else deletes until nothing is left.

        `despite` periods of retention that still run.
        """
        await self._db.write(slug, self._begin, slug, abandon, despite)
        await self._participants.catch_up()
        try:
            async with asyncio.timeout(60.0):
                await self.carry_on(slug)
        except TimeoutError:
            log.info("leaving.goes-on", participant=slug)
        return await self._closing.look(slug)

    async def carry_on(self, slug: str) -> None:
        """Deletes what is left of a participant in the state `deleting`; raises Unavailable if a file cannot go."""
        async with self._turn:
            found = await self._db.read(slug, lifecycle.known, slug)
            if found.state != "deleting":
                return
            await self._struck(found.did)
            while await self._db.write(slug, self._portion, slug):
                pass
            await asyncio.to_thread(self._unlink, slug)
            others = {did for one in await self._participants.everyone() for did in one.participant.own_dids}
            while not await self._db.write(slug, self._buried, slug, others):
                await self._db.write(slug, self._portion, slug)
        await self._participants.catch_up()

    @at_rest
    def _begin(self, tx: Tx, slug: str, abandon: bool, despite: bool) -> None:
        found = lifecycle.alone(tx, slug)
        if found.state == "deleting":
            return
        if found.state == "deleted":
            raise lifecycle.gone(found)
        if found.state == "moved":
            if not despite and (until := lifecycle.answered_until(tx, slug)) > tx.now:
                raise Mistake("moving.answered", slug=slug, until=rfc3339(until))
            return lifecycle.begin_deleting(tx, slug)
        refuse(found.state)
        if found.state != "closed":
            raise Mistake("leaving.not-closed", slug=slug)
        if retention_store.standing(tx, slug):
            raise Mistake("leaving.held", slug=slug)
        if left := self._contracts.not_handed(tx, slug):
            raise Mistake("leaving.unhanded", slug=slug, count=left)
        untold = list(dict.fromkeys([*self._closing.waiting(tx, slug), *self._contracts.refused(tx, slug)]))
        if untold and not abandon:
            more = len(untold) - TOLD
            raise Mistake("leaving.untold", partners=", ".join(untold[:TOLD]) + (f" (+{more})" if more > 0 else ""))
        if not despite:
            self._expired(tx, slug)
        outbox.abandon(tx, slug)
        return lifecycle.begin_deleting(tx, slug)

    def _expired(self, tx: Tx, slug: str) -> None:
        """Raises Mistake while a period of retention runs, or if nobody can say whether one does."""
        if self._periods.doubted(tx):
            raise Mistake("leaving.doubted", slug=slug)
        if next(self._periods.groups(tx, slug), None) is not None:
            raise Mistake("leaving.retained", slug=slug)

    @long
    def _portion(self, tx: Tx, slug: str) -> int:
        """How many rows it deleted; none of a participant that is not being deleted."""
        return participant_rows.erase(tx, slug, PORTION) if lifecycle.alone(tx, slug).state == "deleting" else 0

    @long
    def _buried(self, tx: Tx, slug: str, others: Collection[str]) -> bool:
        """Whether it is over: in the same transaction in which nothing was left. `others`: DIDs that mean somebody who
        stays, as a former one does after a move within this database."""
        if lifecycle.alone(tx, slug).state == "deleting":
            if participant_rows.held(tx, slug):
                return False
            for did in set(lifecycle.all_dids(tx, slug)).difference(others):
                pins.forget(tx, did)
            lifecycle.mark_deleted(tx, slug)
        return True

    def _hand(self, tx: Tx, slug: str, agreement: str, sha256: str, records: int) -> None:
        lifecycle.handed(tx, slug, self._contracts.kept(tx, slug, agreement).id, sha256, records)

    async def _closed(self, slug: str) -> None:
        found = await self._db.read(slug, lifecycle.known, slug)
        if found.state in ("deleting", "deleted"):
            raise lifecycle.gone(found)
        if found.state != "closed":
            raise Mistake("leaving.not-closed", slug=slug)

    def _unlink(self, slug: str) -> None:
        for place in (folder / slug for folder in self._folders):
            try:
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise Unavailable("leaving.files", place=str(place), why=system_words(problem)) from problem

    async def job(self) -> None:
        """Goes on with what a process that died has left, and sweeps what was noted in the last moment."""
        for found in await self._db.read(PROCESS, lifecycle.leavers):
            try:
                if found.state == "deleting":
                    await self.carry_on(found.id)
                elif found.state == "deleted" and found.deleted_at is not None:
                    await self._db.write(found.id, _sweep, found.id, found.deleted_at)
            except HanseError as error:
                log.warning("leaving.waits", participant=found.id, why=str(error))

    async def notice(self) -> None:
        """In every replica: forgets what another one has closed or deleted, also if its signal got lost."""
        await self._participants.catch_up()
        leavers = await self._db.read(PROCESS, lifecycle.leavers)
        gone = {one.id for one in leavers if one.state not in ("closing", "closed")}
        for slug in gone - self._unlinked:
            try:
                await asyncio.to_thread(self._unlink, slug)
                self._unlinked.add(slug)
            except Unavailable as error:
                log.warning("leaving.waits", participant=slug, why=str(error))


def authority_of(space: DevelopmentSpace | None, anchor: Anchor, listing: TrustListSource, clock: Clock) -> Struck:
    """The authority of a development space lets the membership of a DID end now, once; it keeps the entry, because what
    was signed before is judged by it."""

    async def struck(did: str) -> None:
        entry = anchor.entry(did)
        if space is None or entry is None or entry.valid_until is not None:
            return
        ended = msgspec.structs.replace(entry, valid_until=rfc3339(clock.now() + 1_000))  # written in whole seconds
        await asyncio.to_thread(space.enlist, lambda now: [ended])
        await listing.reload()

    return struck


def _sweep(tx: Tx, slug: str, deleted_at: int) -> None:
    if tx.now - deleted_at < AFTERWARDS_MS:
        participant_rows.erase(tx, slug, PORTION)

"""Closing a participant: nothing new begins, what runs is ended, and every partner is told (decision 0037).

The first transaction shuts the doors; then contracts end in portions, each statement sealed outside of its transaction.
A process that dies in between leaves the state `closing`, and the job of any process of this database goes on.
Evidence, log, DID document and the doors for statements and comparisons stay open, and what is queued is delivered.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from connector.continuity.offboarding import contracts as to_end
from connector.continuity.offboarding import transfers as transferring
from connector.continuity.offboarding.contracts import EndContracts, Sealed
from connector.continuity.privacy import retention_store, unexpired
from connector.continuity.privacy.unexpired import Retained, Unexpired
from connector.data.catalogue.service import Catalogue
from connector.exchange.delivery.worker import LONG
from connector.exchange.mandates.service import SEAL
from connector.exchange.reconciliation.service import RECONCILE
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language.reasons import Reason, because, explained
from connector.foundation.storage import outbox
from connector.foundation.storage.database import PROCESS, Database, Tx, long
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.audit.entry import KEY
from connector.identity.participants import lifecycle
from connector.identity.participants.lifecycle import LifecycleState
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.vault import Vault

log = structlog.get_logger("leaving")
NO_MESSAGE = LONG | {RECONCILE, SEAL, "mail"}
"""Errands that tell no partner anything."""
MOST_WAITING = 5_000
NAMED = 200
"""Characters of a name that partners read: a statement takes no sentence that is too long."""
IDLE = 3
"""Portions without anything to do: then a timer or the other side has to come first, and the job looks again."""
PORTION_MS = 60_000
"""How long statements are sealed before what is sealed is booked: each bears the time at which it was made."""
ROUND_S = 30.0
"""How long a person waits at most; the job goes on."""


class ClosingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a participant is on its way out, what is still open, and who has not been told yet (DID -> messages).

    `refused`: partners that did not take a statement. `unhanded`: agreements whose evidence no operator holds.
    `elsewhere` is the keeper of its seal key if that lies elsewhere: there it has to be deleted by its owner.
    `retained`: records of a closed participant whose period still runs; `doubted`: as far as the clock can be believed.
    """

    slug: str
    did: str
    name: str
    state: str
    reason: str | None
    closed_at: int | None
    deleted_at: int | None
    contracts: int = 0
    partners: int = 0
    negotiations: int = 0
    transfers: int = 0
    offers: int = 0
    waiting: dict[str, int] = {}
    refused: tuple[str, ...] = ()
    holds: int = 0
    unhanded: int = 0
    elsewhere: str | None = None
    problem: Reason | None = None
    retained: tuple[Retained, ...] = ()
    doubted: bool = False


class _To(msgspec.Struct):
    """What a row says of the peer that it has to do with."""

    to: str = ""


class Closing:
    """Of all participants of this database."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        contracts: EndContracts,
        transfers: Transfers,
        catalogue: Catalogue,
        vault: Vault,
        periods: Unexpired,
    ) -> None:
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._transfers, self._catalogue, self._vault, self._periods = transfers, catalogue, vault, periods
        self._turn = asyncio.Lock()

    async def look(self, slug: str, problem: Reason | None = None) -> ClosingStatus:
        """Raises Unknown."""
        found = await self._db.read(slug, self._outlook, slug)
        if found.state in ("deleting", "deleted"):
            return found
        hosted = await self._participants.get(slug)
        return msgspec.structs.replace(
            found, problem=problem, elsewhere=None if hosted.place is None else hosted.place.signer
        )

    async def close(self, slug: str, reason: str) -> ClosingStatus:
        """Begins, and ends what can be ended within `ROUND_S`; raises Mistake without a reason, or if it is gone."""
        lifecycle.checked(reason)
        await self._here(slug)
        hosted = await self._participants.get(slug)
        await self._db.write(slug, self._begin, hosted, reason)
        return await self.look(slug, await self._worked_on(slug))

    async def carry_on(self, slug: str) -> None:
        """Ends everything that is open; raises what stood in the way of a statement, once all else has ended."""
        async with self._turn:
            hosted, problem = await self._participants.get(slug), None
            told, idle = await self._db.read(slug, _told, slug), 0
            while idle < IDLE and not await self._db.write(slug, self._finished, hosted):
                sealed, problem = await self._sealed(hosted, told)
                done = await self._db.write(slug, self._portion, slug, told, sealed)
                if not done and problem is not None:
                    raise problem
                idle = 0 if done else idle + 1

    async def _worked_on(self, slug: str) -> Reason | None:
        """What stands in the way, for a person; None if nothing does, or it merely takes longer."""
        try:
            async with asyncio.timeout(ROUND_S):
                await self.carry_on(slug)
        except TimeoutError:
            return None
        except HanseError as error:
            if error.status == 500:
                raise
            return explained(error)
        return None

    async def _here(self, slug: str) -> None:
        found = await self._db.read(slug, lifecycle.known, slug)
        if found.state in ("deleting", "deleted"):
            raise lifecycle.gone(found)

    async def _sealed(self, hosted: Hosted, told: Reason) -> tuple[list[Sealed], HanseError | None]:
        """The statements of the next portion, as far as they could be sealed, and why the others could not."""
        slug, made, since = hosted.participant.id, list[Sealed](), self._clock.now()
        for agreement, body in await self._db.read(slug, self._contracts.drafts, slug, told):
            if made and self._clock.now() - since > PORTION_MS:
                break
            try:
                made.append(await to_end.seal(hosted, agreement, body, self._clock.now() // 1000))
            except HanseError as error:
                return made, error
        return made, None

    def _begin(self, tx: Tx, hosted: Hosted, reason: str) -> None:
        if lifecycle.begin(tx, hosted, reason):
            self._catalogue.withdraw(tx, hosted.participant.id)

    @long
    def _portion(self, tx: Tx, slug: str, told: Reason, sealed: Sequence[Sealed]) -> int:
        done = self._contracts.end(tx, slug, told, sealed)
        return done + transferring.end(tx, self._transfers, slug, to_end.CODE, told, to_end.PORTION)

    def _finished(self, tx: Tx, hosted: Hosted) -> bool:
        """Whether nothing is open; it is closed then. Looked at under the lock that everything new needs."""
        slug = hosted.participant.id
        if self._runs(tx, slug):
            return False
        if lifecycle.alone(tx, slug).state == "closing":
            if self._runs(tx, slug):
                return False
            lifecycle.end(tx, hosted)
        return True

    def _runs(self, tx: Tx, slug: str) -> bool:
        """Negotiations first: what is found ended there stands in what is looked at after it."""
        found = self._contracts.open(tx, slug)
        again = found.negotiations or self._contracts.open(tx, slug).contracts
        return bool(again or transferring.unended(tx, slug))

    def _outlook(self, tx: Tx, slug: str) -> ClosingStatus:
        found = lifecycle.known(tx, slug)
        so_far = _plain(found)
        if found.state in ("deleting", "deleted"):
            return so_far
        contracts = self._contracts.open(tx, slug)
        return msgspec.structs.replace(
            so_far,
            contracts=contracts.contracts,
            partners=contracts.partners,
            negotiations=contracts.negotiations,
            transfers=transferring.unended(tx, slug),
            offers=self._catalogue.offered(tx, slug),
            waiting=self.waiting(tx, slug),
            refused=tuple(self._contracts.refused(tx, slug)),
            holds=len(retention_store.standing(tx, slug)),
            unhanded=self._contracts.not_handed(tx, slug),
            **(self._kept(tx, slug) if found.state == "closed" else {}),
        )

    def _kept(self, tx: Tx, slug: str) -> dict[str, object]:
        """What the deletion would cut short: key events stand in every bundle, other records in their agreement's."""
        held = self._contracts.held(tx, slug)
        bundled = any(held.values())
        retained = unexpired.by_type(
            self._periods.groups(tx, slug),
            lambda one: bundled and one.type == KEY if one.agreement is None else one.agreement in held,
        )
        return {"retained": retained, "doubted": self._periods.doubted(tx)}

    def waiting(self, tx: Tx, slug: str) -> dict[str, int]:
        """Who has not been told everything yet: DID -> messages that wait."""
        found: dict[str, int] = {}
        for row in outbox.undelivered(tx, slug, NO_MESSAGE, MOST_WAITING):
            did = self._to(row)
            found[did] = found.get(did, 0) + 1
        return found

    def _to(self, row: OutboxRow) -> str:
        body = self._vault.open(f"outbox|{row.participant}", row.body) if row.sealed else row.body
        return msgspec.json.decode(body, type=_To).to

    async def job(self) -> None:
        """Goes on with what a process that died, or a person who went away, has left."""
        for found in await self._db.read(PROCESS, lifecycle.leavers):
            if found.state not in ("closing", "closed"):
                continue
            try:
                await self.carry_on(found.id)
            except HanseError as error:
                log.warning("leaving.waits", participant=found.id, why=str(error))


def _told(tx: Tx, slug: str) -> Reason:
    """What partners read; raises Mistake unless it is leaving."""
    found = lifecycle.known(tx, slug)
    if found.state not in ("closing", "closed"):
        raise Mistake("leaving.not-closed", slug=slug)
    return because("leaving.told", name=found.name[:NAMED], reason=found.closing_reason or "")


def _plain(found: LifecycleState) -> ClosingStatus:
    return ClosingStatus(
        slug=found.id,
        did=found.did,
        name=found.name,
        state=found.state,
        reason=found.closing_reason,
        closed_at=found.closed_at,
        deleted_at=found.deleted_at,
    )

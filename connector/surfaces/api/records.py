"""Records of the log over the management surface: compared with partners, held, erased; for a person see `persons`.

Names never come here: a person is a pseudonym, whoever decides a role.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.continuity.privacy import holds, retention_store
from connector.continuity.privacy.jobs import RetentionJobs
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.reconciliation.store import Compared
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.routes import NO_AGREEMENT, PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.members import Members
from connector.surfaces.views.record import (
    ComparisonsView,
    ErasuresView,
    HoldsView,
    HoldView,
    cleared,
    comparison,
    erased,
    hold,
)

MOST_ERASURES = 500


class HoldRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Without `agreement` everything of the participant is held."""

    role: str
    ground: str
    agreement: str | None = None


class HoldLifting(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    ground: str


class ComparisonRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One agreement (id or UUID), or the newest 100."""

    agreement: str | None = None


class RecordHandlers:
    def __init__(
        self, db: Database, participants: Participants, contracts: Contracts, keeping: RetentionJobs, anchor: Anchor
    ) -> None:
        self._db, self._participants, self._contracts, self._keeping = db, participants, contracts, keeping
        self._members = Members(anchor)

    async def comparisons(self, request: web.Request) -> ComparisonsView:
        """How our records and those of partners compare: what is amiss first, then the newest."""
        slug = await self._slug(request)
        found = await self._db.read(slug, self._keeping.comparison.all, slug)
        return await self._db.read(slug, self._compared, slug, found)

    @problem_codes(NO_AGREEMENT)
    async def compare(self, request: web.Request, wish: ComparisonRequest) -> ComparisonsView:
        """Asks the partners now."""
        slug = await self._slug(request)
        found = await self._keeping.reconciling.now(slug, wish.agreement)
        return await self._db.read(slug, self._compared, slug, found)

    async def holds(self, request: web.Request) -> HoldsView:
        """What keeps records beyond their period."""
        slug = await self._slug(request)

        def unit(tx: Tx) -> HoldsView:
            found = retention_store.holds(tx, slug, holds.MOST)
            titles = self._titles(tx, slug, [one.agreement for one in found])
            return HoldsView([hold(titles, one) for one in found])

        return await self._db.read(slug, unit)

    @problem_codes({400: ("records.names", "records.text"), **NO_AGREEMENT})
    async def hold(self, request: web.Request, wish: HoldRequest) -> HoldView:
        """Nothing of it is erased from now on, whatever its period."""
        slug = await self._slug(request)

        def unit(tx: Tx) -> HoldView:
            about = None if wish.agreement is None else self._contracts.agreements.named(tx, slug, wish.agreement).id
            made = holds.put(tx, slug, about, wish.role, wish.ground, did=self._did(slug))
            return hold(self._titles(tx, slug, [about]), made)

        return await self._db.write(slug, unit)

    @problem_codes({400: ("records.names", "records.text"), 404: ("records.no-hold",)})
    async def lift(self, request: web.Request, wish: HoldLifting) -> HoldView:
        """The periods count again."""
        slug, name = await self._slug(request), request.match_info["id"]

        def unit(tx: Tx) -> HoldView:
            lifted = holds.lift(tx, slug, name, wish.role, wish.ground, did=self._did(slug))
            return hold(self._titles(tx, slug, [lifted.agreement]), lifted)

        return await self._db.write(slug, unit)

    async def erasures(self, request: web.Request) -> ErasuresView:
        """What was erased of the log, and how much was cleared elsewhere, the newest first."""
        slug = await self._slug(request)

        def unit(tx: Tx) -> ErasuresView:
            return ErasuresView(
                erasures=[erased(row) for row in retention_store.tombstones(tx, slug, MOST_ERASURES)],
                clearings=[cleared(row) for row in retention_store.clearings(tx, slug, MOST_ERASURES)],
            )

        return await self._db.read(slug, unit)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/comparisons", comparisons),
        post(f"{PARTICIPANT}/comparisons", compare),
        get(f"{PARTICIPANT}/holds", holds),
        post(f"{PARTICIPANT}/holds", hold, 201),
        post(f"{PARTICIPANT}/holds/{{id}}/lift", lift),
        get(f"{PARTICIPANT}/erasures", erasures),
    )

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _did(self, slug: str) -> str:
        return self._participants.held(slug).participant.did

    def _titles(self, tx: Tx, slug: str, agreements: Iterable[str | None]) -> dict[str, str]:
        return self._contracts.titles(tx, slug, {one for one in agreements if one is not None})

    def _compared(self, tx: Tx, slug: str, found: Sequence[Compared]) -> ComparisonsView:
        titles = self._titles(tx, slug, [one.agreement for one in found])
        return ComparisonsView([comparison(self._members, titles, one) for one in found])

"""Duties under an agreement, and the decisions about its transfers, over the management surface.

A duty is marked as done here and nowhere else: no peer can mark its own (spec/policy.md 2.4).
"""

from typing import ClassVar

from aiohttp import web

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.duties import Done, Duties
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import SYSTEM, Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.api.routes import NO_AGREEMENT, PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.duty import (
    DecisionDetailView,
    DecisionsView,
    DutiesView,
    decision,
    decision_detail,
    deed,
    duty,
)
from connector.surfaces.views.members import Members

STEWARD = "steward"
"""Who says so on the Unix socket, where no person is known."""


class DutyHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        contracts: Contracts,
        duties: Duties,
        engine: PolicyEngine,
        anchor: Anchor,
    ) -> None:
        self._db, self._participants, self._contracts = db, participants, contracts
        self._duties, self._engine, self._members = duties, engine, Members(anchor)

    @problem_codes(NO_AGREEMENT)
    async def duties(self, request: web.Request) -> DutiesView:
        """How each duty stands now (`duties`), and what was done so far (`deeds`)."""
        slug, name = await self._slug(request), request.match_info["id"]
        return await self._db.read(slug, self._shown, slug, name)

    @problem_codes(
        {
            400: (
                "duties.action",
                "duties.evidence",
                "duties.many",
                "duties.not-in-force",
                "duties.rule",
                "duties.value",
                "duties.when",
            ),
            **NO_AGREEMENT,
        }
    )
    async def done(self, request: web.Request, told: Done) -> DutiesView:
        """Marks a duty as done; answers with the same as `duties`."""
        slug, name = await self._slug(request), request.match_info["id"]

        def unit(tx: Tx) -> DutiesView:
            self._duties.done(tx, slug, name, told, STEWARD if tx.actor == SYSTEM else tx.actor)
            return self._shown(tx, slug, name)

        return await self._db.write(slug, unit)

    async def decisions(self, request: web.Request) -> DecisionsView:
        """Those about one transfer that are still kept, the newest first, without what they were made from."""
        slug, name = await self._slug(request), request.match_info["id"]
        process = name if ":" in name else f"urn:uuid:{name}"
        found = await self._db.read(slug, decision_store.decisions, slug, process)
        return DecisionsView([decision(one) for one in found])

    @problem_codes({404: ("duties.no-decision",)})
    async def decision(self, request: web.Request) -> DecisionDetailView:
        """A decision with all that it was made from, to be explained and replayed."""
        slug, name = await self._slug(request), request.match_info["id"]

        def look(tx: Tx) -> DecisionDetailView:
            found = decision_store.decision(tx, slug, name)
            if found is None:
                raise Unknown("duties.no-decision", id=name[:80])
            return decision_detail(found, dict(self._contracts.agreements.get(tx, slug, found.agreement).policy))

        return await self._db.read(slug, look)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/agreements/{{id}}/duties", duties),
        post(f"{PARTICIPANT}/agreements/{{id}}/duties", done, 201),
        get(f"{PARTICIPANT}/transfers/{{id}}/decisions", decisions),
        get(f"{PARTICIPANT}/decisions/{{id}}", decision),
    )

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _shown(self, tx: Tx, slug: str, name: str) -> DutiesView:
        agreement = self._contracts.agreements.named(tx, slug, name)
        return DutiesView(
            agreement=agreement.id,
            role=agreement.role,
            counterparty=agreement.counterparty,
            partner=self._members.name(agreement.counterparty),
            title=self._contracts.titles(tx, slug, [agreement.id]).get(agreement.id, ""),
            first_access=agreement.first_access,
            duties=[duty(self._engine, one) for one in self._duties.standing(tx, slug, agreement.id)],
            deeds=[deed(self._engine, one) for one in self._duties.entries(tx, slug, agreement.id)],
        )

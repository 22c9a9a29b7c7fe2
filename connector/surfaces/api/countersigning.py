"""What a person says about a contract beside the negotiation: countersign it, or confirm something without a seal."""

import asyncio
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.negotiation.late_countersignature import Confirmation
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.signing.review import Reading, Readings
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.api.routes import NO_AGREEMENT, PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.agreement import Agreements, AgreementView
from connector.surfaces.views.terms import ClausesView, clauses

APPROVER = (
    "contracts.mandate",
    "contracts.on-behalf-of",
    "contracts.pseudonym",
    "contracts.pseudonym-other",
    "contracts.role",
)


class Countersigning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`digest` is that of a `reading`, at least 16 digits of it: just that is sealed. `approval` says by whom."""

    digest: str
    approval: Approval


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person confirms. Never a seal."""

    role: str
    pseudonym: str
    statement: str


class CountersigningHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        contracts: Contracts,
        engine: PolicyEngine,
        readings: Readings,
        agreements: Agreements,
    ) -> None:
        self._db, self._participants, self._contracts, self._engine = db, participants, contracts, engine
        self._readings, self._agreements = readings, agreements

    @problem_codes(NO_AGREEMENT)
    async def clauses(self, request: web.Request) -> ClausesView:
        """The agreed rules in our own words, to lay beside the contract text."""
        slug, name = await self._slug(request), request.match_info["id"]
        agreement = await self._db.read(slug, self._contracts.agreements.named, slug, name)
        return ClausesView(clauses(self._engine, agreement.policy))

    @problem_codes({404: ("contracts.no-agreement", "contracts.no-object", "contracts.unknown")})
    async def reading(self, request: web.Request) -> Reading:
        """All that the provider sealed, as one digest, and line by line where it is not what we would have written."""
        hosted = await self._participants.get(request.match_info["p"])
        slug, name = hosted.participant.id, request.match_info["id"]
        agreement = await self._db.read(slug, self._contracts.agreements.named, slug, name)
        found = await self._db.read(slug, self._readings.gather, hosted, agreement)
        return await asyncio.to_thread(self._readings.read, found)

    @problem_codes({400: (*APPROVER, "contracts.nothing-to-countersign", "contracts.other-text-read"), **NO_AGREEMENT})
    async def countersign(self, request: web.Request, wish: Countersigning) -> AgreementView:
        """202: ordered. What becomes of it the agreement shows."""
        slug = await self._slug(request)
        return await self._db.write(slug, self._order, slug, request.match_info["id"], wish)

    @problem_codes(
        {
            400: (*APPROVER, "contracts.confirmations", "contracts.never-concluded", "contracts.statement"),
            **NO_AGREEMENT,
        }
    )
    async def confirm(self, request: web.Request, said: Statement) -> Confirmation:
        """The confirmation as it is recorded."""
        slug = await self._slug(request)
        return await self._db.write(slug, self._confirm, slug, request.match_info["id"], said)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/agreements/{{id}}/clauses", clauses),
        get(f"{PARTICIPANT}/agreements/{{id}}/reading", reading),
        post(f"{PARTICIPANT}/agreements/{{id}}/countersignature", countersign, 202),
        post(f"{PARTICIPANT}/agreements/{{id}}/confirmation", confirm, 201),
    )

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _order(self, tx: Tx, slug: str, name: str, wish: Countersigning) -> AgreementView:
        agreement = self._contracts.agreements.named(tx, slug, name)
        ordered = self._contracts.countersigning.order(tx, slug, agreement.id, wish.approval, wish.digest)
        return self._agreements.one(tx, slug, ordered)

    def _confirm(self, tx: Tx, slug: str, name: str, said: Statement) -> Confirmation:
        agreement = self._contracts.agreements.named(tx, slug, name)
        by = Approval(role=said.role, pseudonym=said.pseudonym)
        return self._contracts.countersigning.confirm(tx, slug, agreement, by, said.statement)

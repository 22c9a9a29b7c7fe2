"""What a person says about a contract beside the negotiation: countersign it, or confirm something without a seal."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.shown import Agreements
from connector.api.terms import clauses
from connector.contracts.approval import Approval
from connector.contracts.negotiation.late_countersignature import Confirmation
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing.review import Readings
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.storage.database import Database, Tx


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
        self, db: Database, participants: Participants, contracts: Contracts, judge: PolicyEngine, readings: Readings,
        agreements: Agreements,
    ) -> None:  # fmt: skip
        self._db, self._participants, self._contracts, self._judge = db, participants, contracts, judge
        self._readings, self._agreements = readings, agreements

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}/agreements/{id}"
        return [
            web.get(f"{base}/clauses", self.clauses),
            web.get(f"{base}/reading", self.reading),
            web.post(f"{base}/countersignature", self.countersign),
            web.post(f"{base}/confirmation", self.confirm),
        ]

    async def clauses(self, request: web.Request) -> web.StreamResponse:
        """The agreed rules in our own words, to lay beside the contract text; empty if they cannot all be said."""
        slug, name = await self._slug(request), request.match_info["id"]
        agreement = await self._db.read(slug, self._contracts.agreements.named, slug, name)
        return body.answer({"clauses": clauses(self._judge, agreement.policy)})

    async def reading(self, request: web.Request) -> web.StreamResponse:
        """All that the provider sealed, as one digest, and line by line where it is not what we would have written."""
        hosted = await self._participants.get(request.match_info["p"])
        slug, name = hosted.participant.id, request.match_info["id"]
        agreement = await self._db.read(slug, self._contracts.agreements.named, slug, name)
        found = await self._db.read(slug, self._readings.gather, hosted, agreement)
        return body.answer(await asyncio.to_thread(self._readings.read, found))

    async def countersign(self, request: web.Request) -> web.StreamResponse:
        """202: ordered. What becomes of it the agreement shows."""
        slug = await self._slug(request)
        wish = await body.read(request, Countersigning)
        found = await self._db.write(slug, self._order, slug, request.match_info["id"], wish)
        return body.answer(found, 202)

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        """201 with the confirmation as it is recorded."""
        slug = await self._slug(request)
        said = await body.read(request, Statement)
        made = await self._db.write(slug, self._confirm, slug, request.match_info["id"], said)
        return body.answer(made, 201)

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _order(self, tx: Tx, slug: str, name: str, wish: Countersigning) -> dict[str, Any]:
        agreement = self._contracts.agreements.named(tx, slug, name)
        ordered = self._contracts.countersigning.order(tx, slug, agreement.id, wish.approval, wish.digest)
        return self._agreements.one(tx, slug, ordered)

    def _confirm(self, tx: Tx, slug: str, name: str, said: Statement) -> Confirmation:
        agreement = self._contracts.agreements.named(tx, slug, name)
        by = Approval(role=said.role, pseudonym=said.pseudonym)
        return self._contracts.countersigning.confirm(tx, slug, agreement, by, said.statement)

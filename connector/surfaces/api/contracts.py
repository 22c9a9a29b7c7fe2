"""Negotiations, agreements and evidence over the management surface."""

import asyncio
from contextlib import suppress
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document.described_data import Described, of_entry
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import HanseError
from connector.foundation.http.limits import PAGE
from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.process import Role
from connector.surfaces.api.routes import AWAY, NO_AGREEMENT, PARTICIPANT, STRANGER, Route, get, post, problem_codes
from connector.surfaces.api.wait import WAIT, Waiting
from connector.surfaces.requests.peers import Peers
from connector.surfaces.requests.service import Requests
from connector.surfaces.requests.terms import NegotiationRequest
from connector.surfaces.views.agreement import Agreements, AgreementsView, AgreementView
from connector.surfaces.views.fields import Policy
from connector.surfaces.views.members import Members
from connector.surfaces.views.negotiation import NegotiationsView, NegotiationView, StartedView, TermsView, negotiation

AT_ONCE = 5
"""Proposals whose data are looked up in the providers' catalogues when the negotiations are listed."""
NO_NEGOTIATION = ("contracts.unknown",)
CONCEPTS = ("catalogue.no-action", "catalogue.no-purpose")
NAMED = ("api.members-alike", "api.nobody-called", "api.oneself")
OFFERED = ("contracts.policy", "api.no-contract", "api.no-offer", "api.no-offer-yet", "peer.no-dataset")


class Proposal(msgspec.Struct, frozen=True):
    """Which published offer of ours we make to whom (a DID or a member's name), who has not asked."""

    consumer: str
    offer: str


class Counter(msgspec.Struct, frozen=True):
    """Our terms instead of those that lie before us: an ODRL policy as JSON."""

    policy: Policy


class Acceptance(msgspec.Struct, frozen=True):
    """`terms` is the digest of what was read, as the negotiation shows it; `unworded`: also without sentences.

    `approval` says who decided; without it the signed approval names nobody.
    """

    terms: str
    unworded: bool = False
    approval: Approval | None = None


class Declining(msgspec.Struct, frozen=True):
    reason: str


class ContractHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        contracts: Contracts,
        evidence: Evidence,
        requests: Requests,
        peers: Peers,
        anchor: Anchor,
        waiting: Waiting,
        engine: PolicyEngine,
        agreements: Agreements,
    ) -> None:
        self._db, self._participants, self._contracts, self._requests = db, participants, contracts, requests
        self._evidence, self._peers, self._waiting = evidence, peers, waiting
        self._engine, self._members, self._agreements = engine, Members(anchor), agreements

    @problem_codes(
        {
            400: (*NAMED, *OFFERED, *CONCEPTS, "api.terms-changed", "contracts.purpose", "contracts.quota"),
            401: STRANGER,
            503: ("api.list-stale", "api.no-list", *AWAY),
        }
    )
    async def request(self, request: web.Request, wish: NegotiationRequest) -> StartedView:
        """Fetches the offer as it stands now and asks for it."""
        own = (await self._participants.get(request.match_info["p"])).participant
        return StartedView((await self._requests.ask(own, wish)).id)

    @problem_codes({400: (*NAMED, "api.no-member", *OFFERED, *CONCEPTS), 401: STRANGER, 503: AWAY})
    async def terms(self, request: web.Request, wish: NegotiationRequest) -> TermsView:
        """What a request with the same body would ask for, in words: nothing is asked yet."""
        own = (await self._participants.get(request.match_info["p"])).participant
        return await self._requests.terms(own, wish)

    @problem_codes({400: ("api.wait",), 404: NO_NEGOTIATION})
    async def negotiation(self, request: web.Request) -> NegotiationView:
        """One negotiation; of a proposal, what its provider says of the data is looked up."""
        slug, name = await self._slug(request), request.match_info["id"]

        async def look() -> tuple[NegotiationRow, Described | None]:
            return await self._db.read(slug, self._contracts.shown, slug, name)

        row, kept = await self._waiting.until(request, slug, name, look, lambda found: _rests(found[0]))
        return self._shown(row, await self._looked_at(slug, row) if kept is None and _proposed(row) else kept)

    async def negotiations(self, request: web.Request) -> NegotiationsView:
        """Those of both roles, the youngest first."""
        slug = await self._slug(request)
        found = await self._db.read(slug, self._contracts.all, slug)
        look = [row.id for row in found if _proposed(row)][:AT_ONCE]
        shown = await asyncio.gather(*(self._described(slug, row, look=row.id in look) for row in found))
        return NegotiationsView([self._shown(*both) for both in zip(found, shown, strict=True)])

    @problem_codes(
        {400: NAMED, 401: STRANGER, 404: ("catalogue.no-offer",), 503: ("api.list-stale", "api.no-list", *AWAY)}
    )
    async def propose(self, request: web.Request, wish: Proposal) -> StartedView:
        """Offers a published dataset to a member that has not asked."""
        own = (await self._participants.get(request.match_info["p"])).participant
        slug = own.id
        consumer = self._requests.somebody(own, wish.consumer)
        self._requests.require_current(own, consumer)
        partner = await self._peers.partner(slug, consumer)
        row = await self._db.write(slug, self._contracts.propose, slug, partner, wish.offer)
        return StartedView(row.id)

    @problem_codes(
        {400: ("contracts.no-offer-here", "contracts.other-terms", "contracts.unworded"), 404: NO_NEGOTIATION}
    )
    async def accept(self, request: web.Request, wish: Acceptance) -> NegotiationView:
        """Agrees to the terms that were read."""
        slug = await self._slug(request)
        return self._shown(
            await self._db.write(
                slug,
                self._contracts.accept,
                slug,
                request.match_info["id"],
                wish.terms,
                unworded=wish.unworded,
                approval=wish.approval,
            )
        )

    @problem_codes({400: ("contracts.no-offer-here", "contracts.policy"), 404: NO_NEGOTIATION})
    async def counter(self, request: web.Request, wish: Counter) -> NegotiationView:
        """Answers with terms of our own."""
        slug = await self._slug(request)
        name = request.match_info["id"]
        return self._shown(await self._db.write(slug, self._contracts.counter, slug, name, wish.policy))

    @problem_codes({400: ("contracts.ended",), 404: NO_NEGOTIATION})
    async def terminate(self, request: web.Request, wish: Declining) -> NegotiationView:
        """Ends it without an agreement."""
        slug, name = await self._slug(request), request.match_info["id"]
        reason = {"de": [wish.reason], "en": [wish.reason]}
        return self._shown(await self._db.write(slug, self._contracts.terminate, slug, name, "operator", reason))

    async def agreements(self, request: web.Request) -> AgreementsView:
        """Those of both roles, the youngest first."""
        slug = await self._slug(request)
        return AgreementsView(await self._db.read(slug, self._agreements.all, slug))

    @problem_codes(NO_AGREEMENT)
    async def agreement(self, request: web.Request) -> AgreementView:
        """One agreement, by id or UUID."""
        slug, agreement = await self._one(request)
        return await self._db.read(slug, self._agreements.one, slug, agreement)

    @problem_codes({404: ("contracts.no-agreement", "contracts.no-object")})
    async def text(self, request: web.Request) -> web.StreamResponse:
        """The contract as it was sealed, to be read."""
        slug, agreement = await self._one(request)
        html = await self._db.read(slug, self._contracts.agreements.text, slug, agreement)
        headers = {"Content-Security-Policy": PAGE}
        return web.Response(body=html, content_type="text/html", charset="utf-8", headers=headers)

    @problem_codes({400: ("contracts.not-final",), **NO_AGREEMENT})
    async def bundle(self, request: web.Request) -> web.StreamResponse:
        """The evidence bundle, for `hanse verify`."""
        slug, agreement = await self._one(request)
        return web.Response(body=await self._evidence.bundle(slug, agreement.id), content_type="application/zip")

    routes: ClassVar[tuple[Route, ...]] = (
        post(f"{PARTICIPANT}/terms", terms),
        post(f"{PARTICIPANT}/negotiations", request, 201),
        get(f"{PARTICIPANT}/negotiations", negotiations),
        post(f"{PARTICIPANT}/proposals", propose, 201),
        post(f"{PARTICIPANT}/negotiations/{{id}}/accept", accept),
        post(f"{PARTICIPANT}/negotiations/{{id}}/counter", counter),
        get(f"{PARTICIPANT}/negotiations/{{id}}", negotiation, WAIT),
        post(f"{PARTICIPANT}/negotiations/{{id}}/terminate", terminate),
        get(f"{PARTICIPANT}/agreements", agreements),
        get(f"{PARTICIPANT}/agreements/{{id}}", agreement),
        get(f"{PARTICIPANT}/agreements/{{id}}/text", text, media="text/html"),
        get(f"{PARTICIPANT}/agreements/{{id}}/evidence", bundle, media="application/zip"),
    )

    async def _described(self, slug: str, row: NegotiationRow, *, look: bool) -> Described | None:
        """What we were shown of the data; of a proposal we `look` when a person does, and keep what they see."""
        if row.kernel.role is not Role.CONSUMER:
            return None
        kept = await self._db.read(slug, self._contracts.described, row)
        return await self._looked_at(slug, row) if kept is None and look else kept

    async def _looked_at(self, slug: str, row: NegotiationRow) -> Described | None:
        with suppress(HanseError):  # the contract will be read by a person then
            entry = await self._peers.dataset(slug, row.counterparty, row.dataset)
            if (found := of_entry(entry)) is not None:
                return await self._db.write(slug, self._contracts.looked_at, slug, row.id, found)
        return None

    def _shown(self, row: NegotiationRow, described: Described | None = None) -> NegotiationView:
        own = self._participants.held(row.participant).participant.did
        return negotiation(self._engine, self._members, own, row, described)

    async def _one(self, request: web.Request) -> tuple[str, Agreement]:
        slug, name = await self._slug(request), request.match_info["id"]
        return slug, await self._db.read(slug, self._contracts.agreements.named, slug, name)

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id


def _proposed(row: NegotiationRow) -> bool:
    """An offer that nobody asked for lies before us."""
    return row.proposed and row.kernel.role is Role.CONSUMER and row.shown == "OFFERED"


def _rests(row: NegotiationRow) -> bool:
    """At its end, or an offer lies before us that a person has to read."""
    waits = row.kernel.role is Role.CONSUMER and row.shown == "OFFERED"
    return waits or row.shown in ("FINALIZED", "TERMINATED")

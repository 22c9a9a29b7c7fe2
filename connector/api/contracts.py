"""Negotiations, agreements and evidence over the management surface."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.asking import Wish, chosen
from connector.api.members import Members
from connector.api.peers import Peers
from connector.api.shown import Agreements
from connector.api.terms import clauses, offered, seeker_of
from connector.api.waiting import Waiting
from connector.clock import Clock
from connector.contracts.approval import Approval
from connector.contracts.document.described_data import Described, of_entry
from connector.contracts.evidence.service import Evidence
from connector.contracts.model import Agreement, NegotiationRow
from connector.contracts.negotiation.service import Contracts
from connector.errors import HanseError, Mistake, Unavailable
from connector.http.limits import PAGE
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.protocol.process import Role
from connector.storage.database import Database
from connector.trust.members.trust_list import Anchor

AT_ONCE = 5
"""Proposals whose data are looked up in the providers' catalogues when the negotiations are listed."""


class Proposal(msgspec.Struct, frozen=True):
    """Which published offer of ours we make to whom (a DID or a member's name), who has not asked."""

    consumer: str
    offer: str


class Counter(msgspec.Struct, frozen=True):
    """Our terms instead of those that lie before us: an ODRL policy as JSON."""

    policy: dict[str, Any]


class Acceptance(msgspec.Struct, frozen=True):
    """`terms` is the digest of what was read, as the negotiation shows it; `unworded`: also without sentences.

    `approval` says who decided; without it the signed approval names nobody.
    """

    terms: str
    unworded: bool = False
    approval: Approval | None = None


class Ending(msgspec.Struct, frozen=True):
    reason: str


class ContractHandlers:
    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, evidence: Evidence,
        peers: Peers, anchor: Anchor, waiting: Waiting, judge: PolicyEngine, agreements: Agreements,
    ) -> None:  # fmt: skip
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._evidence, self._peers, self._anchor, self._waiting = evidence, peers, anchor, waiting
        self._judge, self._members, self._agreements = judge, Members(anchor), agreements

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.post(f"{base}/terms", self.terms),
            web.post(f"{base}/negotiations", self.request),
            web.get(f"{base}/negotiations", self.negotiations),
            web.post(f"{base}/proposals", self.propose),
            web.post(f"{base}/negotiations/{{id}}/accept", self.accept),
            web.post(f"{base}/negotiations/{{id}}/counter", self.counter),
            web.get(f"{base}/negotiations/{{id}}", self.negotiation),
            web.post(f"{base}/negotiations/{{id}}/terminate", self.terminate),
            web.get(f"{base}/agreements", self.agreements),
            web.get(f"{base}/agreements/{{id}}", self.agreement),
            web.get(f"{base}/agreements/{{id}}/text", self.text),
            web.get(f"{base}/agreements/{{id}}/evidence", self.bundle),
        ]

    def _case(self, case: NegotiationRow, described: Described | None = None) -> dict[str, object]:
        """The `policy` on the table: its `clauses` in words (none: it cannot be said), `terms` its digest.

        `deferred` points to the clauses of our offer that only a later phase decides; as consumer we are not told.
        `described` is, as consumer, what the provider's catalogue says of the data.
        """
        return {
            "id": case.id, "role": str(case.kernel.role), "state": case.shown, "states": case.states,
            "proposed": case.proposed, "counterparty": case.counterparty,
            "partner": self._members.name(case.counterparty), "dataset": case.dataset, "title": case.title,
            "created_at": case.created_at, "changed_at": case.changed_at,
            "offer": case.offer, "policy": case.policy, "terms": self._judge.digest(case.policy),
            "clauses": clauses(self._judge, case.policy), "agreement": case.agreement,
            "reason": sentences(case.reason), "deferred": case.deferred, "described": described,
        }  # fmt: skip

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _current(self) -> None:
        """Nothing new is negotiated by a trust list that has run out."""
        if not self._anchor.fresh(self._clock.now()):
            raise Unavailable("api.list-stale")

    def _somebody(self, own: str, named: str) -> str:
        """The DID of another participant; raises Mistake if it is our own, with whom no contract could be concluded."""
        if (did := self._members.did(named)) == own:
            raise Mistake("api.oneself")
        return did

    async def request(self, request: web.Request) -> web.StreamResponse:
        """Fetches the offer as it stands now and asks for it: 201 with the negotiation's id."""
        own = (await self._participants.get(request.match_info["p"])).participant
        slug, wish = own.id, await body.read(request, Wish)
        self._current()
        partner = await self._peers.partner(slug, self._somebody(own.did, wish.provider))
        found = await chosen(self._peers, slug, partner.did, wish)
        found.read(self._judge, wish)
        case = await self._db.write(
            slug, self._contracts.request, slug, partner, found.dataset, found.policy, wish.purpose, wish.action,
            wish.approval, wish.replaces, found.described, found.title,
        )  # fmt: skip
        return body.answer({"id": case.id}, 201)

    async def terms(self, request: web.Request) -> web.StreamResponse:
        """What a request with the same body would ask for, in words: nothing is asked yet."""
        hosted = await self._participants.get(request.match_info["p"])
        wish = await body.read(request, Wish)
        did = self._somebody(hosted.participant.did, wish.provider)
        if not self._members.admitted(did, self._clock.now()):
            raise Mistake("api.no-member", did=did[:200])
        found = await chosen(self._peers, hosted.participant.id, did, wish)
        requester = seeker_of(self._anchor, hosted.participant.did)
        return body.answer({
            "provider": did, "partner": self._members.name(did), "dataset": found.dataset, "title": found.title,
            "terms": found.digest(self._judge), "policy": found.policy,
            "described": found.described, "data": found.data,
            **offered(self._judge, requester, found.policy, self._clock.now()),
        })  # fmt: skip

    async def negotiation(self, request: web.Request) -> web.StreamResponse:
        slug, case_id = await self._slug(request), request.match_info["id"]

        async def look() -> NegotiationRow:
            return await self._db.read(slug, self._contracts.one, slug, case_id)

        case = await self._waiting.until(request, case_id, look, _rests)
        return body.answer(self._case(case, await self._described(slug, case, look=_proposed(case))))

    async def negotiations(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        found = await self._db.read(slug, self._contracts.all, slug)
        look = [case.id for case in found if _proposed(case)][:AT_ONCE]
        shown = await asyncio.gather(*(self._described(slug, case, look=case.id in look) for case in found))
        return body.answer({"negotiations": [self._case(*both) for both in zip(found, shown, strict=True)]})

    async def _described(self, slug: str, case: NegotiationRow, *, look: bool) -> Described | None:
        """What we were shown of the data; of a proposal we `look` when a person does, and keep what they see."""
        if case.kernel.role is not Role.CONSUMER:
            return None
        kept = await self._db.read(slug, self._contracts.described, case)
        if kept is not None or not look:
            return kept
        with suppress(HanseError):  # the contract will be read by a person then
            entry = await self._peers.dataset(slug, case.counterparty, case.dataset)
            if (found := of_entry(entry)) is not None:
                return await self._db.write(slug, self._contracts.looked_at, slug, case.id, found)
        return None

    async def propose(self, request: web.Request) -> web.StreamResponse:
        """Offers a published dataset to a member that has not asked: 201 with the negotiation's id."""
        own = (await self._participants.get(request.match_info["p"])).participant
        slug, wish = own.id, await body.read(request, Proposal)
        self._current()
        partner = await self._peers.partner(slug, self._somebody(own.did, wish.consumer))
        case = await self._db.write(slug, self._contracts.propose, slug, partner, wish.offer)
        return body.answer({"id": case.id}, 201)

    async def accept(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, Acceptance)
        case = await self._db.write(
            slug, self._contracts.accept, slug, request.match_info["id"], wish.terms, unworded=wish.unworded,
            approval=wish.approval,
        )  # fmt: skip
        return body.answer(self._case(case))

    async def counter(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, Counter)
        case = await self._db.write(slug, self._contracts.counter, slug, request.match_info["id"], wish.policy)
        return body.answer(self._case(case))

    async def terminate(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, Ending)
        reason = {"de": [wish.reason], "en": [wish.reason]}
        case = await self._db.write(slug, self._contracts.terminate, slug, request.match_info["id"], "operator", reason)
        return body.answer(self._case(case))

    async def agreements(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        return body.answer({"agreements": await self._db.read(slug, self._agreements.all, slug)})

    async def _one(self, request: web.Request) -> tuple[str, Agreement]:
        slug, name = await self._slug(request), request.match_info["id"]
        return slug, await self._db.read(slug, self._contracts.agreements.named, slug, name)

    async def agreement(self, request: web.Request) -> web.StreamResponse:
        slug, agreement = await self._one(request)
        return body.answer(await self._db.read(slug, self._agreements.one, slug, agreement))

    async def text(self, request: web.Request) -> web.StreamResponse:
        slug, agreement = await self._one(request)
        html = await self._db.read(slug, self._contracts.agreements.text, slug, agreement)
        headers = {"Content-Security-Policy": PAGE}
        return web.Response(body=html, content_type="text/html", charset="utf-8", headers=headers)

    async def bundle(self, request: web.Request) -> web.StreamResponse:
        slug, agreement = await self._one(request)
        return web.Response(body=await self._evidence.bundle(slug, agreement.id), content_type="application/zip")


def sentences(reason: dict[str, list[str]] | None) -> dict[str, str] | None:
    return None if reason is None else {lang: " ".join(parts) for lang, parts in reason.items()}


def _proposed(case: NegotiationRow) -> bool:
    """An offer that nobody asked for lies before us."""
    return case.proposed and case.kernel.role is Role.CONSUMER and case.shown == "OFFERED"


def _rests(case: NegotiationRow) -> bool:
    """At its end, or an offer lies before us that a person has to read."""
    waits = case.kernel.role is Role.CONSUMER and case.shown == "OFFERED"
    return waits or case.shown in ("FINALIZED", "TERMINATED")

"""The life of an agreement over the management surface: its end, who succeeded whom, old and new side by side."""

from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.exchange.contracts.document import clause_diff
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.delivery import TerminationDelivery
from connector.exchange.contracts.termination.statement import Terminations
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.api.routes import (
    AWAY,
    NO_AGREEMENT,
    PARTICIPANT,
    STRANGER,
    Query,
    Route,
    get,
    post,
    problem_codes,
)
from connector.surfaces.requests.peers import Peers
from connector.surfaces.views.termination import ClauseComparisonView, LifeView, Lives


class TerminationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the agreement ends; `reason_en` if the reason is at hand in English too.

    `notice`: the last day on which it is in force (31.03.2027 or 2027-03-31), or an instant; without it the end is now.
    """

    reason: str
    reason_en: str | None = None
    notice: str | None = None


class TerminationHandlers:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        contracts: Contracts,
        terminations: Terminations,
        delivery: TerminationDelivery,
        peers: Peers,
        engine: PolicyEngine,
        anchor: Anchor,
    ) -> None:
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._terminations, self._delivery, self._peers, self._engine = terminations, delivery, peers, engine
        self._lives = Lives(contracts, terminations, anchor)

    @problem_codes(
        {
            400: (
                "contracts.no-certificate",
                "endings.long-reason",
                "endings.no-reason",
                "endings.no-sooner",
                "endings.not-in-force",
                "endings.notice",
                "endings.stated",
            ),
            503: ("endings.late",),
            **NO_AGREEMENT,
        }
    )
    async def end(self, request: web.Request, wish: TerminationRequest) -> LifeView:
        """States that it ends, sealed in the participant's name; answers with the same as `life`."""
        slug, name = await self._slug(request), request.match_info["id"]
        notice = None if wish.notice is None else statement.day_of_notice(wish.notice, self._clock.now())
        reason = {"de": [wish.reason], "en": [wish.reason_en or wish.reason]}
        await self._delivery.end(slug, name, reason, notice)
        return await self._db.read(slug, self._lives.one, slug, name)

    @problem_codes(NO_AGREEMENT)
    async def life(self, request: web.Request) -> LifeView:
        """Statements of either side with how the delivery of ours went, when it ended, who stands in for whom, what it
        took the place of and what has taken its own, and how far the consumer's seal has got.
        """
        slug, name = await self._slug(request), request.match_info["id"]
        return await self._db.read(slug, self._lives.one, slug, name)

    @problem_codes(
        {
            400: ("contracts.policy", "endings.nothing-to-compare", "peer.no-dataset"),
            401: STRANGER,
            503: AWAY,
            **NO_AGREEMENT,
        }
    )
    async def comparison(self, request: web.Request) -> ClauseComparisonView:
        """Its clauses beside those of another agreement, of a negotiation, or of an offer on the same dataset."""
        slug, name = await self._slug(request), request.match_info["id"]
        other = request.query.get("with", "")
        agreement, policy = await self._db.read(slug, self._pair, slug, name, other)
        if policy is None:
            policy = await self._offered(slug, agreement, other)
        old, new = (clause_diff.clauses(self._engine, one) for one in (agreement.policy, policy))
        rows = clause_diff.compare(old, new)
        return ClauseComparisonView(agreement=agreement.id, other=other, complete=bool(old and new), rows=rows)

    routes: ClassVar[tuple[Route, ...]] = (
        post(f"{PARTICIPANT}/agreements/{{id}}/end", end, 201),
        get(f"{PARTICIPANT}/agreements/{{id}}/life", life),
        get(f"{PARTICIPANT}/agreements/{{id}}/comparison", comparison, Query("with", "The id of the other one.")),
    )

    def _pair(self, tx: Tx, slug: str, name: str, other: str) -> tuple[Agreement, Mapping[str, object] | None]:
        """The agreement, and the terms of the other one if that is ours already."""
        agreements = self._contracts.agreements
        agreement = agreements.named(tx, slug, name)
        with suppress(Unknown):
            return agreement, agreements.named(tx, slug, other).policy
        with suppress(Unknown):
            return agreement, self._contracts.get(tx, slug, other if ":" in other else f"urn:uuid:{other}").policy
        return agreement, None

    async def _offered(self, slug: str, agreement: Agreement, offer: str) -> Mapping[str, object]:
        """An offer as the provider shows it now; raises Mistake if it shows no such offer on this dataset."""
        entry = (
            {}
            if agreement.role == "provider"
            else await self._peers.dataset(slug, agreement.counterparty, agreement.dataset)
        )
        for one in entry.get("hasPolicy", ()):
            if one["@id"] == offer:
                found = {**one, "target": agreement.dataset}
                self._contracts.agreements.deal(found)  # a stranger wrote it; what is not valid is said, not our defect
                return found
        raise Mistake("endings.nothing-to-compare", other=offer[:200])

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

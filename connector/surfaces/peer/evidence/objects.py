"""Signed objects and bundles for the partners of a negotiation, and for nobody else (spec/contracts.md 3.2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from connector.exchange.contracts.document import second_seal
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace
from connector.foundation.http.refusals import WrongMedia
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.routes import Call, Route

Bundle = Callable[[str, str], Awaitable[bytes]]
"""(participant, agreement IRI) -> the evidence bundle, sealed on demand."""
Late = Callable[[str, NegotiationRow, Agreement, str, str], Awaitable[None]]
"""(participant, negotiation, agreement, compact JWS, what is said of a second seal): checks and books a late
countersignature."""
JOSE = "application/jose"
LONGEST_SEAL = 32_768
"""Bytes of a countersignature with its certificates."""


class EvidenceHandlers:
    """A bundle costs a seal and a walk through the log: ten at once per peer, then one a second.

    A late countersignature makes us fetch and check (threat T46): paced alike, after the look-up.
    """

    def __init__(self, exchange: Exchange, contracts: Contracts, bundle: Bundle, late: Late, clock: Clock) -> None:
        self._exchange, self._contracts, self._bundle, self._late = exchange, contracts, bundle, late
        self._pace = Pace(clock, burst=10, per_s=1)
        self._late_pace = Pace(clock, burst=10, per_s=1)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/evidence/objects/{sha256}", self.object),
            Route("GET", "/evidence/{agreement}", self.bundle),
            Route("POST", "/evidence/{agreement}/countersignature", self.countersignature),
        ]

    async def object(self, call: Call) -> web.StreamResponse:
        item = await self._exchange.within(
            call, self._contracts.agreements.object_for, call.participant.id, call.params["sha256"], call.peer.did
        )
        return web.Response(body=item.body, content_type=item.media_type)

    async def bundle(self, call: Call) -> web.StreamResponse:
        iri = f"urn:uuid:{call.params['agreement']}"
        agreement = await self._exchange.within(
            call, self._contracts.agreements.get, call.participant.id, iri, call.peer.did
        )
        self._pace.spend((call.participant.id, call.peer.did))  # after the look-up: to others it is not even there
        body = await self._bundle(call.participant.id, agreement.id)
        return web.Response(body=body, content_type="application/zip")

    async def countersignature(self, call: Call) -> web.StreamResponse:
        """204 once it is booked, also for the same one again; 409 for another one, or when it is too late."""
        if call.request.content_type != JOSE:
            raise WrongMedia("http.body-media", expected=JOSE)
        body = await limits.read_body(call.request, limit=LONGEST_SEAL)
        try:
            seal = body.decode("ascii")
        except UnicodeDecodeError as cause:
            raise PeerError("contracts.countersignature-invalid", why="seal-form") from cause
        slug, iri = call.participant.id, f"urn:uuid:{call.params['agreement']}"
        arriving = self._contracts.countersigning.arriving
        found = await self._exchange.within(call, arriving, slug, iri, call.peer.did, seal)
        if found is not None:
            self._late_pace.spend((slug, call.peer.did))
            await self._late(slug, *found, seal, call.request.headers.get(second_seal.HEADER, ""))
        return web.Response(status=204)

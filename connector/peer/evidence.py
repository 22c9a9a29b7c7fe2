"""Signed objects and bundles for the partners of a negotiation, and for nobody else (contracts.md 9)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from connector.clock import Clock
from connector.contracts.service import Contracts
from connector.http.pace import Pace
from connector.peer.exchange import Exchange
from connector.peer.routes import Call, Route

Bundle = Callable[[str, str], Awaitable[bytes]]
"""(participant, agreement IRI) -> the evidence bundle, sealed on demand."""


class EvidenceHandlers:
    """A bundle costs a seal and a walk through the log: ten at once per peer, then one a second."""

    def __init__(self, exchange: Exchange, contracts: Contracts, bundle: Bundle, clock: Clock) -> None:
        self._exchange, self._contracts, self._bundle = exchange, contracts, bundle
        self._pace = Pace(clock, burst=10, per_s=1)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/evidence/objects/{sha256}", self.object),
            Route("GET", "/evidence/{agreement}", self.bundle),
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

"""Negotiation endpoints for both roles below one base; our own pid finds the process, its role says what is legal."""

from typing import Any, cast

import msgspec
from aiohttp import web

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.protocol import messages as m
from connector.surfaces.peer.dsp.exchange import Exchange, answer, message, partner
from connector.surfaces.peer.routes import Call, Handler, Route

_BASE = "/2025-1/negotiations"


class NegotiationHandlers:
    def __init__(self, exchange: Exchange, contracts: Contracts, anchor: Anchor, clock: Clock) -> None:
        self._exchange, self._contracts, self._anchor, self._clock = exchange, contracts, anchor, clock

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{_BASE}/request", self.request),
            Route("POST", f"{_BASE}/offers", self.offer),
            Route("GET", f"{_BASE}/{{pid}}", self.get),
            Route("POST", f"{_BASE}/{{pid}}/request", self._further(m.ContractRequestMessage)),
            Route("POST", f"{_BASE}/{{pid}}/offers", self._further(m.ContractOfferMessage)),
            Route("POST", f"{_BASE}/{{pid}}/agreement", self._further(m.ContractAgreementMessage)),
            Route(
                "POST", f"{_BASE}/{{pid}}/agreement/verification", self._further(m.ContractAgreementVerificationMessage)
            ),
            Route("POST", f"{_BASE}/{{pid}}/events", self._further(m.ContractNegotiationEventMessage)),
            Route("POST", f"{_BASE}/{{pid}}/termination", self._further(m.ContractNegotiationTerminationMessage)),
        ]

    async def request(self, call: Call) -> web.StreamResponse:
        """201 with the new negotiation, 200 with the known one if the peer repeats itself."""
        asked, digest = await message(call, m.ContractRequestMessage)
        who = await self._beginner(call, asked.callback_address)
        reply = await self._exchange.within(
            call, self._contracts.receive_request, call.participant.id, who, asked, digest
        )
        return answer(shown(reply.case), 201 if reply.created else 200)

    async def offer(self, call: Call) -> web.StreamResponse:
        """The same for a provider that begins."""
        offered, digest = await message(call, m.ContractOfferMessage)
        who = await self._beginner(call, offered.callback_address)
        reply = await self._exchange.within(
            call, self._contracts.receive_offer, call.participant.id, who, offered, digest
        )
        return answer(shown(reply.case), 201 if reply.created else 200)

    async def _beginner(self, call: Call, callback: str | None) -> Partner:
        """Who may begin a negotiation: a member by a list that is current, with an address for our answers."""
        if callback is None:
            raise PeerError("contracts.no-callback")
        if not self._anchor.fresh_between(call.participant.did, call.peer.did, self._clock.now()):
            raise PeerError("peer.list-stale")
        return await self._exchange.beginner(call, callback)

    async def get(self, call: Call) -> web.StreamResponse:
        case = await self._exchange.within(
            call, self._contracts.get, call.participant.id, call.params["pid"], call.peer.did
        )
        return answer(shown(case))

    def _further(self, cls: type[msgspec.Struct]) -> Handler:
        async def handle(call: Call) -> web.StreamResponse:
            told, digest = await message(call, cls)
            reply = await self._exchange.within(
                call, self._contracts.receive, call.participant.id, partner(call.peer), call.params["pid"], told, digest
            )
            return answer(shown(reply.case))

        return handle


def shown(case: NegotiationRow) -> m.ContractNegotiation:
    """Our own words, which nobody has to check again."""
    return m.ContractNegotiation(
        provider_pid=case.provider_pid or "", consumer_pid=case.consumer_pid or "", state=cast(Any, case.shown)
    )

"""The partner's sealed statement that an agreement ends (spec/contracts.md 6.1): a door below a participant's root.

Only a party of that agreement finds the door at all; the seal, not the call, is what counts. Threat T47.
"""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from connector.exchange.contracts.agreement.termination_store import Termination
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.statement import SealedStatement, StatementVerifier, Terminations
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import PeerError
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace
from connector.foundation.storage.database import Tx
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.routes import Call, Route
from connector.verify.formats import jades
from connector.verify.formats.faults import Fault

LIMIT = 131_072
"""Bytes of a request: a seal of at most 64 kB beside a statement."""


class TerminationHandlers:
    """A statement costs the check of a seal: five at once per peer, then one a second."""

    def __init__(
        self,
        exchange: Exchange,
        terminations: Terminations,
        judge: Callable[[str, str, SealedStatement], Awaitable[StatementVerifier]],
        clock: Clock,
    ) -> None:
        self._exchange, self._terminations, self._judge = exchange, terminations, judge
        self._pace = Pace(clock, burst=5, per_s=1)

    def routes(self) -> list[Route]:
        return [Route("POST", "/evidence/{agreement}/termination", self.receive)]

    async def receive(self, call: Call) -> web.StreamResponse:
        """201 with when it takes effect here; 200 for the same statement again, 409 for another one."""
        self._pace.spend((call.participant.id, call.peer.did))
        told = statement.read(await limits.read_json(call.request, limit=LIMIT))
        try:
            jades.read(told.jws)
        except Fault as fault:
            raise PeerError("contracts.seal-invalid", code=fault.code) from fault
        judge = await self._judge(call.participant.id, call.peer.did, told)
        booked, new = await self._exchange.within(call, self._received, call, told, judge)
        said = msgspec.json.encode({"effective": rfc3339(booked.effective)})
        return web.Response(status=201 if new else 200, body=said, content_type="application/json")

    def _received(
        self, tx: Tx, call: Call, told: SealedStatement, judge: StatementVerifier
    ) -> tuple[Termination, bool]:
        return self._terminations.receive(tx, call.participant.id, call.peer.did, call.params["agreement"], told, judge)

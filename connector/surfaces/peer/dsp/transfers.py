"""Transfer endpoints for both roles below one base (spec/protocol.md 1.2)."""

from typing import Any, cast

import msgspec
from aiohttp import web

from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.service import Transfers
from connector.foundation.storage.database import Tx
from connector.kernel.protocol import messages as m
from connector.surfaces.peer.dsp.exchange import Exchange, answer, message, partner
from connector.surfaces.peer.routes import Call, Handler, Route

_BASE = "/2025-1/transfers"


class TransferHandlers:
    def __init__(self, exchange: Exchange, transfers: Transfers) -> None:
        self._exchange, self._transfers = exchange, transfers

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{_BASE}/request", self.request),
            Route("GET", f"{_BASE}/{{pid}}", self.get),
            Route("POST", f"{_BASE}/{{pid}}/start", self._further(m.TransferStartMessage)),
            Route("POST", f"{_BASE}/{{pid}}/completion", self._further(m.TransferCompletionMessage)),
            Route("POST", f"{_BASE}/{{pid}}/suspension", self._further(m.TransferSuspensionMessage)),
            Route("POST", f"{_BASE}/{{pid}}/termination", self._further(m.TransferTerminationMessage)),
        ]

    async def request(self, call: Call) -> web.StreamResponse:
        """201 with the new transfer, 200 with the known one if the peer repeats itself."""
        asked, digest = await message(call, m.TransferRequestMessage)
        slug, who, created = call.participant.id, await self._exchange.beginner(call, asked.callback_address), True

        def take(tx: Tx) -> TransferRow:
            nonlocal created
            created = not self._transfers.knows(tx, slug, who.did, asked.consumer_pid)
            return self._transfers.receive_request(tx, slug, who, asked, digest)

        process = await self._exchange.within(call, take)
        return answer(shown(process), 201 if created else 200)

    async def get(self, call: Call) -> web.StreamResponse:
        process = await self._exchange.within(
            call, self._transfers.get, call.participant.id, call.params["pid"], call.peer.did
        )
        return answer(shown(process))

    def _further(self, cls: type[msgspec.Struct]) -> Handler:
        async def handle(call: Call) -> web.StreamResponse:
            told, digest = await message(call, cls)
            process = await self._exchange.within(
                call, self._transfers.receive, call.participant.id, partner(call.peer), call.params["pid"], told, digest
            )
            return answer(shown(process))

        return handle


def shown(process: TransferRow) -> m.TransferProcess:
    """Our own words, which nobody has to check again."""
    return m.TransferProcess(
        provider_pid=process.provider_pid or "", consumer_pid=process.consumer_pid or "", state=cast(Any, process.shown)
    )

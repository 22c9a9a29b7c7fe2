"""Transfers and received files over the management surface."""

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.contracts import sentences
from connector.api.peers import Peers
from connector.api.waiting import Waiting
from connector.contracts.model import Agreement
from connector.contracts.service import Contracts
from connector.errors import Unknown
from connector.http import limits
from connector.participants.service import Participants
from connector.storage.database import Database, Tx
from connector.transfer.model import Process
from connector.transfer.planes import LocalPlane
from connector.transfer.service import Transfers


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Without `purpose` the one of the negotiation counts."""

    agreement: str
    purpose: str | None = None
    action: str | None = None


class TransferHandlers:
    def __init__(
        self, db: Database, participants: Participants, contracts: Contracts, transfers: Transfers, plane: LocalPlane,
        peers: Peers, waiting: Waiting,
    ) -> None:  # fmt: skip
        self._db, self._participants, self._contracts, self._transfers = db, participants, contracts, transfers
        self._plane, self._peers, self._waiting = plane, peers, waiting

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}/transfers"
        return [
            web.post(base, self.request),
            web.get(f"{base}/{{id}}", self.transfer),
            web.get(f"{base}/{{id}}/content", self.content),
        ]

    async def request(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        wish = await body.read(request, Wish)
        agreement, purpose = await self._db.read(slug, self._agreed, slug, wish.agreement)
        partner = await self._peers.partner(slug, agreement.counterparty)
        process = await self._db.write(
            slug, self._transfers.request, slug, partner, agreement.id, wish.purpose or purpose, wish.action
        )
        return body.answer({"id": process.id}, 201)

    def _agreed(self, tx: Tx, slug: str, name: str) -> tuple[Agreement, str | None]:
        agreement = self._contracts.agreements.get(tx, slug, name if ":" in name else f"urn:uuid:{name}")
        return agreement, self._contracts.get(tx, slug, agreement.negotiation).purpose

    async def transfer(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        process_id = request.match_info["id"]

        async def look() -> Process:
            return await self._db.read(slug, self._transfers.get, slug, process_id)

        return body.answer(self._shown(await self._waiting.until(request, process_id, look, _over)))

    @limits.streaming
    async def content(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        process = await self._db.read(slug, self._transfers.get, slug, request.match_info["id"])
        file = self._plane.file(slug, process.id)
        if process.outcome != "received" or file is None:
            raise Unknown("api.no-content")
        return web.FileResponse(file, chunk_size=1 << 20)

    def _shown(self, process: Process) -> dict[str, object]:
        received = self._plane.file(process.participant, process.id) if process.outcome == "received" else None
        return {
            "id": process.id, "role": str(process.kernel.role), "state": process.shown, "agreement": process.agreement,
            "bytes": process.bytes, "sha256": process.sha256, "outcome": process.outcome,
            "reason": sentences(process.reason), "file": None if received is None else str(received),
        }  # fmt: skip


def _over(process: Process) -> bool:
    """At its end on both sides; a consumer is done once the bytes are here."""
    return process.shown in ("COMPLETED", "TERMINATED") and process.kernel.pending is None

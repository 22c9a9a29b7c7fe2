"""Transfers and received files over the management surface."""

from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.contracts import sentences
from connector.api.members import Members
from connector.api.peers import Peers
from connector.api.waiting import Waiting
from connector.contracts.model import Agreement
from connector.contracts.negotiation.service import Contracts
from connector.errors import Unknown
from connector.http import limits
from connector.language.reasons import Reason, because, from_the_wire
from connector.participants.service import Participants
from connector.storage.database import Database, Tx
from connector.transfer.model import Mode, TransferRow
from connector.transfer.plane.pull_errand import LocalPlane
from connector.transfer.service import Transfers
from connector.trust.members.trust_list import Anchor

P = ParamSpec("P")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Without `purpose` the one of the negotiation counts. `mode`: we fetch the data, or the provider sends it."""

    agreement: str
    purpose: str | None = None
    action: str | None = None
    mode: Mode = "pull"


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """What the peer is told; without it a sentence of ours."""

    reason: str | None = None


class TransferHandlers:
    def __init__(
        self, db: Database, participants: Participants, contracts: Contracts, transfers: Transfers, plane: LocalPlane,
        peers: Peers, waiting: Waiting, anchor: Anchor,
    ) -> None:  # fmt: skip
        self._db, self._participants, self._contracts, self._transfers = db, participants, contracts, transfers
        self._plane, self._peers, self._waiting, self._members = plane, peers, waiting, Members(anchor)

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}/transfers"
        return [
            web.post(base, self.request),
            web.get(base, self.transfers),
            web.get(f"{base}/{{id}}", self.transfer),
            web.get(f"{base}/{{id}}/content", self.content),
            web.post(f"{base}/{{id}}/suspend", self.suspend),
            web.post(f"{base}/{{id}}/resume", self.resume),
            web.post(f"{base}/{{id}}/terminate", self.terminate),
        ]

    async def request(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, Wish)
        agreement, acting, purpose = await self._db.read(slug, self._agreed, slug, wish.agreement)
        partner = await self._peers.partner(slug, acting)
        process = await self._db.write(
            slug, self._transfers.request, slug, partner, agreement.id, wish.purpose or purpose, wish.action,
            wish.mode,
        )  # fmt: skip
        return body.answer({"id": process.id}, 201)

    async def transfers(self, request: web.Request) -> web.StreamResponse:
        """Those of both roles, the youngest first; `?agreement=` only those under it, `?before=` those older."""
        slug = await self._slug(request)
        agreement, before = request.query.get("agreement"), request.query.get("before")
        if agreement is not None:
            agreement = (await self._db.read(slug, self._contracts.agreements.named, slug, agreement)).id
        return body.answer({"transfers": await self._db.read(slug, self._listed, slug, agreement, before)})

    def _listed(self, tx: Tx, slug: str, agreement: str | None, before: str | None) -> list[dict[str, object]]:
        found = self._transfers.all(tx, slug, agreement, before)
        titles = self._contracts.titles(tx, slug, {process.agreement for process in found})
        return [self._shown(process, titles) for process in found]

    def _titled(self, tx: Tx, slug: str, process: TransferRow) -> dict[str, object]:
        return self._shown(process, self._contracts.titles(tx, slug, [process.agreement]))

    async def suspend(self, request: web.Request) -> web.StreamResponse:
        slug, process_id, why = await self._wish(request)
        reason = _reason(why, "transfer.suspended-by-operator")
        return await self._moved(slug, self._transfers.suspend, slug, process_id, "operator", reason)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        slug, process_id, _ = await self._wish(request)
        return await self._moved(slug, self._transfers.resume, slug, process_id)

    async def terminate(self, request: web.Request) -> web.StreamResponse:
        slug, process_id, why = await self._wish(request)
        reason = _reason(why, "transfer.ended-by-operator")
        return await self._moved(slug, self._transfers.terminate, slug, process_id, "operator", reason)

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    async def _wish(self, request: web.Request) -> tuple[str, str, Why]:
        why = await body.read(request, Why)
        return await self._slug(request), _iri(request.match_info["id"]), why

    async def _moved(
        self, slug: str, move: Callable[Concatenate[Tx, P], TransferRow], *args: P.args, **kw: P.kwargs
    ) -> web.StreamResponse:
        moved = await self._db.write(slug, move, *args, **kw)
        return body.answer(await self._db.read(slug, self._titled, slug, moved))

    def _agreed(self, tx: Tx, slug: str, name: str) -> tuple[Agreement, str, str | None]:
        """The agreement, who stands in the provider's place in it now, and the purpose that was asked for."""
        agreement = self._contracts.agreements.named(tx, slug, name)
        acting = self._contracts.agreements.acting(tx, agreement)
        return agreement, acting, self._contracts.get(tx, slug, agreement.negotiation).purpose

    async def transfer(self, request: web.Request) -> web.StreamResponse:
        slug, process_id = await self._slug(request), _iri(request.match_info["id"])

        async def look() -> TransferRow:
            return await self._db.read(slug, self._transfers.get, slug, process_id)

        found = await self._waiting.until(request, process_id, look, _over)
        return body.answer(await self._db.read(slug, self._titled, slug, found))

    @limits.streaming
    async def content(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        process = await self._db.read(slug, self._transfers.get, slug, _iri(request.match_info["id"]))
        file = self._plane.file(slug, process.id)
        if process.outcome != "received" or file is None:
            raise Unknown("api.no-content")
        return web.FileResponse(file, chunk_size=1 << 20)

    def _shown(self, process: TransferRow, titles: Mapping[str, str]) -> dict[str, object]:
        received = self._plane.file(process.participant, process.id) if process.outcome == "received" else None
        return {
            "id": process.id, "role": str(process.kernel.role), "state": process.shown, "agreement": process.agreement,
            "counterparty": process.counterparty, "partner": self._members.name(process.counterparty),
            "title": titles.get(process.agreement, ""), "format": process.format,
            "created_at": process.created_at, "changed_at": process.changed_at,
            "bytes": process.bytes, "sha256": process.sha256, "outcome": process.outcome,
            "reason": sentences(process.reason), "held": process.held,
            "file": None if received is None else str(received),
        }  # fmt: skip


def _iri(name: str) -> str:
    """Our ids are `urn:uuid:`; the bare UUID will do in a path."""
    return name if ":" in name else f"urn:uuid:{name}"


def _reason(why: Why, code: str) -> Reason:
    return because(code) if why.reason is None else from_the_wire([why.reason])


def _over(process: TransferRow) -> bool:
    """At its end on both sides; a consumer is done once the bytes are here."""
    return process.shown in ("COMPLETED", "TERMINATED") and process.kernel.pending is None

"""Transfers and received files over the management surface."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Concatenate, ParamSpec

import msgspec
from aiohttp import web

from connector.data.catalogue import concepts
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.model import Mode, TransferRow
from connector.exchange.transfer.plane.pull_errand import LocalPlane
from connector.exchange.transfer.service import Transfers
from connector.foundation.errors import Unknown
from connector.foundation.http import limits
from connector.foundation.language.reasons import Reason, because, from_the_wire
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.routes import AWAY, PARTICIPANT, STRANGER, Query, Route, get, post, problem_codes
from connector.surfaces.api.wait import WAIT, Waiting
from connector.surfaces.requests.peers import Peers
from connector.surfaces.views.members import Members
from connector.surfaces.views.negotiation import StartedView
from connector.surfaces.views.transfer import TransfersView, TransferView, transfer

P = ParamSpec("P")
NO_TRANSFER = {404: ("transfer.unknown",)}
_BASE = f"{PARTICIPANT}/transfers"


class TransferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Purpose and action by IRI, short name or label; without `purpose` the one of the negotiation counts.

    `mode`: we fetch the data, or the provider sends it.
    """

    agreement: str
    purpose: str | None = None
    action: str | None = None
    mode: Mode = "pull"


class TransferReason(msgspec.Struct, frozen=True, kw_only=True):
    """What the peer is told; without it a sentence of ours."""

    reason: str | None = None


class TransferHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        contracts: Contracts,
        transfers: Transfers,
        plane: LocalPlane,
        peers: Peers,
        waiting: Waiting,
        anchor: Anchor,
    ) -> None:
        self._db, self._participants, self._contracts, self._transfers = db, participants, contracts, transfers
        self._plane, self._peers, self._waiting, self._members = plane, peers, waiting, Members(anchor)

    @problem_codes(
        {
            400: ("catalogue.no-action", "catalogue.no-purpose", "transfer.agreement-full", "transfer.own-data"),
            401: STRANGER,
            404: ("contracts.no-agreement", "endings.over"),
            503: AWAY,
        }
    )
    async def request(self, request: web.Request, wish: TransferRequest) -> StartedView:
        """Asks for the data under an agreement."""
        slug = await self._slug(request)
        said, action = wish.purpose and concepts.purpose(wish.purpose).iri, wish.action and concepts.action(wish.action)
        agreement, acting, purpose = await self._db.read(slug, self._agreed, slug, wish.agreement)
        partner = await self._peers.partner(slug, acting)
        row = await self._db.write(
            slug,
            self._transfers.request,
            slug,
            partner,
            agreement.id,
            said or purpose,
            action,
            wish.mode,
        )
        return StartedView(row.id)

    @problem_codes({404: ("contracts.no-agreement", "transfer.unknown")})
    async def transfers(self, request: web.Request) -> TransfersView:
        """Those of both roles, the youngest first."""
        slug = await self._slug(request)
        agreement, before = request.query.get("agreement"), request.query.get("before")
        if agreement is not None:
            agreement = (await self._db.read(slug, self._contracts.agreements.named, slug, agreement)).id
        return await self._db.read(slug, self._listed, slug, agreement, before)

    @problem_codes({400: ("api.wait",), **NO_TRANSFER})
    async def transfer(self, request: web.Request) -> TransferView:
        """One transfer."""
        slug, process_id = await self._slug(request), _iri(request.match_info["id"])

        async def look() -> TransferRow:
            return await self._db.read(slug, self._transfers.get, slug, process_id)

        found = await self._waiting.until(request, slug, process_id, look, _over)
        return await self._db.read(slug, self._titled, slug, found)

    @problem_codes({404: ("api.no-content", "transfer.unknown")})
    @limits.streaming
    async def content(self, request: web.Request) -> web.StreamResponse:
        """The file that was received."""
        slug = await self._slug(request)
        process = await self._db.read(slug, self._transfers.get, slug, _iri(request.match_info["id"]))
        file = self._plane.file(slug, process.id)
        if process.outcome != "received" or file is None:
            raise Unknown("api.no-content")
        return web.FileResponse(file, chunk_size=1 << 20)

    @problem_codes({400: ("transfer.not-now",), **NO_TRANSFER})
    async def suspend(self, request: web.Request, why: TransferReason) -> TransferView:
        """Halts it until it is resumed."""
        slug, name = await self._slug(request), _iri(request.match_info["id"])
        reason = _reason(why, "transfer.suspended-by-operator")
        return await self._moved(slug, self._transfers.suspend, slug, name, "operator", reason)

    @problem_codes({400: ("transfer.held", "transfer.not-now"), **NO_TRANSFER})
    async def resume(self, request: web.Request, why: TransferReason) -> TransferView:
        """Goes on with one that was suspended."""
        slug, name = await self._slug(request), _iri(request.match_info["id"])
        return await self._moved(slug, self._transfers.resume, slug, name)

    @problem_codes({400: ("transfer.not-now",), **NO_TRANSFER})
    async def terminate(self, request: web.Request, why: TransferReason) -> TransferView:
        """Ends it for good."""
        slug, name = await self._slug(request), _iri(request.match_info["id"])
        reason = _reason(why, "transfer.ended-by-operator")
        return await self._moved(slug, self._transfers.terminate, slug, name, "operator", reason)

    routes: ClassVar[tuple[Route, ...]] = (
        post(_BASE, request, 201),
        get(
            _BASE,
            transfers,
            Query("agreement", "Only those under this agreement."),
            Query("before", "Only those that are older than this transfer."),
        ),
        get(f"{_BASE}/{{id}}", transfer, WAIT),
        get(f"{_BASE}/{{id}}/content", content, media="*/*"),
        post(f"{_BASE}/{{id}}/suspend", suspend),
        post(f"{_BASE}/{{id}}/resume", resume),
        post(f"{_BASE}/{{id}}/terminate", terminate),
    )

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    async def _moved(
        self, slug: str, move: Callable[Concatenate[Tx, P], TransferRow], *args: P.args, **kw: P.kwargs
    ) -> TransferView:
        moved = await self._db.write(slug, move, *args, **kw)
        return await self._db.read(slug, self._titled, slug, moved)

    def _agreed(self, tx: Tx, slug: str, name: str) -> tuple[Agreement, str, str | None]:
        """The agreement, who stands in the provider's place in it now, and the purpose that was asked for."""
        agreement = self._contracts.agreements.named(tx, slug, name)
        acting = self._contracts.agreements.acting(tx, agreement)
        return agreement, acting, self._contracts.get(tx, slug, agreement.negotiation).purpose

    def _listed(self, tx: Tx, slug: str, agreement: str | None, before: str | None) -> TransfersView:
        found = self._transfers.all(tx, slug, agreement, before)
        titles = self._contracts.titles(tx, slug, {row.agreement for row in found})
        return TransfersView([self._shown(row, titles) for row in found])

    def _titled(self, tx: Tx, slug: str, row: TransferRow) -> TransferView:
        return self._shown(row, self._contracts.titles(tx, slug, [row.agreement]))

    def _shown(self, row: TransferRow, titles: Mapping[str, str]) -> TransferView:
        received = self._plane.file(row.participant, row.id) if row.outcome == "received" else None
        own = self._participants.held(row.participant).participant.did
        return transfer(self._members, own, row, titles, received)


def _iri(name: str) -> str:
    """Our ids are `urn:uuid:`; the bare UUID will do in a path."""
    return name if ":" in name else f"urn:uuid:{name}"


def _reason(why: TransferReason, code: str) -> Reason:
    return because(code) if why.reason is None else from_the_wire([why.reason])


def _over(process: TransferRow) -> bool:
    """At its end on both sides; a consumer is done once the bytes are here."""
    return process.shown in ("COMPLETED", "TERMINATED") and process.kernel.pending is None

"""A participant moves to another operator, over the management surface: on the socket alone, an archive has it all."""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.continuity.moving import target
from connector.continuity.moving.arrival import ArrivalStatus
from connector.continuity.moving.assemble import MovingSlice
from connector.foundation.errors import Mistake
from connector.foundation.http import limits
from connector.foundation.http.incoming import Incoming
from connector.surfaces.api.routes import AWAY, PARTICIPANT, PREFIX, Problems, Route, get, post, problem_codes
from connector.surfaces.views.moving import (
    ArrivalsView,
    ArrivalView,
    MoveStatementView,
    MoveView,
    arrival,
    arrived,
    move,
)

ARRIVAL = f"{PREFIX}/arrivals/{{p}}"
Text = Annotated[str, Meta(max_length=8_000)]
PIECE = 1 << 18
OVER = ("moving.other-archive", "moving.other-move", "moving.over", "moving.statement")
NOT_EXPECTED = ("moving.not-expected",)
BAD: Problems = {
    400: (
        "moving.agreement",
        "moving.agreements",
        "moving.damaged",
        "moving.forged",
        "moving.incomplete",
        "moving.log",
        "moving.no-archive",
        "moving.other-move",
        "moving.over",
        "moving.path",
        "moving.row",
        "moving.same-place",
        "moving.table",
        "moving.taken",
        "moving.version",
        *NOT_EXPECTED,
    ),
    503: AWAY,
}


class MoveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to`: the address that the new operator made; `fingerprint`: what its people read out."""

    to: Text
    fingerprint: Annotated[str, Meta(max_length=100)]


class ReceiptRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the new operator signed."""

    receipt: Text


class ExpectRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Short name and root that a participant is to have here."""

    slug: Annotated[str, Meta(max_length=80)]
    root: Annotated[str, Meta(max_length=500)] | None = None


class StatementRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the present operator signed."""

    statement: Text | None = None


class MovingHandlers:
    def __init__(self, moving: MovingSlice) -> None:
        self._out, self._in = moving.departures, moving.arrivals

    async def look(self, request: web.Request) -> MoveView:
        """Whether it moves, how far it is, and what an archive would have."""
        return move(await self._out.look(request.match_info["p"]))

    @problem_codes(
        {
            400: (
                "mandates.no-own-key",
                "moving.fingerprint",
                "moving.keeps-space",
                "moving.large",
                "moving.names",
                "moving.not-active",
                "moving.often",
                "moving.other-move",
                "moving.over",
                "moving.same-place",
                "moving.target",
            )
        }
    )
    async def begin_move(self, request: web.Request, wish: MoveRequest) -> MoveView:
        """Lays the participant to rest: from here on nothing is taken in or changed for it."""
        to = target.parse(wish.to)
        if not to.matches(wish.fingerprint):
            raise Mistake("moving.fingerprint")
        return move(await self._out.begin(request.match_info["p"], to))

    @problem_codes({400: ("moving.names", "moving.not-moving", "moving.over"), 503: ("moving.log-waits",)})
    @limits.streaming
    async def archive(self, request: web.Request) -> web.StreamResponse:
        """Everything of it, encrypted for the address. May be asked for again; the newest counts."""
        pieces = self._out.archive(request.match_info["p"])
        first = await anext(pieces)
        answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await answer.prepare(request)
        await answer.write(first)
        async for piece in pieces:
            await answer.write(piece)
        return answer

    @problem_codes({400: ("moving.not-exported", "moving.not-moving", *OVER)})
    async def hand_over(self, request: web.Request, wish: ReceiptRequest) -> MoveStatementView:
        """For good: nothing here acts for it again. The statement with which the new operator begins."""
        return MoveStatementView(await self._out.hand(request.match_info["p"], wish.receipt))

    @problem_codes({400: ("moving.handed", "moving.not-moving")})
    async def stay(self, request: web.Request) -> MoveStatementView:
        """It works here again; the statement with which the new operator gives up."""
        return MoveStatementView(await self._out.back(request.match_info["p"]))

    async def all(self, request: web.Request) -> ArrivalsView:
        """Who is expected, or rests here."""
        return ArrivalsView([arrival(one) for one in await self._in.open()])

    @problem_codes({400: ("participants.root", "participants.slug", "participants.taken")})
    async def expect(self, request: web.Request, wish: ExpectRequest) -> ArrivalView:
        """Keeps a place, and makes the address for the present operator."""
        return arrival(await self._in.expect(wish.slug, wish.root))

    @problem_codes({400: NOT_EXPECTED})
    async def arrival(self, request: web.Request) -> ArrivalView:
        """How far it is."""
        return await self._arrived(await self._in.look(request.match_info["p"]))

    @problem_codes(BAD)
    @limits.streaming
    async def take(self, request: web.Request) -> ArrivalView:
        """Takes an archive in and checks all of it; with the receipt."""
        pieces = Incoming(request).pieces(PIECE)
        return await self._arrived(await self._in.receive(request.match_info["p"], pieces))

    @problem_codes({400: ("moving.not-imported", "moving.stays", *OVER, *NOT_EXPECTED)})
    async def begin(self, request: web.Request, wish: StatementRequest) -> ArrivalView:
        """It works here from now on."""
        return await self._arrived(await self._in.begin(request.match_info["p"], wish.statement or ""))

    @problem_codes({400: ("moving.arrived", "moving.promised", *OVER, *NOT_EXPECTED)})
    async def give_up(self, request: web.Request, wish: StatementRequest) -> ArrivalsView:
        """Frees the place, and removes what rests there."""
        await self._in.give_up(request.match_info["p"], wish.statement)
        return await self.all(request)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/move", look),
        post(f"{PARTICIPANT}/move", begin_move),
        get(f"{PARTICIPANT}/move/archive", archive, media="application/octet-stream"),
        post(f"{PARTICIPANT}/move/hand-over", hand_over),
        post(f"{PARTICIPANT}/move/stay", stay),
        get(f"{PREFIX}/arrivals", all),
        post(f"{PREFIX}/arrivals", expect),
        get(ARRIVAL, arrival),
        post(f"{ARRIVAL}/archive", take, takes="application/octet-stream"),
        post(f"{ARRIVAL}/begin", begin),
        post(f"{ARRIVAL}/give-up", give_up),
    )

    async def _arrived(self, found: ArrivalStatus) -> ArrivalView:
        return arrived(found, await self._in.alike(found.arrival))

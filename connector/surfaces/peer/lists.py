"""`POST /federation/lists`: which lists a member and we hold, and each shows the other one that differs or is newer.

To members alone, of lists in which both belong. What a member shows is believed if its authority signed it; who shows
what nobody signed has told nothing (spec/trust.md 4.8, threat T163).
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from connector.data.federation.lists import CLAIMS_BYTES, ListClaims
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace
from connector.foundation.http.refusals import WrongMedia
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.held_lists import HeldLists, Numbered, digest_of
from connector.identity.trust.members.trust_list import LIMIT
from connector.kernel.protocol.inventory import LISTS
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.places import Places
from connector.surfaces.peer.routes import Call, Route

MEDIA: Final = "application/jose"
AT_ONCE: Final = 4
"""Lists that are taken in at once, one of each member: each is up to 8 MiB."""
WHOLE_S: Final = 30.0
"""How long one may come, from first to last byte: whoever compares waits no longer for all of it."""


class ListHandlers:
    """Each member compares thirty times at once and shows six lists at once, then one a second of either: newer lists
    come once in minutes, and each may be as large as a list."""

    def __init__(self, exchange: Exchange, held: HeldLists, clock: Clock) -> None:
        self._exchange, self._held = exchange, held
        self._pace, self._showing = Pace(clock, burst=30, per_s=1), Pace(clock, burst=6, per_s=1)
        self._places = Places(clock, AT_ONCE, WHOLE_S)

    def routes(self) -> list[Route]:
        one = f"{LISTS}/{{authority}}/{{version}}"
        return [Route("POST", LISTS, self.compare), Route("POST", one, self.show), Route("GET", one, self.read)]

    async def compare(self, call: Call) -> web.StreamResponse:
        """What is held here of the lists in which both belong, whatever the member says that it holds."""
        value = await limits.read_json(call.request, limit=CLAIMS_BYTES)
        try:
            msgspec.convert(value, ListClaims)
        except msgspec.ValidationError as fault:
            raise PeerError("federation.list-claims") from fault
        self._pace.spend((call.participant.id, call.peer.did))
        await self._exchange.within(call, _nothing)
        ours = await self._held.claims(call.participant.did, call.peer.did)
        return web.Response(body=msgspec.json.encode(ListClaims(list(ours))), content_type="application/json")

    async def read(self, call: Call) -> web.StreamResponse:
        """Our list of that number, for whom its authority shows none so new."""
        self._showing.spend((call.participant.id, call.peer.did))
        await self._exchange.within(call, _nothing)
        ours = await self._held.show(call.participant.did, call.peer.did, _which(call), "")
        if ours is None:
            raise Unknown("peer.nothing-here")
        return web.Response(body=ours.encode("ascii"), content_type=MEDIA)

    async def show(self, call: Call) -> web.StreamResponse:
        """Takes a list of the member, and answers with ours of that number, if there is one."""
        if call.request.content_type != MEDIA:
            raise WrongMedia("http.body-media", expected=MEDIA)
        which = _which(call)
        self._showing.spend((call.participant.id, call.peer.did))
        if await self._held.show(call.participant.did, call.peer.did, which, "") is None:
            raise Unknown("peer.nothing-here")
        async with self._places.place(call.peer.did) as arrived:
            body = await limits.read_body(call.request, limit=LIMIT)
            arrived()
            await self._exchange.within(call, _nothing)
            return await self._compared(call, which, body.decode("ascii", "replace").strip())

    async def _compared(self, call: Call, which: Numbered, theirs: str) -> web.StreamResponse:
        beside = await asyncio.to_thread(digest_of, theirs)
        ours = await self._held.show(call.participant.did, call.peer.did, which, beside)
        if ours is None:
            raise Unknown("peer.nothing-here")
        same = beside == await asyncio.to_thread(digest_of, ours)
        if not same and await self._held.judge(which.authority, ours, theirs) == "unproven":
            raise PeerError("federation.list-unproven")
        return web.Response(body=ours.encode("ascii"), content_type=MEDIA)


def _which(call: Call) -> Numbered:
    number = call.params["version"]
    if not number.isascii() or not number.isdecimal() or len(number) > 16:
        raise Unknown("peer.nothing-here")
    return Numbered(call.params["authority"], int(number))


def _nothing(tx: Tx) -> None:
    """The token counts once."""

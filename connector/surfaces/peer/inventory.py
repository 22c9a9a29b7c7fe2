"""`GET /federation/inventory` and `POST /federation/datasets`: what a member may see of a catalogue, and its entries.

Outside the protocol's own paths, announced by a `Link` on the version document, so that nobody else notices it. The tag
of an answer stands for what this requester may see and nothing else: whatever is hidden may change unnoticed (T24).
"""

import asyncio
from collections import defaultdict
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.data.catalogue.inventory import ASKED, Inventory, InventoryEntry, Survey
from connector.data.catalogue.service import Catalogue
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace
from connector.kernel.protocol.inventory import DATASETS, INVENTORY
from connector.kernel.protocol.shape import LONGEST_ID
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.routes import Call, Route

LIMIT: Final = 65_536
assert ASKED * (LONGEST_ID + 4) < LIMIT
NDJSON: Final = "application/x-ndjson"


class EntriesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries are asked for."""

    datasets: Annotated[list[Annotated[str, Meta(max_length=LONGEST_ID)]], Meta(min_length=1, max_length=ASKED)]


class InventoryPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of an inventory (spec/metadata-federation.md 1.2); `more`: ask again, after the last id of this one."""

    participant_id: str
    digest: str
    size: int
    datasets: list[InventoryEntry]
    more: bool


class InventoryHandlers:
    """`clock` paces each peer: 120 rounds and answers at once, then ten a second; most inventories take one."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, clock: Clock) -> None:
        self._exchange, self._made = exchange, catalogue.inventories
        self._pace = Pace(clock, burst=120, per_s=10)
        self._making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def routes(self) -> list[Route]:
        return [Route("GET", INVENTORY, self.inventory), Route("POST", DATASETS, self.datasets)]

    async def inventory(self, call: Call) -> web.StreamResponse:
        self._spend(call)
        after = call.request.query.get("after", "")
        survey = await self._exchange.within(call, self._made.begin, call.participant.id, call.peer.requester)
        made = await self._whole(call, survey)
        headers = {"ETag": f'"{made.digest}"', "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if _held(call.request.headers.get("If-None-Match", ""), made.digest):
            return web.Response(status=304, headers=headers)
        page, more = made.after(after)
        body = InventoryPage(call.participant.did, made.digest, len(made.ids), page, more)
        return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers=headers)

    async def _whole(self, call: Call, survey: Survey) -> Inventory:
        """One at a time for a participant: whoever waits for it most likely finds what the one before made."""
        known = self._made.known(survey)
        if known is not None:
            return known
        async with self._making[call.participant.id]:
            known = self._made.known(survey)
            if known is not None:
                return known
            while not survey.over:
                survey = await self._exchange.reading(call, self._made.go_on, survey)
                if not survey.over:
                    self._spend(call)
            return self._made.finish(survey)

    async def datasets(self, call: Call) -> web.StreamResponse:
        """A line for each of the entries named that this peer may see; what it may not see has none."""
        value = await limits.read_json(call.request, limit=LIMIT)
        try:
            wanted = msgspec.convert(value, EntriesRequest)
        except msgspec.ValidationError as fault:
            raise PeerError("catalogue.inventory-question", problem=str(fault)[:200]) from fault
        self._spend(call)
        found = await self._exchange.within(
            call, self._made.entries, call.participant.id, call.peer.requester, wanted.datasets
        )
        return web.Response(body=b"".join(line + b"\n" for line in found), content_type=NDJSON)

    def _spend(self, call: Call) -> None:
        self._pace.spend((call.participant.id, call.peer.did))


def _held(tags: str, digest: str) -> bool:
    """Whether the peer has it already: the comparison of `If-None-Match` is the weak one (RFC 9110, 13.1.2)."""
    return any(tag.strip().removeprefix("W/") in ("*", f'"{digest}"') for tag in tags[:4096].split(","))

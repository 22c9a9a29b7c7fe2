"""A participant's log for everybody: the newest checkpoint and the tiles of its tree (C2SP tlog-tiles).

Nothing is visible here that no stored checkpoint covers. There are no entry bundles: leaves are salted hashes, and
records reach those whom they concern in evidence bundles.
"""

import re
from typing import Final

from aiohttp import web

from connector.dataspace.witness import cosignatures
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.http.pace import Pace, place
from connector.foundation.storage.database import Database, Tx
from connector.identity.audit import sealer, tiles
from connector.identity.audit.tiles import Tile
from connector.surfaces.peer.routes import Call, Route

FRESH: Final = {"Cache-Control": "public, max-age=5"}
FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_EPOCH: Final = re.compile(r"0|[1-9][0-9]{0,5}")


class LogHandlers:
    """200 requests at once per address, then 50 a second: a whole tree of a million leaves is 4,000 tiles."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._pace = Pace(clock, burst=200, per_s=50)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/log/{epoch}/checkpoint", self.checkpoint, public=True, kept=True),
            Route("GET", "/log/{epoch}/tile/{level}/{place+}", self.tile, public=True, kept=True),
        ]

    async def checkpoint(self, call: Call) -> web.StreamResponse:
        self._pace.spend(place(call.request.remote))
        slug = call.participant.id
        note = await self._db.read(slug, cosignatures.published, slug, _epoch(call))
        if note is None:
            raise Unknown("log.none")
        return web.Response(text=note, content_type="text/plain", charset="utf-8", headers=FRESH)

    async def tile(self, call: Call) -> web.StreamResponse:
        """A tile keeps its bytes for good, a partial one too: the tree only grows."""
        self._pace.spend(place(call.request.remote))
        tile = tiles.named(call.params["level"], call.params["place"])
        body = await self._db.read(call.participant.id, _tile, call.participant.id, _epoch(call), tile)
        return web.Response(body=body, content_type="application/octet-stream", headers=FOREVER)


def _epoch(call: Call) -> int:
    if not _EPOCH.fullmatch(call.params["epoch"]):
        raise Unknown("log.none")
    return int(call.params["epoch"])


def _tile(tx: Tx, participant: str, epoch: int, tile: Tile) -> bytes:
    batch = sealer.latest(tx, participant, epoch)
    if batch is None:
        raise Unknown("log.none")
    return tiles.read(tx, participant, tile, batch.size)

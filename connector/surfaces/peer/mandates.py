"""A mandate as its principal sealed it, for whoever has its digest: partners, auditors, the town (spec/mandates.md 2).

The digest is in contracts and log records alone, so nobody finds out here who works for whom.
"""

import re

import msgspec
from aiohttp import web

from connector.exchange.mandates.service import Mandates
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.http.pace import Pace, place
from connector.surfaces.peer.routes import Call, Route
from connector.surfaces.views import mandate as views

_SHA256 = re.compile(r"[0-9a-f]{64}")


class MandateHandlers:
    """Thirty at once per address, then two a second."""

    def __init__(self, mandates: Mandates, clock: Clock) -> None:
        self._mandates, self._pace = mandates, Pace(clock, burst=30, per_s=2)

    def routes(self) -> list[Route]:
        return [Route("GET", "/mandates/{sha256}", self.one, public=True)]

    async def one(self, call: Call) -> web.StreamResponse:
        self._pace.spend(place(call.request.remote))
        digest = call.params["sha256"]
        if not _SHA256.fullmatch(digest):
            raise Unknown("peer.nothing-here")
        found = await self._mandates.one(call.participant.id, digest)
        return web.Response(body=msgspec.json.encode(views.sealed(found)), content_type="application/json")

"""What anybody may read below a participant's root: its DID document and the protocol versions it speaks."""

from typing import Final

import msgspec
from aiohttp import web

from connector.identity.participants.service import Participants
from connector.kernel.protocol import inventory, versions
from connector.surfaces.peer.routes import Call, Route

CACHE: Final = {"Cache-Control": "public, max-age=60"}


class IdentityHandlers:
    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/did.json", self.document, public=True, kept=True),
            Route("GET", "/.well-known/did.json", self.document, public=True, kept=True),
            Route("GET", "/.well-known/dspace-version", self.versions, public=True),
        ]

    async def document(self, call: Call) -> web.StreamResponse:
        hosted = await self._participants.get(call.participant.id)
        return web.Response(
            body=msgspec.json.encode(hosted.document), content_type="application/did+json", headers=CACHE
        )

    async def versions(self, call: Call) -> web.StreamResponse:
        return web.Response(
            body=versions.document(f"{call.participant.did}#dsp"),
            content_type="application/json",
            headers={**CACHE, "Link": inventory.link(call.participant.root)},
        )

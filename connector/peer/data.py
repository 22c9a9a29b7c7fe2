"""The data route below a participant's root: the plane's handler, told whose root the request came to."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from connector.errors import Unknown
from connector.peer.routes import Call, Route

SLUG: Final = web.RequestKey("slug", str)
Plane = Callable[[web.Request], Awaitable[web.StreamResponse]]


def slug_of(request: web.Request) -> str:
    return request[SLUG]


def routes(plane: Plane) -> list[Route]:
    """Public for the surface, because its bearer token is the plane's own business."""

    async def handle(call: Call) -> web.StreamResponse:
        if call.request.method not in ("GET", "HEAD"):
            raise Unknown("peer.nothing-here")
        call.request[SLUG] = call.participant.id
        call.request.match_info["flow"] = call.params["flow"]
        return await plane(call.request)

    return [Route("GET", "/data/{flow}", handle, public=True, streaming=True)]

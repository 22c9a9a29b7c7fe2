"""The data routes below a participant's root: the plane's handlers, told whose root the request came to."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from connector.foundation.errors import Unknown
from connector.surfaces.peer.routes import Call, Handler, Route

SLUG: Final = web.RequestKey("slug", str)
FLOW: Final = web.RequestKey("flow", str)
Plane = Callable[[web.Request], Awaitable[web.StreamResponse]]


def slug_of(request: web.Request) -> str:
    return request[SLUG]


def flow_of(request: web.Request) -> str:
    return request[FLOW]


def routes(plane: Plane, door: Plane) -> list[Route]:
    """Public for the surface, because their bearer tokens are the plane's own business."""
    incoming = _with_participant(door, "POST", "PUT")
    return [
        Route("GET", "/data/{flow}", _with_participant(plane, "GET", "HEAD"), public=True, streaming=True),
        *(Route(method, "/data/in/{flow}", incoming, public=True, streaming=True) for method in ("POST", "PUT")),
    ]


def _with_participant(plane: Plane, *methods: str) -> Handler:
    async def handle(call: Call) -> web.StreamResponse:
        if call.request.method not in methods:
            raise Unknown("peer.nothing-here")
        call.request[SLUG] = call.participant.id
        call.request[FLOW] = call.params["flow"]
        return await plane(call.request)

    return handle

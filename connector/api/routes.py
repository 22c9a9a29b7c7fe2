"""The management application: all routes in one list, every limit of the public surface applies here too."""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from connector.api.problems import problems
from connector.errors import Mistake, Unauthenticated
from connector.http import limits

SHORTEST_TOKEN = 24
TOTAL_S = 90.0
"""Longer than the longest `?wait=`."""


def bearing(token: str) -> limits.Middleware:
    """401 without this bearer token; Mistake at start if it is too short to be one (threat T25)."""
    if len(token) < SHORTEST_TOKEN:
        raise Mistake("api.token-short", length=SHORTEST_TOKEN)
    expected = sha256(token.encode()).digest()

    @web.middleware
    async def authenticated(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sha256(given.encode()).digest(), expected):
            raise Unauthenticated("api.no-token")
        return await handler(request)

    return authenticated


class Handlers(Protocol):
    def routes(self) -> list[web.RouteDef]: ...


def application(handlers: Iterable[Handlers], token: str | None = None) -> web.Application:
    """The aiohttp application for the Unix socket; on loopback with the `token` that every request must bear."""
    app = limits.application(problems, total_s=TOTAL_S)
    if token is not None:
        app.middlewares.append(bearing(token))
    for group in handlers:
        app.add_routes(group.routes())
    return app

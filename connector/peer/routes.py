"""The public surface as a table: one row per route, each below a participant's root (spec/protocol.md 1.2).

Participants come and go while the process runs, so the root is found per request by (Host, path prefix) and the rest is
looked up here. A path that is nobody's, or a route that is not there, is 404 in the same words.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import unquote

import structlog
from aiohttp import web

from connector.clock import SystemClock
from connector.errors import HanseError, Unavailable, Unknown
from connector.http import limits, strict
from connector.http.refusals import WrongMethod
from connector.participants.model import Participant
from connector.peer.auth import Caller
from connector.peer.foreign_messages import Foreign


class Call(NamedTuple):
    """What a handler gets: the request, whose root it came to, path parameters, who calls (None: public route).

    `foreign` reads what does not come in the plain form.
    """

    request: web.Request
    participant: Participant
    params: dict[str, str]
    caller: Caller | None
    foreign: Foreign

    @property
    def peer(self) -> Caller:
        """The authenticated caller; only on routes that are not public."""
        assert self.caller is not None
        return self.caller


Handler = Callable[[Call], Awaitable[web.StreamResponse]]
Refused = Callable[[Call, HanseError], Awaitable[None]]
"""Learns of an authenticated request that its handler did not take."""


class Route(NamedTuple):
    """`path` is relative to the root, `{name}` one segment, `{name+}` the rest. `public` routes need no token."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    streaming: bool = False


class Directory(Protocol):
    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        """The participant whose root that is, and the path below it."""


class Authenticate(Protocol):
    async def __call__(self, participant: Participant, authorization: str) -> Caller:
        """Who calls; raises Unauthenticated."""


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z0-9_]+\+?\})", path)
    expression = "".join(_group(part) if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(expression + "/?")


def _group(part: str) -> str:
    name = part.strip("{}+")
    return f"(?P<{name}>.+?)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"


class Surface:
    """The one aiohttp handler of the public surface."""

    def __init__(
        self, routes: Sequence[Route], directory: Directory, authenticate: Authenticate, refused: Refused | None = None
    ) -> None:
        self._table = [(route, _pattern(route.path)) for route in routes]
        self._directory, self._authenticate, self._refused = directory, authenticate, refused
        self._foreign = Foreign(SystemClock())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        found = await self._directory.at(request.host.lower(), request.rel_url.raw_path)
        if found is None:
            raise Unknown("peer.nothing-here")
        participant, rest = found
        route, params = self._route(request.method, rest)
        structlog.contextvars.bind_contextvars(participant=participant.id, request=request.get(limits.request_id, ""))
        if route.streaming:
            return await self._call(route, request, participant, params)
        try:
            async with asyncio.timeout(limits.TOTAL_S) as timer:
                return await self._call(route, request, participant, params)
        except TimeoutError as cause:
            if not timer.expired():
                raise
            raise Unavailable("http.request-too-long") from cause

    async def _call(
        self, route: Route, request: web.Request, participant: Participant, params: dict[str, str]
    ) -> web.StreamResponse:
        caller = None
        if not route.public:
            caller = await self._authenticate(participant, request.headers.get("Authorization", ""))
        call = Call(request, participant, params, caller, self._foreign)
        try:
            return await route.handler(call)
        except HanseError as error:
            if caller is not None and self._refused is not None:
                await self._refused(call, error)
            raise

    def _route(self, method: str, rest: str) -> tuple[Route, dict[str, str]]:
        allowed = []
        for route, pattern in self._table:
            match = pattern.fullmatch(rest)
            if match is None:
                continue
            if route.method == method or (method == "HEAD" and route.method == "GET"):
                return route, _parameters(match)
            allowed.append(route.method)
        if allowed:
            raise WrongMethod(method, allowed)
        raise Unknown("peer.nothing-here")


def _parameters(match: re.Match[str]) -> dict[str, str]:
    """No name here contains NUL, and not every database could be asked for one that does; nor what steers a screen, for
    what is not there is named in the answer."""
    params = {name: unquote(value) for name, value in match.groupdict().items()}
    if any(strict.steers(value) for value in params.values()):
        raise Unknown("peer.nothing-here")
    return params


def application(surface: Surface, problems: limits.Middleware, beside: Sequence[web.RouteDef] = ()) -> web.Application:
    """The aiohttp application of the public surface; deadlines are per route, inside the surface.

    Routes `beside` it belong to the whole process: the witness's door, and those of test entry points.
    """
    app = web.Application(middlewares=[limits.edge, problems], client_max_size=strict.LIMIT)
    app.on_response_prepare.append(limits.stamp)
    app.add_routes(beside)
    app.router.add_route("*", "/{tail:.*}", surface.answer)
    return app

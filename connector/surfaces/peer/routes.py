"""The public surface as a table: one row per route, each below a participant's root (spec/protocol.md 1.2).

Participants come and go while the process runs, so the root is found per request by (Host, path prefix) and the rest is
looked up here. A path that is nobody's, or a route that is not there, is 404 in the same words.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import unquote

import structlog
from aiohttp import web

from connector.foundation.clock import Clock, SystemClock
from connector.foundation.errors import HanseError, Unavailable, Unknown
from connector.foundation.http import limits, strict
from connector.foundation.http.deadline import Deadline
from connector.foundation.http.refusals import WrongMethod
from connector.foundation.http.route_table import RouteTable
from connector.identity.participants import succession
from connector.identity.participants.model import Participant
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.foreign_messages import Foreign


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
Asked = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refused = Callable[[Call, HanseError], Awaitable[None]]
"""Learns of an authenticated request that its handler did not take."""


class Route(NamedTuple):
    """`path` is relative to the root, `{name}` one segment, `{name+}` the rest. `public` routes need no token."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    streaming: bool = False
    kept: bool = False
    """Whether it is answered too below the root of a participant that has moved."""


class Directory(Protocol):
    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        """The participant whose root that is, and the path below it."""


class Authenticate(Protocol):
    async def __call__(self, participant: Participant, authorization: str) -> Caller:
        """Who calls; raises Unauthenticated."""


Heir = Callable[[str, int], str | None]
"""(DID, now in ms): who has taken its place by the trust list."""
_NAMES = re.compile(r"\{([a-z0-9_]+)\+?\}")


class Surface:
    """The table, and what every row of it goes through: whose root, which row, who calls, for how long."""

    def __init__(
        self,
        routes: Sequence[Route],
        directory: Directory,
        authenticate: Authenticate,
        refused: Refused | None = None,
        clock: Clock | None = None,
        heir: Heir = lambda did, now: None,
    ) -> None:
        self.routes, self._heir = tuple(routes), heir
        self._table = RouteTable((route.path, (route, tuple(_NAMES.findall(route.path)))) for route in routes)
        self._directory, self._authenticate, self._refused = directory, authenticate, refused
        self._clock = clock or SystemClock()
        self._foreign = Foreign(self._clock)
        self._deadline = Deadline(limits.TOTAL_S)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        found = await self._directory.at(request.host.lower(), request.rel_url.raw_path)
        if found is None:
            raise Unknown("peer.nothing-here")
        participant, rest = found
        now = self._clock.now()
        if not succession.answered(participant, now):
            raise Unknown("peer.nothing-here")
        route, params = self._route(request.method, rest)
        if not route.kept:
            succession.require_here(participant, now)
            succession.require_own_place(participant, self._heir(participant.did, now))
        structlog.contextvars.bind_contextvars(participant=participant.id, request=request.get(limits.request_id, ""))
        if route.streaming:
            return await self._call(route, request, participant, params)
        try:
            with self._deadline.within() as timer:
                request[limits.whole] = timer
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
        wanted = "GET" if method == "HEAD" else method
        allowed = []
        for _, (route, names), values in self._table.matches(rest):
            if route.method in (method, wanted):
                return route, _parameters(names, values)
            allowed.append(route.method)
        if allowed:
            raise WrongMethod(method, allowed)
        raise Unknown("peer.nothing-here")


def _parameters(names: tuple[str, ...], values: tuple[str, ...]) -> dict[str, str]:
    """No name here contains NUL, and not every database could be asked for one that does; nor what steers a screen, for
    what is not there is named in the answer."""
    params = dict(zip(names, map(unquote, values), strict=True))
    if any(strict.steers(value) for value in params.values()):
        raise Unknown("peer.nothing-here")
    return params


def handler(
    surface: Surface,
    problems: limits.Middleware,
    beside: Sequence[web.RouteDef] = (),
    around: Sequence[limits.Middleware] = (),
) -> Asked:
    """The one handler of the public socket; deadlines are per route, inside the surface.

    Routes `beside` it, plain paths, belong to the whole process: the witness's door, and those of test entry points, as
    does what stands `around` everything.
    """
    plain = {(route.method, route.path): route.handler for route in beside}

    async def routed(request: web.Request) -> web.StreamResponse:
        own = plain.get(("GET" if request.method == "HEAD" else request.method, request.path))
        return await (surface.answer if own is None else own)(request)

    async def with_problems(request: web.Request) -> web.StreamResponse:
        return await problems(request, routed)

    whole: Asked = with_problems
    for layer in reversed(around):
        whole = partial(layer, handler=whole)
    return whole

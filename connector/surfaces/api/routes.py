"""The management application. Its routes are a table: the server and the OpenAPI document are both made of it.

Body and answer of a route stand in the signature of its handler, so that the table cannot say anything else than what
the code does. Every limit of the public surface applies here too.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar, get_args, get_type_hints

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from connector.foundation.errors import Mistake, Refusal, Unknown
from connector.foundation.http import limits
from connector.foundation.http.routed import Routed, Row
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Still, acting
from connector.identity.accounts.model import Caller, Scope
from connector.surfaces.api import body
from connector.surfaces.api.problems import problems
from connector.surfaces.api.scopes import ON_SOCKET, scope_of

PREFIX = "/api/v1"
PARTICIPANT = f"{PREFIX}/participants/{{p}}"
TOTAL_S = 90.0
"""Longer than the longest `?wait=`."""
_PROBLEMS = "hanse_problems"
Problems = Mapping[int, tuple[str, ...]]
"""Codes by status."""
NO_AGREEMENT: Problems = {404: ("contracts.no-agreement",)}
STRANGER = ("trust.not-listed",)
"""401: whom we would have to ask is on no trust list."""
AWAY = ("http.unreachable",)
"""503: whom we would have to ask does not answer."""


H = TypeVar("H", bound=Callable[..., Awaitable[object]])


class Query(NamedTuple):
    """A parameter of the query: its type as JSON Schema reads it, and what it is for."""

    name: str
    text: str
    type: Any = str


class Route(NamedTuple):
    """`handler` is a function of a class of handlers. `body` is a Struct, or the media type of bytes; `answer` too.

    `also` are further statuses with the same answer; `problems` are the codes that belong to this route.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[..., Awaitable[Any]]
    body: type[msgspec.Struct] | str | None
    answer: type[msgspec.Struct] | str
    status: int
    also: tuple[int, ...]
    query: tuple[Query, ...]
    problems: Problems


def problem_codes(codes: Problems) -> Callable[[H], H]:
    """Says of a handler with which codes it may refuse, beside those that the form of its route entails."""

    def told(handler: H) -> H:
        setattr(handler, _PROBLEMS, codes)
        return handler

    return told


def get(
    path: str, handler: Callable[..., Awaitable[Any]], *query: Query, media: str = "", also: tuple[int, ...] = ()
) -> Route:
    """`media`: what the handler answers with, if that is no JSON."""
    return Route("GET", path, handler, None, media or _answer(handler), 200, also, query, _problems(handler))


def post(
    path: str,
    handler: Callable[..., Awaitable[Any]],
    status: int = 200,
    *query: Query,
    takes: str = "",
    media: str = "",
    also: tuple[int, ...] = (),
) -> Route:
    """`takes`: what the handler reads itself, if that is no JSON."""
    body, answer = takes or _body(handler), media or _answer(handler)
    return Route("POST", path, handler, body, answer, status, also, query, _problems(handler))


class Handlers(Protocol):
    routes: ClassVar[tuple[Route, ...]]


class Keys(Protocol):
    async def caller(self, authorization: str | None) -> Caller:
        """Whose key an `Authorization` header shows; raises Unauthenticated."""

    def still(self, authorization: str | None, permitted: Callable[[Caller], None]) -> Still:
        """What each transaction asks that writes for it; see `accounts.tokens.Tokens.still`."""


def application(handlers: Iterable[Handlers], keys: Keys | None = None) -> web.Application:
    """The aiohttp application for the Unix socket; on loopback with `keys`, of which every request must show one, and
    without the routes that are for the socket alone.

    Raises Defect for a route without a scope.
    """
    app, rows = limits.application(problems, total_s=TOTAL_S), list[Row]()
    for group in handlers:
        for one in group.routes:
            scope = scope_of(one.method, one.path)
            if keys is None:
                rows.append(Row(one.method, one.path, _served(one, group, _unasked)))
            elif f"{one.method} {one.path}" not in ON_SOCKET:
                rows.append(Row(one.method, one.path, _keyed(one, group, scope, keys)))
    app.router.register_resource(Routed(rows))
    return app


def _keyed(route: Route, group: Handlers, scope: Scope, keys: Keys) -> Handler:
    """With a key that has this scope, at the participant of the path; whoever has it is who acts (threat T86).

    A body may take minutes: the key is looked at before it, after it, and in each transaction that writes (T140).
    """

    async def asked(request: web.Request) -> Caller:
        caller = await keys.caller(request.headers.get("Authorization"))
        _require_permitted(scope, request.match_info.get("p"), caller)
        return caller

    served = _served(route, group, asked)

    @wraps(served)
    async def guarded(request: web.Request) -> web.StreamResponse:
        caller = await asked(request)
        permitted = partial(_require_permitted, scope, request.match_info.get("p"))
        with acting(caller.pseudonyms, keys.still(request.headers.get("Authorization"), permitted)):
            return await served(request)

    return guarded


def _require_permitted(scope: Scope, slug: str | None, caller: Caller) -> None:
    """Raises Unknown for a key of another participant, Refusal for one without this scope."""
    if caller.participant is not None and slug is not None and slug != caller.participant:
        raise Unknown("participants.unknown", slug=slug[:80])
    if scope not in caller.scopes:
        raise Refusal("api.key-scope", scope=scope)


async def _unasked(request: web.Request) -> None:
    """On the socket its owner asks, before the body and after it."""


def _served(route: Route, group: Handlers, again: Callable[[web.Request], Awaitable[object]]) -> Handler:
    """Refuses what the route does not know, reads the body before the handler is asked, and writes its answer.

    `again` raises if whoever asked may not any more, now that the body is here.
    """
    known = [one.name for one in route.query]
    taken = None if isinstance(route.body, str) else route.body

    @wraps(route.handler)  # with its mark if it streams
    async def served(request: web.Request) -> web.StreamResponse:
        for name in request.query:
            if name not in known:  # a filter that is misspelt would answer with everything
                if not known:
                    raise Mistake("api.no-query", name=plain(name, 80))
                raise Mistake("api.query", name=plain(name, 80), known=", ".join(known))
        given: tuple[msgspec.Struct, ...] = ()
        if taken is not None:
            given = (await body.read(request, taken),)
            await again(request)
        answer = await route.handler(group, request, *given)
        if isinstance(answer, web.StreamResponse):
            return answer
        return body.answer(*answer) if isinstance(answer, tuple) else body.answer(answer, route.status)

    return served


def _problems(handler: Callable[..., Any]) -> Problems:
    found: Problems = getattr(handler, _PROBLEMS, {})
    return found


def _body(handler: Callable[..., Any]) -> type[msgspec.Struct] | None:
    """What the handler takes besides the request."""
    taken = [hint for name, hint in get_type_hints(handler).items() if name not in ("request", "return")]
    return taken[0] if taken else None


def _answer(handler: Callable[..., Any]) -> type[msgspec.Struct]:
    """What it returns; of a pair with a status, the first."""
    found = get_type_hints(handler)["return"]
    answer: type[msgspec.Struct] = (get_args(found) or (found,))[0]
    return answer

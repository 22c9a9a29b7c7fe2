"""What every surface does to a request before a handler reads it: limits, deadlines, request id, security headers.

The caps are those of spec/trust.md 5.2 (T13 to T15); bodies are read here and nowhere else, so that none escapes them.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.typedefs import Middleware as Middleware

from connector.foundation.errors import PeerError, Unavailable, Unknown
from connector.foundation.http import strict
from connector.foundation.http.deadline import Deadline, Within
from connector.foundation.http.incoming import BodyTime
from connector.foundation.http.refusals import TooLarge, WrongMedia

TOTAL_S = 30.0
JSON: Final = frozenset({"application/json", "application/ld+json"})
REQUEST_ID: Final = "X-Request-Id"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
}
PAGE: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
"""Of a page that a partner may have written: its own style, but nothing that runs, loads, sends or leads away."""
_INLINE_PARSE = 65_536
_IDS = random.Random()  # noqa: S311  (names a request in logs; nothing rests on it)
_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_STREAMING = "hanse_streaming"

H = TypeVar("H", bound=Callable[..., Awaitable[object]])

STAMPED: Final = web.AppKey("stamped", bool)
"""Whether nothing is done to answers of this application but `stamp`."""
request_id: Final = web.RequestKey("request_id", str)
body_read: Final = web.RequestKey("body_read", bytes)
"""The body as it was read, for whoever has to tell of the request afterwards."""
whole: Final = web.RequestKey("whole", Within)
"""The timer of all that is done for the request."""


def streaming(handler: H) -> H:
    """Marks a handler that sends or receives data of any size: no total deadline."""
    setattr(handler, _STREAMING, True)
    return handler


def application(problems: Middleware, *, total_s: float = TOTAL_S) -> web.Application:
    """An empty surface with all limits in place; `problems` turns our errors into the surface's own form."""
    app = web.Application(middlewares=[edge, problems, plain, deadline(total_s)], client_max_size=strict.LIMIT)
    app.on_response_prepare.append(stamp)
    app[STAMPED] = True
    return app


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request an id."""
    name(request)
    return await handler(request)


def name(request: web.Request) -> None:
    """Gives the request an id; a well-formed one from the caller is kept."""
    given = request.headers.get(REQUEST_ID, "")
    request[request_id] = given if _GOOD_ID.fullmatch(given) else f"{_IDS.getrandbits(128):032x}"


@web.middleware
async def plain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nothing here has a name that steers a screen, which a refusal further in would repeat, or holds NUL, of which a
    database makes a defect."""
    if strict.steers(request.path) or "\0" in request.query_string:
        raise Unknown("http.nothing-here")
    return await handler(request)


def deadline(total_s: float = TOTAL_S) -> Middleware:
    """Ends a request that is not a stream `total_s` seconds after its body came, with `Unavailable`."""
    total = Deadline(total_s)

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        if getattr(request.match_info.handler, _STREAMING, False):
            return await handler(request)
        try:
            with total.within() as timer:
                request[whole] = timer
                return await handler(request)
        except TimeoutError as cause:
            if not timer.expired():
                raise
            raise Unavailable("http.request-too-long") from cause

    return limited


@contextmanager
def body_coming(request: web.Request) -> Iterator[None]:
    """The body has a deadline of its own, and who sends it slowly learns that; the one of the whole begins after it."""
    timer = request.get(whole)
    if timer is None:
        yield
        return
    timer.rest()
    try:
        yield
    finally:
        timer.anew()


async def read_body(request: web.Request, *, limit: int = strict.LIMIT, body_s: float | None = None) -> bytes:
    """The body of a request, never encoded: at most `limit` bytes (`TooLarge`), in its time (`TooSlow`): `body_s`
    seconds and one for each `incoming.BODY_RATE` bytes."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongMedia("http.body-encoded")
    if (request.content_length or 0) > limit:
        raise TooLarge("http.body-size", limit=limit)
    if not request.can_read_body:
        return b""
    if request.content.is_eof():
        body = _arrived(request, limit)
    else:
        with body_coming(request):
            body = await _collect(request, limit, BodyTime(body_s))
    request[body_read] = body
    return body


async def read_json(
    request: web.Request, *, limit: int = strict.LIMIT, media: frozenset[str] = JSON, body_s: float | None = None
) -> object:
    """The JSON value of a request's body, strictly read; more than 64 kB is parsed beside the event loop."""
    if request.content_type not in media or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise WrongMedia("http.body-media", expected=", ".join(sorted(media)))
    body = await read_body(request, limit=limit, body_s=body_s)
    if len(body) <= _INLINE_PARSE:
        return strict.loads(body, limit=limit)
    return await asyncio.to_thread(strict.loads, body, limit=limit)


def _arrived(request: web.Request, limit: int) -> bytes:
    """A body that came with its head, as a message does: there is nothing to wait for."""
    try:
        body = request.content.read_nowait(-1)
    except (web.RequestPayloadError, ConnectionError) as cause:
        raise PeerError("http.body-broken") from cause
    if len(body) > limit:
        raise TooLarge("http.body-size", limit=limit)
    return body


async def _collect(request: web.Request, limit: int, time: BodyTime) -> bytes:
    parts: list[bytes] = []
    while part := await time.piece(request.content.readany):
        parts.append(part)
        if time.size > limit:
            raise TooLarge("http.body-size", limit=limit)
    return b"".join(parts)


async def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """As a signal of an application."""
    stamp_now(request, response)


def stamp_now(request: web.Request, response: web.StreamResponse) -> None:
    """Security headers that the handler did not set itself, on streamed responses too; no word on our libraries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if (named := request.get(request_id)) is not None:  # what could not be parsed has no name
        response.headers[REQUEST_ID] = named
    response.headers.pop("Server", None)

"""How long requests take until their answer begins, per surface: a stream is not slow for being long, nor is waiting
that the caller asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from connector.foundation.http import limits
from connector.foundation.http.whole import Begun
from connector.foundation.telemetry import Metrics

NAME: Final = "hanse_request_seconds"
TEXT: Final = "Time until the answer to a request begins."
BOOKED: Final = web.AppKey[Begun]("booked")
"""What books the beginning of an answer, of an application whose answers may be written in one piece (`whole`)."""
_begun: Final = web.RequestKey("begun", float)


def measure(app: web.Application, metrics: Metrics, surface: str) -> web.Application:
    """The same application, measured; before it is started."""
    book = booking(metrics, surface)

    @web.middleware
    async def begins(request: web.Request, handler: Handler) -> web.StreamResponse:
        begin(request)
        return await handler(request)

    async def begun(request: web.Request, response: web.StreamResponse) -> None:
        book(request, response)

    app.middlewares.insert(0, begins)
    app.on_response_prepare.append(begun)
    if app.get(limits.STAMPED):
        app[BOOKED] = book
    return app


def begin(request: web.Request) -> None:
    """The request came in now."""
    request[_begun] = time.perf_counter()


def booking(metrics: Metrics, surface: str) -> Begun:
    """What books the time since `begin`, called as an answer begins."""

    def book(request: web.Request, response: web.StreamResponse) -> None:
        if (begun := request.get(_begun)) is not None:
            kind = f"{response.status // 100}xx"
            metrics.observe(NAME, TEXT, time.perf_counter() - begun, surface=surface, answer=kind)

    return book


@contextmanager
def held(request: web.Request) -> Iterator[None]:
    """What passes in here was waited for on the caller's own wish and does not count."""
    since = time.perf_counter()
    try:
        yield
    finally:
        if (begun := request.get(_begun)) is not None:
            request[_begun] = begun + time.perf_counter() - since

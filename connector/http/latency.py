"""How long requests take until their answer begins, per surface: a stream is not slow for being long, nor is waiting
that the caller asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from connector.telemetry import Metrics

NAME: Final = "hanse_request_seconds"
TEXT: Final = "Time until the answer to a request begins."
_begun: Final = web.RequestKey("begun", float)


def measure(app: web.Application, metrics: Metrics, surface: str) -> web.Application:
    """The same application, measured; before it is started."""

    @web.middleware
    async def begin(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_begun] = time.perf_counter()
        return await handler(request)

    async def begins(request: web.Request, response: web.StreamResponse) -> None:
        if (begun := request.get(_begun)) is not None:
            kind = f"{response.status // 100}xx"
            metrics.observe(NAME, TEXT, time.perf_counter() - begun, surface=surface, answer=kind)

    app.middlewares.insert(0, begin)
    app.on_response_prepare.append(begins)
    return app


@contextmanager
def held(request: web.Request) -> Iterator[None]:
    """What passes in here was waited for on the caller's own wish and does not count."""
    since = time.perf_counter()
    try:
        yield
    finally:
        if (begun := request.get(_begun)) is not None:
            request[_begun] = begun + time.perf_counter() - since

"""A surface that is one handler: aiohttp's low-level server, without application, router, middlewares and signals.

For the port that other connectors call, where each of those would be paid for by every message. What `limits` and
`latency` do to a request of an application is done here by plain calls, in the same order (spec/trust.md 5.2; T13 to
T15, T113).
"""

from collections.abc import Callable

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from connector.foundation.http import latency, limits, strict
from connector.foundation.http.whole import BEGUN
from connector.foundation.telemetry import Metrics

Prepare = Callable[[web.Request, web.StreamResponse], None]


class OneHandler:
    """What `server.serve` takes in the place of an application; `handler` turns its own errors into answers."""

    def __init__(self, handler: Handler, metrics: Metrics | None = None, surface: str = "") -> None:
        """With `metrics`, the time until each answer begins is booked under `surface`."""
        self._handler = handler
        self._timed = latency.booking(metrics, surface) if metrics is not None else _unbooked
        self.request_class = _stamping(self._prepared)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        latency.begin(request)
        limits.name(request)
        request[BEGUN] = self._timed
        if "Expect" in request.headers and request.version == HttpVersion11:
            await _go_on(request)
        return await self._handler(request)

    def _prepared(self, request: web.Request, response: web.StreamResponse) -> None:
        limits.stamp_now(request, response)
        self._timed(request, response)


def _stamping(prepared: Prepare) -> type[web.Request]:
    """Requests whose answers pass `prepared` before their head is written, streamed ones too."""

    class Request(web.Request):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, client_max_size=strict.LIMIT)  # type: ignore[arg-type]

        async def _prepare_hook(self, response: web.StreamResponse) -> None:
            prepared(self, response)

    return Request


def _unbooked(request: web.Request, response: web.StreamResponse) -> None:
    """Nobody measures this surface."""


async def _go_on(request: web.Request) -> None:
    """The caller waits for leave to send its body; other expectations the server has refused."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0

"""An application that is loaded with its first request: what nobody opens costs neither start nor memory.

Its modules are imported in a thread, so that whoever else is answered meanwhile does not wait; requests that come while
that goes on wait for it together (spec/architecture.md 4.4).
"""

import asyncio
from collections.abc import Callable, Set

import structlog
from aiohttp import web

from connector.foundation.http.latency import BOOKED
from connector.foundation.http.whole import BEGUN

Make = Callable[[], web.Application]
log = structlog.get_logger("http")


class LateApplication:
    """What `server.serve` takes in the place of an application.

    `load` imports, beside the event loop, and returns what makes the application, on it. If that fails, no request is
    answered but with an error, and the next one tries again. `ready` answers `paths` until then.
    """

    request_class = web.Request

    def __init__(
        self, load: Callable[[], Make], ready: web.Application | None = None, paths: Set[str] = frozenset()
    ) -> None:
        self._load = load
        self._ready, self._paths = None if ready is None else web.AppRunner(ready), paths
        self._loading = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        app = (self._runner or await self._ready_for(request) or await self._loaded()).app
        request._client_max_size = app._client_max_size
        if (booked := app.get(BOOKED)) is not None:
            request[BEGUN] = booked
        return await app._handle(request)

    async def cleanup(self) -> None:
        """Ends what the application began, if it was ever loaded."""
        for runner in (self._ready, self._runner):
            if runner is not None:
                await runner.cleanup()

    async def _ready_for(self, request: web.Request) -> web.AppRunner | None:
        if self._ready is None or request.path not in self._paths:
            return None
        async with self._loading:
            if self._ready.server is None:
                await self._ready.setup()
        return self._ready

    async def _loaded(self) -> web.AppRunner:
        async with self._loading:
            if self._runner is None:
                try:
                    make = await asyncio.to_thread(self._load)
                except Exception:  # whoever asked reads nothing of it, so the log has all of it
                    log.exception("http.not-loaded")
                    raise
                runner = web.AppRunner(make())
                await runner.setup()
                self._runner = runner
        return self._runner

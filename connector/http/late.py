"""An application that is loaded with its first request: what nobody opens costs neither start nor memory.

Its modules are imported in a thread, so that whoever else is answered meanwhile does not wait; requests that come while
that goes on wait for it together (spec/architecture.md 4.4).
"""

import asyncio
from collections.abc import Callable

from aiohttp import web

Make = Callable[[], web.Application]


class LateApplication:
    """What `server.serve` takes in the place of an application.

    `load` imports, beside the event loop, and returns what makes the application, on it. If that fails, no request is
    answered but with an error, and the next one tries again.
    """

    request_class = web.Request

    def __init__(self, load: Callable[[], Make]) -> None:
        self._load = load
        self._loading = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        app = (self._runner or await self._loaded()).app
        request._client_max_size = app._client_max_size
        return await app._handle(request)

    async def cleanup(self) -> None:
        """Ends what the application began, if it was ever loaded."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _loaded(self) -> web.AppRunner:
        async with self._loading:
            if self._runner is None:
                make = await asyncio.to_thread(self._load)
                runner = web.AppRunner(make())
                await runner.setup()
                self._runner = runner
        return self._runner

"""The addresses below a participant's root that are open to everybody: catalogue, datasets, series, files and pages.

What answers there is loaded with the first who asks, in a thread: who publishes nothing openly pays nothing for it
(decision 0118).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from connector.surfaces.peer.public.forms import ENDINGS, PAGES, Shown
from connector.surfaces.peer.routes import Call, Handler, Route

if TYPE_CHECKING:
    from connector.surfaces.peer.public.catalogue import PublicHandlers
    from connector.surfaces.peer.public.downloads import Downloads


class Open(NamedTuple):
    """What answers there."""

    records: "PublicHandlers"
    files: "Downloads"


Answering = Callable[[Open, Call], Awaitable[web.StreamResponse]]


def routes(make: Callable[[], Open]) -> list[Route]:
    """`make` loads and puts together what answers, beside the event loop; one that fails is called again."""
    late = _Late(make).answered
    catalogues: list[tuple[str, Shown | None]] = [("", None), *((f".{one}", one) for one in ENDINGS)]
    return [
        Route("GET", "/", late(lambda one, call: one.records.home(call)), public=True),
        *(
            Route("GET", f"/catalog{end}", late(_catalogue(form)), public=True, streaming=True)
            for end, form in catalogues
        ),
        Route(
            "GET", "/datasets/{name}", late(lambda one, call: one.records.dataset(call)), public=True, streaming=True
        ),
        Route("GET", "/series/{name}", late(lambda one, call: one.records.series(call)), public=True, streaming=True),
        *(Route("GET", f"/{page}", late(_text(page)), public=True) for page in PAGES),
        Route(
            "GET",
            "/datasets/{uuid}/{file}",
            late(lambda one, call: one.files.download(call)),
            public=True,
            streaming=True,
        ),
    ]


def _catalogue(form: Shown | None) -> Answering:
    return lambda one, call: one.records.catalogue(form, call)


def _text(page: str) -> Answering:
    return lambda one, call: one.records.text(page, call)


class _Late:
    def __init__(self, make: Callable[[], Open]) -> None:
        self._make, self._making = make, asyncio.Lock()
        self._made: Open | None = None

    def answered(self, how: Answering) -> Handler:
        async def answer(call: Call) -> web.StreamResponse:
            return await how(self._made or await self._loaded(), call)

        return answer

    async def _loaded(self) -> Open:
        """Whoever comes meanwhile waits for the same."""
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
        return self._made

"""What is open to everybody is loaded with the first who asks."""

import asyncio
import threading
from typing import Any, cast

import pytest
from aiohttp import web

from connector.surfaces.peer.public.routes import Open, routes
from connector.surfaces.peer.routes import Call, Handler


class Loading:
    """Notes on which threads it was loaded, and fails as often as it is told."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.failures = 0

    def make(self) -> Open:
        self.threads.append(threading.current_thread())
        if self.failures:
            self.failures -= 1
            raise RuntimeError("broken")
        return Open(cast(Any, self), cast(Any, self))

    async def home(self, call: Call) -> web.StreamResponse:
        return web.Response(text="home")

    async def catalogue(self, form: str | None, call: Call) -> web.StreamResponse:
        return web.Response(text=f"catalogue {form}")

    async def text(self, page: str, call: Call) -> web.StreamResponse:
        return web.Response(text=f"text {page}")


@pytest.fixture
def loading() -> Loading:
    return Loading()


@pytest.fixture
def table(loading: Loading) -> dict[str, Handler]:
    return {route.path: route.handler for route in routes(loading.make)}


async def said(handler: Handler) -> str | None:
    answer = await handler(cast(Call, None))
    assert isinstance(answer, web.Response)
    return answer.text


async def test_nothing_is_loaded_before_somebody_asks(loading: Loading, table: dict[str, Handler]) -> None:
    """>> three ask at once, then a fourth << loaded once, beside the event loop, and each has its own answer."""
    assert not loading.threads
    found = await asyncio.gather(*(said(table[path]) for path in ("/catalog.ttl", "/catalog", "/imprint")))
    assert found == ["catalogue ttl", "catalogue None", "text imprint"]
    assert await said(table["/"]) == "home"
    assert len(loading.threads) == 1
    assert loading.threads[0] is not threading.main_thread()


async def test_what_could_not_be_loaded_is_tried_again(loading: Loading, table: dict[str, Handler]) -> None:
    """>> it breaks once << that request fails, and the next is answered."""
    loading.failures = 1
    with pytest.raises(RuntimeError):
        await said(table["/"])
    assert await said(table["/"]) == "home"

"""An application that is loaded with its first request is then like any other."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connector.foundation.http import server
from connector.foundation.http.late import LateApplication, Make

LARGEST = 2_000
LOOP = threading.main_thread()


class Loading:
    """Notes where it was loaded and made, and fails as often as it is told."""

    def __init__(self) -> None:
        self.loaded: list[bool] = []
        self.made = self.failures = self.ended = 0

    def load(self) -> Make:
        self.loaded.append(threading.current_thread() is LOOP)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("broken")
        return self.make

    def make(self) -> web.Application:
        self.made += threading.current_thread() is LOOP

        async def answer(request: web.Request) -> web.Response:
            return web.Response(text=f"{request.match_info['name']} {len(await request.read())}")

        async def clothe(_: web.Request, response: web.StreamResponse) -> None:
            response.headers["X-Clothed"] = "yes"

        async def end(_: web.Application) -> None:
            self.ended += 1

        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/hello/{name}", answer)
        app.on_response_prepare.append(clothe)
        app.on_cleanup.append(end)
        return app


@pytest.fixture
def loading() -> Loading:
    return Loading()


@pytest.fixture
async def door(loading: Loading) -> AsyncIterator[Callable[[str, bytes], "asyncio.Task[tuple[int, str, bool]]"]]:
    late = LateApplication(loading.load)
    runner = await server.serve(late, host="127.0.0.1", port=0, tls=None)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port_of(runner)}") as session:

        async def ask(path: str, body: bytes) -> tuple[int, str, bool]:
            async with session.post(path, data=body, headers={"Expect": "100-continue"}) as answer:
                return answer.status, await answer.text(), "X-Clothed" in answer.headers

        yield lambda path, body=b"": asyncio.create_task(ask(path, body))
    await runner.cleanup()
    await late.cleanup()


async def test_nothing_is_loaded_before_somebody_asks(door: Callable[..., object], loading: Loading) -> None:
    """>> the port is open << nothing is loaded, and nothing ends when the process does."""
    assert not loading.loaded
    assert not loading.made


async def test_the_first_requests_load_it_once(
    door: Callable[..., "asyncio.Task[tuple[int, str, bool]]"], loading: Loading
) -> None:
    """>> five requests at once << loaded once, in a thread; made once, on the loop; all are answered by its routes."""
    answers = await asyncio.gather(*(door("/hello/you", b"12") for _ in range(5)))
    assert answers == [(200, "you 2", True)] * 5
    assert (loading.loaded, loading.made) == ([False], 1)


async def test_it_has_its_own_limits_and_refusals(door: Callable[..., "asyncio.Task[tuple[int, str, bool]]"]) -> None:
    """>> an unknown path; a body of more than it takes << 404, 413; a body that is not too large goes through."""
    assert (await door("/elsewhere"))[0] == 404
    assert (await door("/hello/you", b"x" * (LARGEST + 1)))[0] == 413
    assert (await door("/hello/you", b"x" * LARGEST))[1] == f"you {LARGEST}"


async def test_what_cannot_be_loaded_answers_nothing(
    door: Callable[..., "asyncio.Task[tuple[int, str, bool]]"], loading: Loading
) -> None:
    """Bug: the log knew no more of it than the name of the exception. >> loading fails at the first request << an error
    that says nothing of it, and a line of the log that has all; the second tries again."""
    loading.failures = 1
    with capture_logs() as told:
        status, text, _ = await door("/hello/you")
    assert status == 500
    assert {"event": "http.not-loaded", "log_level": "error", "exc_info": True} in told
    assert "broken" not in text
    assert (await door("/hello/you"))[0] == 200


async def test_what_is_ready_answers_its_paths_and_loads_nothing(loading: Loading) -> None:
    """>> probes, then another path, then a probe << the first are answered without loading; whatever else is asked
    loads, and then the whole application answers all; both end with the process."""
    ended = list[str]()

    async def well(request: web.Request) -> web.Response:
        return web.Response(text="well")

    async def end(_: web.Application) -> None:
        ended.append("ready")

    ready = web.Application()
    ready.router.add_get("/well", well)
    ready.on_cleanup.append(end)
    late = LateApplication(loading.load, ready, {"/well"})
    runner = await server.serve(late, host="127.0.0.1", port=0, tls=None)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port_of(runner)}") as session:

        async def ask(path: str) -> int:
            async with session.get(path) as answer:
                return answer.status

        assert await asyncio.gather(*(ask("/well") for _ in range(5))) == [200] * 5
        assert not loading.loaded
        assert await ask("/hello/you") == 200
        assert await ask("/well") == 404, "the whole one answers, which has no such path here"
    await runner.cleanup()
    await late.cleanup()
    assert (ended, loading.ended) == (["ready"], 1)


async def test_it_ends_with_the_process(loading: Loading) -> None:
    """>> loaded, then the process ends << what it began ends once; one never loaded has nothing to end."""
    late = LateApplication(loading.load)
    await late.cleanup()
    runner = await server.serve(late, host="127.0.0.1", port=0, tls=None)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{server.port_of(runner)}") as session,
        session.get("/hello/you") as answer,
    ):
        assert answer.status == 200
    await runner.cleanup()
    await late.cleanup()
    assert loading.ended == 1

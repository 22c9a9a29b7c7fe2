"""The harness itself: it counts what a person does, and notices what a page must not do."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.desk.browser import chromium, missing, overflow, window
from tests.desk.hand import Hand, Stuck
from tests.desk.journeys.stage import WAYS

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.asyncio(loop_scope="module"),
]
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; form-action 'self'"
FORM = """<!DOCTYPE html><html lang="de"><title>Form</title><main><h1>Form</h1>
<p><a href="/">Start</a></p>
<form method="post" action="/done" enctype="multipart/form-data">
<label>Titel <input name="title"></label>
<label>Datei <input type="file" name="file"></label>
<fieldset><legend>Regel</legend><label><input type="radio" name="rule" value="a"> Alle</label>
<label><input type="radio" name="rule" value="b"> Nur Kommunen</label></fieldset>
<label>Zweck <select name="purpose"><option>Forschung<option>Wärmeplanung</select></label>
<label><input type="checkbox" name="sure"> Gelesen</label>
<input type="hidden" name="token" value="t"><button>Weiter</button></form></main>"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    """A page with a form, one that says what was sent, and others that do what no page of ours may."""
    pages = {
        "/": FORM,
        "/outside": '<main>x<img src="http://127.0.0.2:1/x.png"></main>',
        "/inline": "<main>x<script>document.title = 'no'</script></main>",
        "/hidden": "<style>*:focus{outline:none}</style><main><a href='/'>Start</a></main>",
        "/wide": "<main>" + "Donaudampfschifffahrt" * 40 + "</main>",
    }

    async def show(request: web.Request) -> web.Response:
        return web.Response(
            text=pages[request.path], content_type="text/html", headers={"Content-Security-Policy": POLICY}
        )

    async def done(request: web.Request) -> web.Response:
        sent = await request.post()
        said = " ".join(f"{name}={getattr(value, 'filename', value)}" for name, value in sent.items())
        return web.Response(text=f"<main>{said}</main>", content_type="text/html")

    app = web.Application()
    app.add_routes([*(web.get(path, show) for path in pages), web.post("/done", done)])
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


async def test_what_a_person_does_is_counted(browser: "Browser", origin: str, tmp_path: Path) -> None:
    """>> a text, a file, three choices and a press << 6 actions, 1 field, 3 open questions; all of it was sent."""
    (tmp_path / "baum.csv").write_bytes(b"a;b")
    for way in WAYS:
        async with window(browser, origin, {}, scripts=way != "no scripts") as (page, watch):
            hand = Hand(page, way)
            await hand.open("/")
            await hand.write("Titel", "Bäume")
            await hand.give("Datei", tmp_path / "baum.csv")
            await hand.choose("Regel", "Nur Kommunen")
            await hand.choose("Zweck", "Wärmeplanung")
            await hand.tick("Gelesen")
            await hand.press("Weiter")
            await hand.see("title=Bäume file=baum.csv rule=b purpose=Wärmeplanung sure=on token=t")
            assert (way, hand.actions, hand.fields, len(hand.questions)) == (way, 6, 1, 3)
            assert (hand.tabs > 0) == (way == "keyboard")
        assert (way, watch.faults, watch.bytes > len(FORM)) == (way, [], True)


async def test_what_a_page_must_not_do_is_noticed(browser: "Browser", origin: str) -> None:
    """>> a picture from elsewhere, a script of its own << each is a fault, by its kind."""
    for path, fault in (("/outside", "external request"), ("/inline", "console")):
        async with window(browser, origin, {}) as (page, watch):
            await page.goto(path)
        assert any(fault in one for one in watch.faults), path


async def test_a_focus_that_nobody_sees_and_a_page_that_is_too_wide_are_noticed(
    browser: "Browser", origin: str
) -> None:
    async with window(browser, origin, {}, width=320) as (page, _):
        hand = Hand(page, "keyboard")
        await hand.open("/hidden")
        with pytest.raises(Stuck, match="cannot be seen"):
            await hand.follow("Start")
        hand.patience_s = 0.0
        with pytest.raises(Stuck, match="nothing like"):
            await hand.press("Weiter")
        assert await overflow(page) == []
        await page.goto("/wide")
        assert await overflow(page) != []

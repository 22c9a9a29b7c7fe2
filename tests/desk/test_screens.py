"""The program that tries every page: it finds what is wrong with a page, and nothing on a page with every part."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
from aiohttp import web

from connector.surfaces.web import render
from connector.surfaces.web.call import Call
from connector.surfaces.web.frame.handlers import FrameHandlers
from connector.surfaces.web.routes import Route, get
from tests.desk import browser as real
from tests.desk import npm_tools
from tests.desk.screens import looked_at, with_axe
from tests.surfaces.web.browsing import Opened, open_desk
from tests.surfaces.web.gallery import Gallery
from tests.testkit.cities import MUNICIPALITY, Space

WITHOUT = real.missing()
pytestmark = pytest.mark.skipif(WITHOUT is not None, reason=str(WITHOUT))
BROKEN = (
    "<p>{{ call.slug }}</p><html><body style='color: #777; background: #888'><h1>Grau auf grau</h1>"
    "<pre>" + "x" * 400 + "</pre><input name='a'><img src='http://127.0.0.1:9/x.png'></body></html>"
)


class Broken:
    """Quirks, no contrast, no label, too wide, a picture from elsewhere, a style in the line."""

    async def show(self, call: Call) -> web.StreamResponse:
        return render.answer(call.request, render._environment().from_string(BROKEN).render(call=call))

    routes: ClassVar[tuple[Route, ...]] = (get("/t/{p}/broken", show, "steward"),)


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[Opened]:
    if (without := npm_tools.missing()) is not None:
        pytest.skip(without)
    async with (
        space.running("it", {"musterstadt": MUNICIPALITY}) as city,
        open_desk(city.services, FrameHandlers(), Gallery("Straßenbäume & Grünflächen"), Broken()) as opened,
    ):
        yield opened


@pytest.mark.long
async def test_what_is_wrong_with_a_page_is_found(desk: Opened) -> None:
    """>> every part of a page, narrow and wide, light and dark; a broken page << nothing; all of it."""
    cookies = desk.cookies({"musterstadt": ["steward"]})
    texts = {}
    async with real.chromium() as chromium:
        for width, dark in ((320, False), (320, True), (1440, False), (1440, True)):
            async with real.window(chromium, desk.origin, cookies, width=width, dark=dark) as (page, watch):
                texts["gallery"], wrong = await looked_at(await with_axe(page), "/t/musterstadt/", None)
            assert (wrong, watch.faults) == ([], [])
        async with real.window(chromium, desk.origin, cookies, width=320) as (page, watch):
            texts["broken"], wrong = await looked_at(await with_axe(page), "/t/musterstadt/broken", None)
    said = "\n".join([*wrong, *watch.faults])
    for word in ("quirks", "wider", "axe label", "axe image-alt", "axe html-has-lang", "external request", "style"):
        assert word in said, word
    invalid = npm_tools.invalid(texts)
    assert {page for page, _ in invalid} == {"broken"}

"""A page with every part of `frame/macros.html`, for tests that look at them."""

from pathlib import Path
from typing import ClassVar

from aiohttp import web

from connector.surfaces.web import menu, render
from connector.surfaces.web.call import Call
from connector.surfaces.web.routes import Route, get

PAGE = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")


class Gallery:
    """Every part, filled with this text."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def show(self, call: Call) -> web.StreamResponse:
        if call.polled:  # a slow machine asks anew while it looks, and gets no page into a part of one
            return web.Response(status=204)
        view = {"nasty": self._text, "title": self._text, "crumbs": [(self._text, "/")]}
        around = {**render._around(call), "choices": await menu.choices(call)}
        return render.answer(call.request, render._environment().from_string(PAGE).render(around | view))

    routes: ClassVar[tuple[Route, ...]] = (get("/t/{p}/", show, "steward"),)

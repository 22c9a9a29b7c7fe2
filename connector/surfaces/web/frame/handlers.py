"""Pages that belong to nobody: the start, the language, what the law asks for, and the files that pages load."""

import gzip
from pathlib import Path
from typing import ClassVar, Final

from aiohttp import web

from connector.foundation.errors import Unknown
from connector.surfaces.web import assets, session
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, takes_gzip, to
from connector.surfaces.web.routes import Route, get

FOREVER: Final = "public, max-age=31536000, immutable"


class FrameHandlers:
    async def start(self, call: Call) -> web.StreamResponse:
        """Leads to the one participant there is, else shows a choice."""
        own = sorted(slug for slug, roles in call.person.roles.items() if roles)
        if len(own) == 1:
            return to(f"/t/{own[0]}/")
        if not own and call.person.operator:
            return to("/administration")
        if not own and call.person.withheld:
            return to("/account")
        return await page(call, "frame/start.html", title=call.say("web.start.title"))

    async def language(self, call: Call) -> web.StreamResponse:
        chosen = session.LANGUAGES.get(call.param("lang"))
        if chosen is None:
            raise Unknown("http.nothing-here")
        response = to(session.local(call.query("back", "/")))
        call.desk.cookies.speak(response, chosen)
        return response

    async def imprint(self, call: Call) -> web.StreamResponse:
        return await self._text(call, "imprint")

    async def privacy(self, call: Call) -> web.StreamResponse:
        return await self._text(call, "privacy")

    async def accessibility(self, call: Call) -> web.StreamResponse:
        """What we know of it ourselves, then what the operator adds."""
        said = [
            (call.say(f"web.accessibility.{part}"), [call.say(f"web.accessibility.{part}-text")])
            for part in ("state", "tested", "gaps")
        ]
        return await self._text(call, "accessibility", said)

    async def easy(self, call: Call) -> web.StreamResponse:
        """Easy language: the operator's text, else a short one of ours that says that nobody has checked it."""
        own = call.desk.texts.get("easy", "").strip() or call.say("web.easy.text")
        return await page(call, "frame/text.html", title=call.say("web.frame.easy"), parts=[("", own.split("\n\n"))])

    async def licences(self, call: Call) -> web.StreamResponse:
        """The parts of others that the pages load, each with its licence."""
        parts = [
            (name.removesuffix(".licence.txt"), gzip.decompress(asset.body).decode("utf-8").strip().split("\n\n"))
            for name, asset in sorted(call.desk.assets.found.items())
            if name.endswith(".licence.txt")
        ]
        return await page(call, "frame/text.html", title=call.say("web.frame.licences"), parts=parts)

    async def _text(self, call: Call, name: str, said: list[tuple[str, list[str]]] | None = None) -> web.StreamResponse:
        own = call.desk.texts.get(name, "").strip() or ("" if said else call.say("web.frame.no-text"))
        parts = [*(said or []), *([("", own.split("\n\n"))] if own else [])]
        return await page(call, "frame/text.html", title=call.say(f"web.frame.{name}"), parts=parts)

    async def file(self, call: Call) -> web.StreamResponse:
        """An address of another release shows today's file, and is not kept."""
        asset = call.desk.assets.found.get(call.param("name"))
        if asset is None:
            raise Unknown("http.nothing-here")
        current = call.param("digest") == asset.digest
        headers = {
            "ETag": f'"{asset.digest}-{asset.name}"',
            "Cache-Control": FOREVER if current else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if headers["ETag"] in call.request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = asset.body
        if asset.packed and takes_gzip(call.request):
            headers["Content-Encoding"] = "gzip"
        elif asset.packed:
            body = gzip.decompress(body)
        response = web.Response(body=body, headers=headers)
        response.headers["Content-Type"] = assets.MEDIA[Path(asset.name).suffix]
        return response

    routes: ClassVar[tuple[Route, ...]] = (
        get("/", start, "signed"),
        get("/language/{lang}", language, "everybody"),
        get("/imprint", imprint, "everybody"),
        get("/privacy", privacy, "everybody"),
        get("/accessibility", accessibility, "everybody"),
        get("/easy-language", easy, "everybody"),
        get("/licences", licences, "everybody"),
        get("/static/{digest}/{name}", file, "unasked"),
    )

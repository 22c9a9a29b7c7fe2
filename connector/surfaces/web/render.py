"""Pages: templates with everything that strangers wrote escaped, texts from the catalogues, one policy for all.

A page is a template of a room, `ROOM/NAME.html`, which extends `frame/base.html`. What it says comes from the message
catalogues by `t(key)`; it holds no words of its own. Nothing runs or loads but what this desk serves (threat T85).
"""

import gzip
import re
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web
from markupsafe import Markup

from connector.foundation.language import decimal, local_day, local_end, local_time
from connector.surfaces.web import menu
from connector.surfaces.web.call import Call

if TYPE_CHECKING:
    from jinja2 import Environment

STOP_POLLING: Final = 286
"""What htmx takes as the end of asking anew."""
_ROOMS: Final = Path(__file__).parent
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # `no-referrer` would make browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SMALL: Final = 1_000


async def page(call: Call, template: str, /, status: int = 200, **view: object) -> web.Response:
    """The page, or the part of one that htmx asked for; `view` are the names that the template uses.

    `title` is the page's h1 and title; `crumbs` are pairs of text and address, from the start to just above this page.
    """
    choices = [] if call.polled else await menu.choices(call)
    text = _environment().get_template(template).render(_around(call) | {"choices": choices} | view)
    return answer(call.request, text, status)


def answer(request: web.Request, text: str, status: int = 200) -> web.Response:
    """HTML, compressed where that saves something."""
    body = text.encode()
    response = web.Response(status=status, content_type="text/html", charset="utf-8")
    response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
    if len(body) > _SMALL and takes_gzip(request):
        response.headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 5, mtime=0)
    response.body = body
    return response


def to(address: str) -> web.Response:
    """See Other: what follows a form that was taken."""
    return web.Response(status=303, headers={"Location": address})


def takes_gzip(request: web.Request) -> bool:
    coding = request.headers.get("Accept-Encoding", "").lower()[:1000]
    return any(
        part.partition(";")[0].strip() == "gzip" and not re.search(r"q=0(\.0*)?$", part.strip())
        for part in coding.split(",")
    )


def _around(call: Call) -> dict[str, object]:
    """What every template may use besides its view."""
    assets = call.desk.assets
    return {
        "call": call,
        "lang": call.lang,
        "t": call.say,
        "asset": assets.href,
        "has_asset": assets.has,
        "token": partial(_token, call),
        "at": call.at if call.participant is not None else None,
        "signed": call.signed,
        "participant": call.participant,
        "roles": call.roles,
        "sections": menu.sections(call),
        "aside": menu.aside(call),
        "crumbs": (),
        "intro": "",
        "in_words": partial(_in_words, call),
        "official": call.participant is not None and call.desk.official(call.participant.did),
        "when": partial(_when, call.lang),
        "day": partial(_day, call.lang),
        "through": partial(_end, call.lang),
        "number": partial(_number, call.lang),
        "size": partial(size_text, call.lang),
    }


def _in_words(call: Call, text: str) -> str:
    """With the names that the lists have for members, spaces and groups."""
    return call.in_words(text)


def _token(call: Call, address: str) -> Markup:
    """The hidden field that a form to this address needs, first of all its fields."""
    return Markup('<input type="hidden" name="form" value="{}">').format(call.token(address))


def _when(lang: str, at: int | None) -> str:
    """An instant (ms) in local time."""
    return "" if at is None else local_time(at, lang)


def _end(lang: str, at: int | None) -> str:
    """The first instant (ms) that is too late."""
    return "" if at is None else local_end(at, lang)


def _day(lang: str, at: int | None) -> str:
    return "" if at is None else local_day(at, lang)


def _number(lang: str, value: float, digits: int = 0) -> str:
    return decimal(value, lang, digits)


def size_text(lang: str, count: int) -> str:
    """The size of a file in words: 1 kB = 1000 bytes."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{decimal(count / factor, lang, 1)} {unit}"
    return f"{count} B"


def _shown(value: object) -> object:
    """Whatever a template shows, whoever wrote it: nothing that steers a screen."""
    return _STEERING.sub("", value) if type(value) is str else value


@cache
def _environment() -> "Environment":
    """Loaded with the first page: an idle server has none."""
    from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

    rooms = {path.parent.name: FileSystemLoader(path) for path in _ROOMS.glob("*/templates")}
    return Environment(
        loader=PrefixLoader(rooms),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

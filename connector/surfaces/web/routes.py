"""The desk as a table: a row per page with who may open it; one without a role keeps the desk shut (spec/desk.md 1.2).

On the way to a handler, in this order: limits, who is signed in, whether she may be here, and for what is sent: from
here, with the token of this form, not sent before. A wrong participant or role is as if the page were not there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar, Final, Literal, NamedTuple, Protocol, cast, get_args
from urllib.parse import quote

import structlog
from aiohttp import web
from msgspec.structs import replace

from connector.foundation.errors import Defect, HanseError, Mistake, Unknown
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace, place
from connector.foundation.http.refusals import TooMany, WrongMedia
from connector.foundation.http.routed import Routed, Row
from connector.foundation.storage.database import Still, Tx, acting
from connector.identity.accounts.model import Role, SignedIn
from connector.identity.accounts.sessions import SessionOver
from connector.surfaces.web import forms, session
from connector.surfaces.web.call import Call, Desk
from connector.surfaces.web.problems import known, problems
from connector.surfaces.web.render import HEADERS, to

Access = Role | Literal["everybody", "signed", "operator", "unasked"]
"""`unasked`: files, of which nobody is asked who loads them."""
PERSON_BURST: Final = 200
PERSON_PER_S: Final = 30
ADDRESS_BURST: Final = 600
ADDRESS_PER_S: Final = 60
"""Requests of people who are not signed in: a town hall has one address."""
TOWN: Final = "/t/{p}"
UNSENT: Final = "unsent"
"""In the address of the page on which one signs in: what was sent came after the session was over."""
SIGN_OUT: Final = "/sign-out"
_WAIT_S: Final = 15.0
_LOOK_S: Final = 0.1

Handler = Callable[..., Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """`once`: sent again, it does nothing again. `takes_file`: the body may be of any size, the handler reads it.
    `sends_file`: the answer may be of any size and take its time."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    access: tuple[Access, ...]
    once: bool = True
    takes_file: bool = False
    sends_file: bool = False


def get(path: str, handler: Handler, *access: Access, sends_file: bool = False) -> Route:
    """A page; `access` are the roles at the participant of the path, or one of everybody, signed, operator, unasked."""
    return Route("GET", path, handler, access, sends_file=sends_file)


def post(path: str, handler: Handler, *access: Access, once: bool = True, takes_file: bool = False) -> Route:
    """What a form is sent to. `once=False` is for previews that change nothing.

    The handler answers 303 (`render.to`) when something was done, 200 when that is shown at once, and 422 with the form
    again when something is missing in it; an error below 500 means too that nothing was done.
    """
    return Route("POST", path, handler, access, once, takes_file)


class Handlers(Protocol):
    routes: ClassVar[tuple[Route, ...]]


def checked(routes: Sequence[Route]) -> None:
    """Raises Defect for a page that everybody could open by mistake, and for one that nobody ever could."""
    words = {word for part in get_args(Access) for word in (get_args(part) or (part,))}
    for route in routes:
        roles = set(route.access) & set(session.READERS)
        of_town = route.path.startswith(f"{TOWN}/")
        if (
            not route.access
            or set(route.access) - words
            or bool(roles) != of_town
            or (not of_town and len(route.access) != 1)
        ):
            raise Defect("web.no-role", method=route.method, path=route.path)


def application(desk: Desk, handlers: Iterable[Handlers]) -> web.Application:
    """The aiohttp application of the desk."""
    table = [(route, group) for group in handlers for route in group.routes]
    checked([route for route, _ in table])
    app = web.Application(
        middlewares=[limits.edge, problems(desk), limits.plain, limits.deadline()], client_max_size=forms.LARGEST
    )
    app.on_response_prepare.append(_clothe)
    app.on_response_prepare.append(limits.stamp)
    door = _Door(desk)
    rows = [Row(route.method, route.path, door.guarded(route, group)) for route, group in table]
    app.router.register_resource(Routed(rows))
    return app


def paths(handlers: Iterable[Handlers]) -> dict[str, frozenset[Role]]:
    """Paths and roles of the pages of a participant, for `Desk.paths`."""
    return {
        route.path: frozenset(cast("tuple[Role, ...]", route.access))
        for group in handlers
        for route in group.routes
        if route.method == "GET" and route.path.startswith(f"{TOWN}/")
    }


class _Door:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._persons = Pace(desk.clock, burst=PERSON_BURST, per_s=PERSON_PER_S)
        self._addresses = Pace(desk.clock, burst=ADDRESS_BURST, per_s=ADDRESS_PER_S)

    def guarded(self, route: Route, group: Handlers) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answered(request: web.Request) -> web.StreamResponse:
            if route.access == ("unasked",):
                return await route.handler(group, Call(request=request, desk=self._desk, lang="de"))
            call = await self._who(request)
            if call.signed is None and route.access != ("everybody",):
                return await self._sign_in(route, request)
            call = await self._there(call, route)
            known(request, call)
            try:
                return await self._while_permitted(route, group, call)
            except SessionOver:
                return await self._sign_in(route, request)

        if route.takes_file or route.sends_file:
            limits.streaming(answered)
        return answered

    async def _who(self, request: web.Request) -> Call:
        desk = self._desk
        cookie = desk.cookies.read(request)
        signed = await desk.sessions.session(cookie) if cookie else None
        if signed is None:
            await self._paced(request)
        else:
            self._persons.spend(signed.person)
        lang = session.language(request, "" if signed is None else signed.language)
        structlog.contextvars.bind_contextvars(request=request.get(limits.request_id, ""))
        return Call(request=request, desk=desk, lang=lang, signed=signed)

    async def _paced(self, request: web.Request) -> None:
        """A flood from her address, or through the proxy before us, shuts nobody out of a browser that is known."""
        try:
            self._addresses.spend(place(request.remote))
        except TooMany:
            browser = self._desk.cookies.held(request, session.KNOWN)
            if not await self._desk.sessions.knows(browser):
                raise
            self._persons.spend(browser)

    async def _sign_in(self, route: Route, request: web.Request) -> web.Response:
        """And then back to where she was. What she sent is not kept; the page on which she signs in says so.

        A page that was polled cannot follow a redirect as a whole; htmx does when it is told so.
        """
        if route.path == SIGN_OUT:
            return to("/sign-in")
        if request.headers.get("HX-Request") == "true":
            back = await self._before(request, "HX-Current-URL")
            return web.Response(status=401, headers={"HX-Redirect": f"/sign-in?next={quote(back, safe='')}"})
        if route.method == "GET":
            return to(f"/sign-in?next={quote(request.path_qs, safe='')}")
        return to(f"/sign-in?next={quote(await self._before(request, 'Referer'), safe='')}&{UNSENT}=1")

    async def _before(self, request: web.Request, header: str) -> str:
        """The page of ours that a header names, if it can be opened by its address; else the start."""
        own, said = self._desk.origin, request.headers.get(header, "")
        back = session.local(said[len(own) :]) if said.lower().startswith(f"{own}/") else "/"
        found = await request.app.router.resolve(request.clone(method="GET", rel_url=back))
        return back if found.http_exception is None else "/"

    async def _there(self, call: Call, route: Route) -> Call:
        """Raises Unknown in the same words for what is not there, and for what this person may not see."""
        slug = call.request.match_info.get("p", "")
        if call.signed is not None:
            _require_permitted(route, slug, call.signed)
        if not set(route.access) & set(session.READERS):
            return call
        try:
            hosted = await call.desk.participants.get(slug)
        except Unknown as cause:
            raise Unknown("http.nothing-here") from cause
        return replace(call, participant=hosted.participant)

    async def _while_permitted(self, route: Route, group: Handlers, call: Call) -> web.StreamResponse:
        """Each transaction that writes for her asks once more what was asked at the door. Where one was refused that is
        the answer, whatever page the handler has made of it."""
        refused: list[HanseError] = []
        with acting({}) if call.signed is None else acting(call.signed.pseudonyms, self._still(call, route, refused)):
            again = partial(self._once_more, call, route, refused)
            sent = route.handler(group, call) if route.method == "GET" else self._sent(route, group, call, again)
            response = await sent
        if refused and not response.prepared:
            raise refused[0]
        return response

    def _still(self, call: Call, route: Route, refused: list[HanseError]) -> Still:
        permitted = partial(_require_permitted, route, call.request.match_info.get("p", ""))
        still = self._desk.sessions.still(self._desk.cookies.read(call.request), permitted)

        def asked(tx: Tx) -> None:
            try:
                still(tx)
            except HanseError as problem:
                refused.append(problem)
                raise

        return asked

    async def _once_more(self, call: Call, route: Route, refused: list[HanseError]) -> None:
        """What was sent may have taken minutes, and a handler that writes nothing is asked by no transaction."""
        if call.signed is None:
            return
        try:
            signed = await self._desk.sessions.session(self._desk.cookies.read(call.request))
            if signed is None:
                raise SessionOver("accounts.session-over")
            _require_permitted(route, call.request.match_info.get("p", ""), signed)
        except HanseError as problem:
            refused.append(problem)
            raise

    async def _sent(
        self, route: Route, group: Handlers, call: Call, again: Callable[[], Awaitable[None]]
    ) -> web.StreamResponse:
        """`again` asks whether she still may: after the fields, and after the file."""
        desk, request = call.desk, call.request
        forms.from_here(request, desk.origin)
        form = await forms.read(request)
        await again()
        if form.upload is not None:
            if not route.takes_file:
                raise WrongMedia("http.body-media", expected="application/x-www-form-urlencoded")
            form.upload.then(again)
        key = desk.key if call.signed is None else call.signed.form_key
        name = forms.checked(key, request.path, form.text(forms.TOKEN), desk.clock.now())
        call = replace(call, form=form)
        if not route.once:
            return await route.handler(group, call)
        return await self._once(route, group, call, name)

    async def _once(self, route: Route, group: Handlers, call: Call, name: str) -> web.StreamResponse:
        sent = call.desk.sent
        if await sent.begin(name) is not None:
            return await self._again(name)
        try:
            response = await route.handler(group, call)
        except HanseError as error:
            await (sent.release(name) if error.status < 500 else sent.finish(name, ""))
            raise
        except Exception:
            await sent.finish(name, "")
            raise
        if response.status >= 400:
            await sent.release(name)
        else:
            await sent.finish(name, response.headers.get("Location", ""))
        return response

    async def _again(self, name: str) -> web.StreamResponse:
        """Leads to where the first sending led; a doubled click waits for it."""
        for _ in range(int(_WAIT_S / _LOOK_S)):
            earlier = await self._desk.sent.look(name)
            if earlier is None:
                break
            if earlier.done:
                if earlier.location:
                    return to(earlier.location)
                break
            await asyncio.sleep(_LOOK_S)
        raise Mistake("web.sent-before")


def _require_permitted(route: Route, slug: str, signed: SignedIn) -> None:
    """Raises Unknown unless this person may open the page, at the participant `slug` if it belongs to one."""
    if route.access in (("everybody",), ("signed",)):
        return
    here = signed.roles.get(slug, frozenset()) & set(route.access)
    if not (signed.operator if route.access == ("operator",) else here):
        raise Unknown("http.nothing-here")


async def _clothe(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)

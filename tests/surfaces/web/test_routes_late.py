"""Every row of the table of the desk, for somebody whose right ends while her request is under way.

Each row of the composed desk is tried with its own access, door and form, and a handler that does nothing but write:
what a new page writes goes the same way, through the database port (threat T140).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from msgspec.structs import replace

from connector.app import desk as composed
from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.model import Rules
from connector.foundation.http import server
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.database import by_itself
from connector.identity.accounts import sessions
from connector.identity.accounts.model import ROLES
from connector.identity.accounts.store import set_operator
from connector.surfaces.web import forms, routes
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import to
from connector.surfaces.web.routes import SIGN_OUT, Route
from connector.surfaces.web.session import Cookies
from connector.surfaces.web.spaces.joining import shown
from tests.surfaces.web.account.desk import open_door
from tests.surfaces.web.browsing import Browser, Page
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.listening import reserved_port
from tests.testkit.patience import PATIENCE_S

TOWN = "musterstadt"
End = Callable[[], Awaitable[object]]
File = tuple[str, str, bytes]
"""Field, name and content."""


async def _nothing() -> None:
    """Her right stays."""


class Late:
    """The desk with real accounts; `reading` happens while a form is read, `writing` before its handler writes."""

    def __init__(self, city: City, origin: str, stack: AsyncExitStack, *, real: bool) -> None:
        services = city.services
        self.city, self.services, self.db, self.stack = city, services, services.infra.db, stack
        self.desk = replace(composed.desk(services), origin=origin, cookies=Cookies(origin))
        pages = composed.pages(services)
        self.groups = pages if real else [Writing(self, group.routes) for group in pages]
        self.routes = [one for group in self.groups for one in group.routes if one.access != ("unasked",)]
        self.reading = self.writing = _nothing
        self.written: list[str] = []
        self.dataset = "nothing"
        self._persons: dict[str, str] = {}

    async def person(self, route: Route) -> str:
        """Who may open it, by one role: the same for all that want that."""
        (what, *_) = [*(role for role in ROLES if role in route.access), *route.access]
        if what not in self._persons:
            people = self.services.accounts.people
            who = await people.add(f"{what}@musterstadt.de", what, operator=what == "operator")
            self._persons[what] = who.id
            if what in ROLES:
                await people.grant(TOWN, "", who.id, what)
        return self._persons[what]

    async def sent(
        self, route: Route, who: str, fields: Mapping[str, str] | None = None, file: File | None = None
    ) -> Page:
        """In a new session of hers."""
        cookie = await self.db.write(PROCESS, sessions.opened, who, "Firefox", strong=True)
        signed = await self.services.accounts.sessions.session(cookie)
        assert signed is not None
        browser = Browser(self.desk.origin, cookie, self.desk.cookies.name)
        self.stack.push_async_callback(browser.close)
        path = re.sub(r"\{\w+\}", "nothing", route.path.replace("{p}", TOWN).replace("{uuid}", self.dataset))
        if route.method == "GET":
            return await browser.get(path, follow=False)
        token = forms.token(signed.form_key, path, self.desk.clock.now())
        return await browser.post(path, {"form": token, **(fields or {})}, follow=False, file=file)

    async def counted(self) -> dict[str, int]:
        """Rows of each table, but for sessions."""
        return await self.db.read(TOWN, _counted)

    async def sign_off(self, who: str) -> None:
        """All her sessions end, on another replica."""
        await self.db.write(PROCESS, sessions.session_store.end_all, who)

    async def take(self, who: str, route: Route) -> None:
        """Her role is taken, or that of an operator, as the desk does it."""
        people = self.services.accounts.people
        if route.access == ("operator",):
            await people.make_operator(who, operator=False)
        else:
            await people.revoke(TOWN, "", who, next(one for one in ROLES if one in route.access))

    async def give_back(self, who: str, route: Route) -> None:
        if route.access == ("operator",):
            await self.db.write(PROCESS, set_operator, who, True)
        else:
            await self.services.accounts.people.grant(TOWN, "", who, next(one for one in ROLES if one in route.access))


class Writing:
    """The rows of a group whose handlers only write, at the participant of the path or in the process."""

    def __init__(self, late: Late, rows: tuple[Route, ...]) -> None:
        async def write(group: object, call: Call) -> web.StreamResponse:
            await late.writing()

            def unit(tx: Tx) -> None:
                late.written.append(call.request.path)

            await late.db.write(call.request.match_info.get("p", PROCESS), unit)
            return to("/done")

        self.routes = tuple(one._replace(handler=write) for one in rows)


@asynccontextmanager
async def opened(space: Space, monkeypatch: pytest.MonkeyPatch, *, real: bool) -> AsyncIterator[Late]:
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_BURST", 100_000)
    monkeypatch.setattr("connector.surfaces.web.routes.PERSON_BURST", 100_000)
    read = forms.read

    async def body(request: web.Request) -> forms.Form:
        await it.reading()
        return await read(request)

    monkeypatch.setattr(forms, "read", body)
    async with space.running("it", {TOWN: MUNICIPALITY}) as city, AsyncExitStack() as stack:
        await city.stop_jobs()
        port = stack.enter_context(reserved_port())
        it = Late(city, f"http://localhost:{port}", stack, real=real)
        runner = await server.serve(routes.application(it.desk, it.groups), host="127.0.0.1", port=port, tls=None)
        stack.push_async_callback(runner.cleanup)
        yield it


@pytest.fixture
async def late(space: Space, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Late]:
    """Its handlers only write."""
    async with opened(space, monkeypatch, real=False) as it:
        yield it


def _counted(tx: Tx) -> dict[str, int]:
    tables = [row["name"] for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: tx.all(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables}
    return {name: count for name, count in found.items() if name != "desk_session"}


def refused(route: Route, page: Page) -> bool:
    """Led to where one signs in, which says that what was sent did not arrive."""
    place = page.headers.get("Location", "")
    unsent = route.method == "GET" or route.path == SIGN_OUT or "unsent=1" in place
    return page.status == 303 and place.startswith("/sign-in") and unsent


@pytest.mark.threat("T140")
async def test_bug_who_was_signed_off_while_her_form_came_still_changed_something(late: Late) -> None:
    """>> every form, and every page that writes, whose session ends in the handler, before it writes << nothing is
    written, and she is asked to sign in; else all of them write."""
    for route in late.routes:
        who = await late.person(route)

        async def end(who: str = who) -> None:
            with by_itself():  # it is somebody else who does that
                await late.sign_off(who)

        assert (await late.sent(route, who)).headers.get("Location") == "/done", route.path
        assert late.written.pop()
        assert not late.written
        late.writing = end
        page = await late.sent(route, who)
        assert refused(route, page), (route.path, page.status)
        assert not late.written, route.path
        late.writing = _nothing


@pytest.mark.threat("T140")
async def test_bug_a_role_that_was_taken_while_the_form_came_still_counted(late: Late) -> None:
    """>> every form that wants a role, which is taken in between, in both moments in turn << as above."""
    wanted = [one for one in late.routes if one.method == "POST" and set(one.access) & {*ROLES, "operator"}]
    for number, route in enumerate(wanted):
        who = await late.person(route)

        async def take(who: str = who, route: Route = route) -> None:
            with by_itself():
                await late.take(who, route)

        late.reading, late.writing = (take, _nothing) if number % 2 else (_nothing, take)
        page = await late.sent(route, who)
        assert refused(route, page), (route.path, page.status)
        assert not late.written, route.path
        late.reading = late.writing = _nothing
        await late.give_back(who, route)
    assert len(wanted) > 50


@pytest.mark.threat("T140")
async def test_bug_a_handler_that_writes_nothing_answered_after_the_session(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> every form of the desk as it is, whose session ends between head and body; then every one with a file, of
    which a piece has come << she is asked to sign in, and no table has a row more; in time each gets its answer."""
    async with opened(space, monkeypatch, real=True) as it:
        uploads = [one for one in it.routes if one.takes_file]
        it.dataset = (await it.city.publish(TOWN))["dataset"].rpartition("/")[2]
        assert len(uploads) == 4
        fields = await ready(it, monkeypatch)
        for route in it.routes:
            await it.person(route)
        before, whole = await it.counted(), forms.Upload.pieces
        for route in (one for one in it.routes if one.method == "POST" and one.access != ("everybody",)):
            who = await it.person(route)

            async def end(who: str = who) -> None:
                with by_itself():
                    await it.sign_off(who)

            it.reading = end
            page = await it.sent(route, who)
            assert refused(route, page), (route.path, page.status)
            it.reading = _nothing

            async def pieces(upload: forms.Upload, end: End = end) -> AsyncIterator[bytes]:
                async for piece in whole(upload):
                    await end()
                    yield piece

            if route.takes_file:
                monkeypatch.setattr(forms.Upload, "pieces", pieces)
                page = await it.sent(route, who, fields, ("file", "baeume.csv", b"a;b\n1;2\n"))
                assert refused(route, page), (route.path, page.status)
                monkeypatch.setattr(forms.Upload, "pieces", whole)
            elif not route.once:
                assert not refused(route, await it.sent(route, who))
        assert await it.counted() == before
        for route in (one for one in uploads if one.once):  # what is dropped has a process of its own
            page = await it.sent(route, await it.person(route), fields, ("file", "baeume.csv", b"a;b\n1;2\n"))
            assert not refused(route, page), route.path


async def ready(it: Late, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a form says with which each handler reads its file: of a space that asks for two documents, whoever asks."""
    spaces = it.services.spaces
    rules = Rules(documents=("Beschluss", "Siegel"))
    await spaces.authority.create(TOWN, "Kreis", rules)
    said = await spaces.authority.description(TOWN)

    async def looked(link: str) -> Description:
        return said

    monkeypatch.setattr(spaces.joining, "look", looked)
    return {"link": "any", "seen": shown(said), "typed": " ".join(said.fingerprint.split()[-2:])}


@pytest.mark.threat("T140")
async def test_bug_who_was_removed_while_her_file_came_still_handed_it_in(space: Space) -> None:
    """>> half a file, the person is removed, the rest << asked to sign in; there is no draft of it, and no source."""
    async with space.running("it", {TOWN: MUNICIPALITY}) as city, open_door(city.services) as door:
        anna, db = await door.signed_in("steward"), city.services.infra.db
        page = await anna.get(f"/t/{TOWN}/publish")
        (token,) = (value for name, value in page.form("/publish/file").fields if name == "form")

        async def halves() -> AsyncIterator[bytes]:
            yield multipart("form", token) + multipart("file", "a;b\n", "baeume.csv")[:-2]
            yield b"1;2\n" * 50_000  # whoever reads the parts of a form looks ahead
            async with asyncio.timeout(PATIENCE_S):
                while await door.desk.sent.look(token.partition(".")[0]) is None:  # it has come to the handler
                    await asyncio.sleep(0.01)
            (one,) = await city.services.accounts.people.all()
            await city.services.accounts.people.remove(one[0].id)
            yield b"1;2\n\r\n--x--\r\n"

        headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": door.origin}
        address = f"{door.origin}/t/{TOWN}/publish/file"
        async with anna._session.post(address, data=halves(), headers=headers, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in")
        for table in ("publication_draft", "source"):
            assert await db.read(TOWN, lambda tx, name=table: tx.all(f"SELECT * FROM {name}")) == [], table
        assert await door.desk.sent.look(token.partition(".")[0]) is None, "it may be sent again"


def multipart(name: str, value: str, filename: str = "") -> bytes:
    said = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{said}\r\n\r\n{value}\r\n'.encode()

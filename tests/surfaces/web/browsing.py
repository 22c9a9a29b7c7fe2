"""A browser without a screen for tests of the desk: it keeps cookies, reads pages, and fills in the forms it sees.

`desk(services)` serves all pages of a process on a port of loopback; who is signed in is said by the test. A page is
read as a browser reads it: `page.words` is what a person sees, `browser.send(page, …)` posts its form.
"""

import html
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from msgspec.structs import replace
from yarl import URL

from connector.app import desk as composed
from connector.app.services import Services
from connector.foundation.http import server
from connector.foundation.storage.database import Still, Tx
from connector.identity.accounts.model import Role, SignedIn
from connector.identity.accounts.sessions import SessionOver
from connector.surfaces.web import forms, routes
from connector.surfaces.web.call import Desk
from connector.surfaces.web.render import STOP_POLLING
from connector.surfaces.web.session import Cookies
from tests.testkit.listening import reserved_port
from tests.testkit.patience import eventually_said

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_UNSEEN = frozenset({"script", "style", "head", "template"})
_POLLED = re.compile(r'hx-get="([^"]+)" hx-trigger="every')


class People:
    """Sessions by the word of the test."""

    def __init__(self) -> None:
        self._known: dict[str, SignedIn] = {}

    async def session(self, cookie: str) -> SignedIn | None:
        return self._known.get(cookie)

    def still(self, cookie: str, permitted: Callable[[SignedIn], None]) -> Still:
        def asked(tx: Tx) -> None:
            if cookie not in self._known:
                raise SessionOver("accounts.session-over")
            permitted(self._known[cookie])

        return asked

    async def knows(self, browser: str) -> bool:
        return False

    def end(self, cookie: str) -> None:
        """The session is over."""
        del self._known[cookie]

    def change(self, cookie: str, roles: Mapping[str, Iterable[Role]]) -> None:
        """Other roles from now on."""
        self._known[cookie] = replace(
            self._known[cookie], roles={slug: frozenset(some) for slug, some in roles.items()}
        )

    def enter(self, name: str, roles: Mapping[str, Iterable[Role]], operator: bool) -> str:
        """The cookie of a new session."""
        cookie, person = secrets.token_urlsafe(16), f"p-{sha256(name.encode()).hexdigest()[:6]}"
        self._known[cookie] = SignedIn(
            person=person,
            name=name,
            roles={slug: frozenset(some) for slug, some in roles.items()},
            operator=operator,
            form_key=sha256(cookie.encode()).digest(),
            pseudonyms=dict.fromkeys(roles, person),
            strong=True,
        )
        return cookie


class SeenForm(NamedTuple):
    """A form of a page: where it goes, how, and what its fields hold; `buttons` are (name, value, text)."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]
    names: frozenset[str]
    buttons: tuple[tuple[str, str, str], ...]
    encoding: str


class Page:
    """An answer, read."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.url, self.status, self.headers, self.body = url, status, headers, body
        self.text = body.decode("utf-8", "replace")

    @cached_property
    def _seen(self) -> "_Reader":
        """Read when somebody looks: reading takes about as long as the page took to be made."""
        reader = _Reader()
        if "html" in self.headers.get("Content-Type", ""):  # a file is no page
            reader.feed(self.text)
        return reader

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def title(self) -> str:
        return self._seen.within("title")

    @property
    def h1(self) -> str:
        return self._seen.within("h1")

    @property
    def words(self) -> str:
        """All that is shown or read aloud, in one line."""
        return " ".join(" ".join(self._seen.shown).split())

    @property
    def links(self) -> list[tuple[str, str]]:
        """(text, address) of each link."""
        return self._seen.links

    @property
    def forms(self) -> list[SeenForm]:
        return self._seen.forms

    def form(self, action: str = "") -> SeenForm:
        """The one whose address ends like this; without, the only one of the page itself (not signing out)."""
        found = [one for one in self.forms if (one.action.endswith(action) if action else one.action != "/sign-out")]
        assert len(found) == 1, f"{len(found)} forms {action!r} on {self.url}: {[one.action for one in self.forms]}"
        return found[0]

    def link(self, text: str) -> str:
        """The address of the link with this text."""
        found = {href for said, href in self.links if said == text}
        assert len(found) == 1, f"{found} for {text!r} on {self.url}: {self.links}"
        return found.pop()


class Browser:
    """One person at the desk."""

    def __init__(self, origin: str, cookie: str = "", name: str = "", lang: str = "de") -> None:
        self.origin, self.cookie = origin, cookie
        self._jar = aiohttp.CookieJar(unsafe=True)
        headers = {"Accept-Language": lang, "Accept-Encoding": "gzip"}
        self._session = aiohttp.ClientSession(cookie_jar=self._jar, headers=headers)
        if cookie:
            self._jar.update_cookies({name: cookie}, URL(origin))

    async def get(self, path: str, *, follow: bool = True, headers: Mapping[str, str] | None = None) -> Page:
        return await self._ask("GET", path, follow, headers=dict(headers or {}))

    async def post(
        self,
        path: str,
        fields: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        *,
        follow: bool = True,
        origin: str | None = None,
        referer: str = "",
        file: tuple[str, str, bytes] | None = None,
    ) -> Page:
        """`file` is (field, name, content) and comes last; `origin` and `referer` are what the browser says of where it
        stands."""
        headers = {"Origin": origin or self.origin} | ({"Referer": referer} if referer else {})
        pairs = list(fields.items() if isinstance(fields, Mapping) else fields)
        if file is None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return await self._ask("POST", path, follow, headers=headers, data=urlencode(pairs))
        sent = aiohttp.FormData(default_to_multipart=True)
        for key, value in pairs:
            sent.add_field(key, value)
        sent.add_field(file[0], file[2], filename=file[1], content_type="application/octet-stream")
        return await self._ask("POST", path, follow, headers=headers, data=sent)

    async def send(
        self,
        page: Page,
        action: str = "",
        press: str = "",
        *,
        follow: bool = True,
        file: tuple[str, str, bytes] | None = None,
        **filled: str | list[str] | None,
    ) -> Page:
        """Fills in the form of the page and sends it: `press` is the text of the button, None empties a field."""
        form = page.form(action)
        unknown = filled.keys() - form.names
        assert not unknown, f"no field {sorted(unknown)} in {form.action}, only {sorted(form.names)}"
        fields = [(name, value) for name, value in form.fields if name not in filled]
        for name, value in filled.items():
            fields += [(name, one) for one in ([] if value is None else [value] if isinstance(value, str) else value)]
        pressed = [one for one in form.buttons if not press or one[2] == press]
        assert pressed or not press, f"no button {press!r} in {form.action}: {form.buttons}"
        if press and pressed[0][0]:
            fields.append(pressed[0][:2])
        return await self.post(urljoin(page.path, form.action), fields, follow=follow, referer=page.url, file=file)

    async def settled(self, page: Page) -> Page:
        """The page once nothing on it comes by itself any more: its part is asked for as scripts do, then the page.

        The desk waits a few seconds for that before it answers, which on a busy machine is not enough.
        """
        part = _POLLED.search(page.text)
        if part is None:
            return page

        async def ended() -> bool:
            return (await self.get(part[1])).status == STOP_POLLING

        await eventually_said(ended)
        return await self.get(page.path)

    async def close(self) -> None:
        await self._session.close()

    async def _ask(self, method: str, path: str, follow: bool, **sent: Any) -> Page:
        async with self._session.request(method, self.origin + path, allow_redirects=follow, **sent) as answer:
            return Page(str(answer.url), answer.status, answer.headers, await answer.read())


class Opened:
    """The desk of a process, open for tests."""

    def __init__(self, desk: Desk, people: People, stack: AsyncExitStack) -> None:
        self.desk, self._people, self._stack = desk, people, stack

    @property
    def origin(self) -> str:
        return self.desk.origin

    def browser(
        self,
        roles: Mapping[str, Iterable[Role]] | None = None,
        *,
        name: str = "Anna Beispiel",
        operator: bool = False,
        lang: str = "de",
    ) -> Browser:
        """With the roles of a person who is signed in, `{"musterstadt": ["steward"]}`; without, nobody is."""
        cookie = "" if roles is None else self._people.enter(name, roles, operator)
        made = Browser(self.origin, cookie, self.desk.cookies.name, lang)
        self._stack.push_async_callback(made.close)
        return made

    async def token(self, browser: Browser, path: str) -> str:
        """What a form of this person's pages that is sent to this path would bear."""
        signed = await self._people.session(browser.cookie)
        return forms.token(self.desk.key if signed is None else signed.form_key, path, self.desk.clock.now())

    def cookies(self, roles: Mapping[str, Iterable[Role]], *, operator: bool = False) -> dict[str, str]:
        """For another browser's window: a person with these roles."""
        return {self.desk.cookies.name: self._people.enter("Anna Beispiel", roles, operator)}


@asynccontextmanager
async def open_desk(services: Services, *groups: routes.Handlers) -> AsyncIterator[Opened]:
    """All pages of a process, or these groups alone, on a port of their own."""
    handlers = list(groups) or composed.pages(services)
    people = People()
    async with AsyncExitStack() as stack:
        port = stack.enter_context(reserved_port())
        origin = f"http://localhost:{port}"
        made = replace(
            composed.desk(services),
            sessions=people,
            origin=origin,
            cookies=Cookies(origin),
            paths=routes.paths(handlers),
        )
        runner = await server.serve(routes.application(made, handlers), host="127.0.0.1", port=port, tls=None)
        stack.push_async_callback(runner.cleanup)
        yield Opened(made, people, stack)


class _Reader(HTMLParser):
    """Text in the order of the page, links, forms."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.forms: list[SeenForm] = []
        self._open: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._link: tuple[str, list[str]] | None = None
        self._form: dict[str, Any] | None = None
        self._select: str | None = None
        self._chosen: str | None = None
        self._button: tuple[str, str, list[str]] | None = None
        self._area: tuple[str, list[str]] | None = None

    def within(self, tag: str) -> str:
        return " ".join("".join(self._texts.get(tag, [])).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        self.shown += [given[name] for name in ("alt", "title", "placeholder", "aria-label") if given.get(name)]
        if tag == "a" and "href" in given:
            self._link = (given["href"], [])
        elif tag == "form":
            self._form = {
                "action": given.get("action", ""),
                "method": given.get("method", "get"),
                "fields": [],
                "names": set(),
                "buttons": [],
                "encoding": given.get("enctype", ""),
            }
        elif (self._form is not None and given.get("name")) or tag in ("option", "button"):
            self._control(tag, given)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if self._form is not None and name and tag != "button":
            self._form["names"].add(name)
        if tag == "input" and self._form is not None:
            kind = given.get("type", "text")
            if (kind not in ("radio", "checkbox", "file", "submit") or "checked" in given) and kind != "file":
                self._form["fields"].append((name, given.get("value", "on" if kind == "checkbox" else "")))
        elif tag == "select":
            self._select, self._chosen = name, None
        elif tag == "option" and self._select is not None:
            if "selected" in given or self._chosen is None:
                self._chosen = given.get("value", "")
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "button":
            self._button = (name, given.get("value", ""), [])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open and self._open.pop() != tag:
                pass
        if tag == "a" and self._link is not None:
            self.links.append((" ".join("".join(self._link[1]).split()), self._link[0]))
            self._link = None
        elif tag == "select" and self._select is not None and self._form is not None:
            self._form["fields"].append((self._select, self._chosen or ""))
            self._select = None
        elif tag == "textarea" and self._area is not None and self._form is not None:
            self._form["fields"].append((self._area[0], "".join(self._area[1]).removeprefix("\n")))
            self._area = None
        elif tag == "button" and self._button is not None and self._form is not None:
            name, value, text = self._button
            self._form["buttons"].append((name, value, " ".join("".join(text).split())))
            self._button = None
        elif tag == "form" and self._form is not None:
            one = self._form
            self.forms.append(
                SeenForm(
                    html.unescape(one["action"]),
                    one["method"],
                    tuple(one["fields"]),
                    frozenset(one["names"]),
                    tuple(one["buttons"]),
                    one["encoding"],
                )
            )
            self._form = None

    def handle_data(self, data: str) -> None:
        if not _UNSEEN & set(self._open):
            self.shown.append(data)
        for tag in ("title", "h1"):
            if tag in self._open:
                self._texts.setdefault(tag, []).append(data)
        if self._link is not None:
            self._link[1].append(data)
        if self._button is not None:
            self._button[2].append(data)
        if self._area is not None:
            self._area[1].append(data)

"""Every row of the table of the desk: refused to whoever may not, and nothing told or done.

Rows are taken from the composed desk, so a new page is tried without a line here.
"""

import re
from collections.abc import AsyncIterator, Iterable
from typing import get_args

import pytest

from connector.app import desk as composed
from connector.identity.accounts.model import ROLES, Role
from connector.surfaces.web.routes import Route
from tests.surfaces.web.browsing import Browser, Opened, Page, open_desk
from tests.testkit.cities import MUNICIPALITY, Space

TOWN, OTHER = "musterstadt", "nachbardorf"
FOREIGN = "https://evil.example"
PUBLIC = ("everybody", "unasked")


class Every:
    """The desk of a process, its rows, and a person for each way to be at it."""

    def __init__(self, desk: Opened, routes: Iterable[Route]) -> None:
        self.desk, self.routes = desk, list(routes)
        self._persons: dict[tuple[Role, ...], Browser] = {}

    def path(self, route: Route, slug: str = TOWN) -> str:
        return re.sub(r"\{\w+\}", "nothing", route.path.replace("{p}", slug))

    def rows(self, method: str) -> list[Route]:
        return [one for one in self.routes if one.method == method]

    def person(self, *roles: Role) -> Browser:
        """At Musterstadt; always the same for the same roles."""
        if roles not in self._persons:
            self._persons[roles] = self.desk.browser(
                {TOWN: roles} if roles else {}, name=f"Person {len(self._persons)}"
            )
        return self._persons[roles]

    def allowed(self, route: Route) -> Browser:
        if route.access == ("operator",):
            return self.desk.browser({}, operator=True)
        if route.access == ("signed",):
            return self.person("auditor")
        if set(route.access) & set(PUBLIC):
            return self.desk.browser()
        (role, *_) = [one for one in ROLES if one in route.access]
        return self.person(role)

    async def sent(self, route: Route, browser: Browser, slug: str = TOWN, **otherwise: str) -> Page:
        """With a token that fits, but for what is said."""
        path = self.path(route, slug)
        token = otherwise.get("token", await self.desk.token(browser, path))
        fields = {"form": token} if token else {}
        return await browser.post(path, fields, follow=False, origin=otherwise.get("origin"))


@pytest.fixture
async def every(space: Space, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Every]:
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_BURST", 100_000)
    monkeypatch.setattr("connector.surfaces.web.routes.PERSON_BURST", 100_000)
    async with space.running("it", {TOWN: MUNICIPALITY, OTHER: MUNICIPALITY}) as city:
        groups = composed.pages(city.services)
        async with open_desk(city.services) as desk:
            yield Every(desk, [one for group in groups for one in group.routes])


def same(page: Page, nothing: Page) -> bool:
    """Whether a page tells no more than that of an address that is not there."""
    return (page.status, _plain(page)) == (404, _plain(nothing))


def _plain(page: Page) -> str:
    return page.words.replace(page.headers["X-Request-Id"], "")


@pytest.mark.threat("T28")
async def test_nobody_is_asked_to_sign_in_first(every: Every) -> None:
    """>> every row without a session << the way to sign in, whatever is sent; what is public, open."""
    nobody = every.desk.browser()
    for route in every.routes:
        path = every.path(route)
        if set(route.access) & set(PUBLIC):
            continue
        answer = await (nobody.get(path, follow=False) if route.method == "GET" else nobody.post(path, follow=False))
        assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in"), route.path
        assert answer.body == b"", route.path


@pytest.mark.threat("T28")
@pytest.mark.parametrize("each", [False, pytest.param(True, marks=pytest.mark.long)], ids=["one of them", "each"])
async def test_the_wrong_participant_and_role_see_nothing(every: Every, each: bool) -> None:
    """>> every row with a role that it does not name (the next row with the next, under --long with each of them), and
    with all roles elsewhere << as if it were not there."""
    nothing = await every.person("auditor").get("/there/is/no/such/page")
    elsewhere = every.desk.browser({OTHER: ROLES}, name="Zweite")
    assert set(ROLES) == set(get_args(Role))
    tried = set[Role]()
    for number, route in enumerate(every.routes):
        if not set(route.access) & {*ROLES, "operator"}:
            continue
        path, unnamed = every.path(route), [role for role in ROLES if role not in route.access]
        roles = unnamed if each or not unnamed else [unnamed[number % len(unnamed)]]
        tried |= set(roles)
        for browser in [elsewhere, *map(every.person, roles)]:
            if route.method == "GET":
                assert same(await browser.get(path, follow=False), nothing), route.path
            else:
                assert same(await every.sent(route, browser), nothing), route.path
    assert tried == set(ROLES)


@pytest.mark.threat("T28")
@pytest.mark.parametrize("each", [False, pytest.param(True, marks=pytest.mark.long)], ids=["one of them", "each"])
async def test_a_form_of_another_place_does_nothing(every: Every, each: bool) -> None:
    """>> every form from a foreign page, without a token, with that of another form (in turn; under --long each form in
    each way) << refused before it is read."""
    for number, route in enumerate(every.rows("POST")):
        browser = every.allowed(route)
        other = await every.desk.token(browser, "/another/form")
        ways = [{"origin": FOREIGN}, {"origin": "null"}, {"token": ""}, {"token": other}]
        for otherwise in ways if each else [ways[number % len(ways)]]:
            refused = await every.sent(route, browser, **otherwise)
            assert (refused.status, refused.h1) == (400, "Das hat nicht geklappt"), (route.path, otherwise)


@pytest.mark.threat("T84")
async def test_a_form_that_was_sent_leads_where_it_led(every: Every) -> None:
    """>> every form whose name is taken << the place of then, and no handler is asked."""
    for route in every.rows("POST"):
        if not route.once:
            continue
        browser = every.allowed(route)
        token = await every.desk.token(browser, every.path(route))
        name = token.partition(".")[0]
        assert await every.desk.desk.sent.begin(name) is None
        await every.desk.desk.sent.finish(name, "/then")
        again = await every.sent(route, browser, token=token)
        assert (again.status, again.headers.get("Location")) == (303, "/then"), route.path


@pytest.mark.threat("T28")
async def test_no_page_can_be_framed_or_kept(every: Every) -> None:
    """>> every page for whoever may open it, ids that are not there included << no frame, no copy, no foreign part."""
    for route in every.rows("GET"):
        if route.access == ("unasked",):
            continue
        said = (await every.allowed(route).get(every.path(route), follow=False)).headers
        assert "frame-ancestors 'none'" in said["Content-Security-Policy"], route.path
        assert said["Cache-Control"] == "no-store", route.path
        assert said["X-Content-Type-Options"] == "nosniff", route.path

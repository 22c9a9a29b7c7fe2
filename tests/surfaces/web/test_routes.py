"""The table of the desk: who may open what, what forms must prove, and that nothing is done twice."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
from aiohttp import web

from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Defect, Mistake, Unavailable
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import Route, checked, get, post
from tests.surfaces.web.browsing import Browser, Opened, People, open_desk
from tests.testkit.cities import MUNICIPALITY, Space

TOWNS = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}


class Pages:
    """A page, a form that counts, and one whose handler fails as it is told."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def show(self, call: Call) -> web.StreamResponse:
        return await page(call, "frame/text.html", title=call.town.name, parts=[("", [call.token(call.at("do"))])])

    async def do(self, call: Call) -> web.StreamResponse:
        wish = call.form.text("wish")
        if wish == "mistake":
            raise Mistake("web.field", pointer="wish")
        self.done.append(wish)
        if wish == "later":
            raise Unavailable("http.request-too-long")
        return to(call.at("things", "7"))

    routes: ClassVar[tuple[Route, ...]] = (
        get("/t/{p}/", show, "steward", "auditor"),
        get("/t/{p}/things/{id}", show, "steward", "auditor"),
        post("/t/{p}/do", do, "steward"),
        get("/engine", show, "operator"),
        get("/mine", show, "signed"),
    )


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def desk(space: Space, pages: Pages) -> AsyncIterator[Opened]:
    async with space.running("it", TOWNS) as city, open_desk(city.services, pages) as opened:
        yield opened


async def test_who_may_open_a_page(desk: Opened) -> None:
    """>> own town, another one, one that is not there, a page of the operator << the last three look the same."""
    anna = desk.browser({"musterstadt": ["auditor"]})
    assert (await anna.get("/t/musterstadt/")).h1 == "Musterstadt"
    refused = [await anna.get(path) for path in ("/t/nachbardorf/", "/t/nowhere/", "/engine", "/nothing")]
    assert {one.status for one in refused} == {404}
    assert len({one.words.replace(one.headers["X-Request-Id"], "") for one in refused}) == 1
    stranger = await desk.browser().get("/t/musterstadt/things/1?a=b", follow=False)
    assert (stranger.status, stranger.headers["Location"]) == (
        303,
        "/sign-in?next=%2Ft%2Fmusterstadt%2Fthings%2F1%3Fa%3Db",
    )


async def test_back_to_where_a_form_or_a_part_of_a_page_stood(desk: Opened) -> None:
    """>> sent, or asked by htmx, from a page, an address that only takes forms, another place << to the page, or the
    start; what was sent is told to be lost."""
    stranger = desk.browser()
    stood = {
        f"{desk.origin}/t/musterstadt/things/1?a=b": "%2Ft%2Fmusterstadt%2Fthings%2F1%3Fa%3Db",
        f"{desk.origin}/t/musterstadt/do": "%2F",
        "http://evil.example/mine": "%2F",
    }
    for there, back in stood.items():
        sent = await stranger.post("/t/musterstadt/do", {"wish": "x"}, referer=there, follow=False)
        assert (sent.status, sent.headers["Location"]) == (303, f"/sign-in?next={back}&unsent=1")
        asked = await stranger.get("/mine", headers={"HX-Request": "true", "HX-Current-URL": there})
        assert (asked.status, asked.headers["HX-Redirect"]) == (401, f"/sign-in?next={back}")


@pytest.mark.threat("T28")
async def test_a_form_comes_from_its_page(desk: Opened, pages: Pages) -> None:
    """>> no token, another session's, another address's, another origin, none, a token that is bent << nothing done."""
    anna, bert = desk.browser({"musterstadt": ["steward"]}), desk.browser({"musterstadt": ["steward"]}, name="Bert")
    token = (await anna.get("/t/musterstadt/")).words
    mine = next(word for word in token.split() if word.count(".") == 2)
    other = next(word for word in (await bert.get("/t/musterstadt/")).words.split() if word.count(".") == 2)
    tries = [
        await anna.post("/t/musterstadt/do", {"wish": "x"}),
        await anna.post("/t/musterstadt/do", {"wish": "x", "form": other}),
        await anna.post("/t/musterstadt/do", {"wish": "x", "form": mine[:-1] + ("0" if mine[-1] != "0" else "1")}),
        await anna.post("/t/musterstadt/do", {"wish": "x", "form": mine}, origin="http://evil.example"),
        await anna.post("/t/musterstadt/do", {"wish": "x", "form": mine}, origin="null"),
        await desk.browser({"musterstadt": ["auditor"]}).post("/t/musterstadt/do", {"wish": "x", "form": mine}),
    ]
    assert [one.status for one in tries] == [400, 400, 400, 400, 400, 404]
    assert pages.done == []
    assert (await anna.post("/t/musterstadt/do", {"wish": "x", "form": mine}, follow=False)).status == 303


@pytest.mark.threat("T84")
async def test_a_form_is_done_once(desk: Opened, pages: Pages) -> None:
    """>> sent twice << done once, and both times led to the same place; a mistake may be mended and sent again."""
    anna = desk.browser({"musterstadt": ["steward"]})
    token = next(word for word in (await anna.get("/t/musterstadt/")).words.split() if word.count(".") == 2)
    assert (await anna.post("/t/musterstadt/do", {"wish": "mistake", "form": token})).status == 400
    for _ in range(2):
        sent = await anna.post("/t/musterstadt/do", {"wish": "y", "form": token}, follow=False)
        assert (sent.status, sent.headers["Location"]) == (303, "/t/musterstadt/things/7")
    assert pages.done == ["y"]


async def test_what_may_have_been_done_is_not_tried_again(desk: Opened, pages: Pages) -> None:
    """>> a handler that fails on our side, and the form again << 503, then a page that says it was sent before."""
    anna = desk.browser({"musterstadt": ["steward"]})
    token = next(word for word in (await anna.get("/t/musterstadt/")).words.split() if word.count(".") == 2)
    sent = [await anna.post("/t/musterstadt/do", {"wish": "later", "form": token}) for _ in range(2)]
    assert [one.status for one in sent] == [503, 400]
    assert pages.done == ["later"]


@pytest.mark.threat("T84")
async def test_a_file_that_nobody_asked_for_is_not_waited_for(desk: Opened, pages: Pages) -> None:
    """>> a file beside the fields of a form that takes none << refused with the form's own token, nothing done."""
    anna = desk.browser({"musterstadt": ["steward"]})
    token = await desk.token(anna, "/t/musterstadt/do")
    file = ("file", "a.csv", b"x" * 1_000)
    assert (await anna.post("/t/musterstadt/do", {"form": token, "wish": "x"}, file=file)).status == 415
    assert pages.done == []


@pytest.mark.threat("T87")
async def test_a_flood_shuts_out_neither_who_is_signed_in_nor_a_known_browser(
    space: Space, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> more requests than an address has, by nobody; by a person at that address, and more than she has; by nobody in
    a browser in which somebody signed in before << 429; as ever, then 429 for her alone; as ever."""
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_BURST", 3)
    monkeypatch.setattr("connector.surfaces.web.routes.PERSON_BURST", 4)
    space.clock = FakeClock(SystemClock().now())

    async def asked(browser: Browser, path: str = "/t/musterstadt/") -> list[int]:
        return [(await browser.get(path, follow=False)).status for _ in range(5)]

    async with space.running("it", TOWNS) as city, open_desk(city.services, pages) as desk:
        assert await asked(desk.browser()) == [303, 303, 303, 429, 429]
        assert (await desk.browser().get("/t/musterstadt/", follow=False)).headers["Retry-After"] == "1"
        assert await asked(desk.browser({"musterstadt": ["auditor"]}, name="Anna")) == [200, 200, 200, 200, 429]
        assert await asked(desk.browser({"musterstadt": ["auditor"]}, name="Berta")) == [200, 200, 200, 200, 429]

        async def known(people: People, browser: str) -> bool:
            return True

        monkeypatch.setattr(People, "knows", known)
        assert await asked(desk.browser()) == [303, 303, 303, 303, 429]


def test_a_page_without_a_role_stops_the_start() -> None:
    """>> no role; a role where there is no participant; a participant's page for everybody << Defect."""
    for route in (
        get("/t/{p}/x", Pages.show),
        get("/x", Pages.show, "steward"),
        get("/t/{p}/x", Pages.show, "everybody"),
        get("/x", Pages.show, "signed", "operator"),
        get("/t/{p}/x", Pages.show, "stewart"),  # type: ignore[arg-type]
    ):
        with pytest.raises(Defect):
            checked([route])
    checked(Pages.routes)


@pytest.mark.threat("T85")
async def test_what_every_page_forbids(desk: Opened) -> None:
    """>> a page, an error << no inline style or script, no frame, nothing from elsewhere."""
    anna = desk.browser({"musterstadt": ["steward"]})
    for path in ("/t/musterstadt/", "/nothing"):
        said = (await anna.get(path)).headers
        assert "unsafe" not in said["Content-Security-Policy"]
        assert "default-src 'none'" in said["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in said["Content-Security-Policy"]
        assert said["Referrer-Policy"] == "same-origin"
        assert said["X-Content-Type-Options"] == "nosniff"
        assert said["Cross-Origin-Opener-Policy"] == "same-origin"
        assert said["Cache-Control"] == "no-store"
        assert "Server" not in said

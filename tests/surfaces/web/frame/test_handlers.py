"""Pages that belong to nobody: the start, the language, what the law asks for, files."""

import gzip
import re
from collections.abc import AsyncIterator

import pytest

from connector.surfaces.web import assets
from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import COMPANY, MUNICIPALITY, Space

TOWNS = {"musterstadt": MUNICIPALITY, "stadtwerke": COMPANY}


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[Opened]:
    async with space.running("it", TOWNS) as city, open_desk(city.services) as opened:
        yield opened


async def test_the_start_leads_to_work(desk: Opened) -> None:
    """>> one town, two, none, the operator << that town, a choice, a sentence, operation."""
    both = await desk.browser({"musterstadt": ["steward"], "stadtwerke": ["auditor"]}).get("/")
    assert (both.h1, next(href for text, href in both.links if text == "Stadtwerke")) == (
        "Für wen arbeiten Sie?",
        "/t/stadtwerke/",
    )
    for roles, operator, where in (
        ({"musterstadt": ["auditor"]}, False, "/t/musterstadt/"),
        ({}, True, "/administration"),
    ):
        answer = await desk.browser(roles, operator=operator).get("/", follow=False)
        assert answer.headers["Location"] == where
    assert "keinem Teilnehmer eine Rolle" in (await desk.browser({}).get("/")).words


async def test_a_page_speaks_the_chosen_language(desk: Opened) -> None:
    """>> no wish, a browser that is English, a choice << German, English, the choice; and back where one was."""
    anna = desk.browser(lang="fr, en;q=0.5, de;q=0.7")
    assert (await anna.get("/imprint")).h1 == "Impressum"
    ann = desk.browser(lang="en-GB")
    page = await ann.get("/imprint?x=1")
    assert (page.h1, page.text.count('<html lang="en"')) == ("Imprint", 1)
    german = await ann.get(page.link("Deutsch"))
    assert (german.h1, german.url) == ("Impressum", f"{desk.origin}/imprint?x=1")


@pytest.mark.threat("T28")
async def test_the_way_back_stays_here(desk: Opened) -> None:
    """>> other hosts, schemes, white space, backslashes as the place to go back to << the start page."""
    for back in (
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/\t/evil.example",
        "",
    ):
        answer = await desk.browser().get(f"/language/de?back={back}", follow=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/"), back


async def test_files_name_their_content(desk: Opened) -> None:
    """>> a style, again with its tag, an old address, one that is not there << kept a year, 304, not kept, 404."""
    href = desk.desk.assets.href("desk.css")
    anna = desk.browser()
    first = await anna.get(href)
    assert (first.status, first.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert (first.headers["Cache-Control"], first.headers["Content-Encoding"]) == (
        "public, max-age=31536000, immutable",
        "gzip",
    )
    assert (await anna.get(href, headers={"If-None-Match": first.headers["ETag"]})).status == 304
    plain = await anna.get(href, headers={"Accept-Encoding": "identity"})
    assert plain.body == gzip.decompress(desk.desk.assets.found["desk.css"].body)
    old = await anna.get("/static/0000/desk.css")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-cache")
    assert (await anna.get("/static/0000/passwd")).status == 404


async def test_a_first_visit_is_small(desk: Opened) -> None:
    """>> a page with all that it loads, as they are sent << at most 150 kB, and from nowhere else."""
    page = await desk.browser({"musterstadt": ["steward"], "stadtwerke": ["steward"]}).get("/")
    loaded = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    fonts = {name for name in desk.desk.assets.found if name.endswith(".woff2")}
    sizes = {one: len(desk.desk.assets.found[one].body) for one in {each.rpartition("/")[2] for each in loaded} | fonts}
    assert len(gzip.compress(page.body)) + sum(sizes.values()) <= 150_000, sizes
    assert "leaflet.js" not in sizes
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', page.text) == []


async def test_the_fallback_is_small_and_stands_alone() -> None:
    """>> the style that serves where KERN is not there << about two kilobytes, nothing loaded by it."""
    style = assets.load().found["fallback.css"]
    assert len(style.body) <= 2_000
    assert b"url(" not in gzip.decompress(style.body)


async def test_without_npm_pages_have_the_fallback(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> an installation that met no registry << our own style, no script, and the page as ever."""
    own = {name: one for name, one in assets.load().found.items() if (assets.FOLDER / "static" / name).is_file()}
    monkeypatch.setattr("connector.surfaces.web.assets.load", lambda: assets.Assets(own))
    async with space.running("it", TOWNS) as city, open_desk(city.services) as plain:
        page = await plain.browser({"musterstadt": ["steward"], "stadtwerke": ["auditor"]}).get("/")
    assert re.findall("/([a-z.-]+[.](?:css|js))", page.text) == ["fallback.css", "desk.css"]
    assert page.h1 == "Für wen arbeiten Sie?"


async def test_an_error_says_what_to_do(desk: Opened) -> None:
    """>> nothing there, a wrong method, too much, a request with a number << whose side, what next."""
    anna = desk.browser({"musterstadt": ["steward"]})
    nothing = await anna.get("/x", headers={"X-Request-Id": "abcdefgh12345678"})
    assert (nothing.status, nothing.h1) == (404, "Hier gibt es nichts")
    assert "abcdefgh12345678" in nothing.words
    assert "Bitte prüfen Sie die Adresse" in nothing.words
    wrong = await anna.post("/imprint")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_pace_of_an_address_is_bounded(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more pages than a town hall opens << 429 and when to come back; whoever is signed in goes on."""
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_BURST", 5)
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_PER_S", 0)
    async with space.running("it", TOWNS) as city, open_desk(city.services) as desk:
        nobody, anna = desk.browser(), desk.browser({"musterstadt": ["steward"], "stadtwerke": ["steward"]})
        answers = [await nobody.get("/imprint") for _ in range(6)]
        assert [one.status for one in answers] == [200] * 5 + [429]
        assert (answers[-1].h1, answers[-1].headers["Retry-After"]) == ("Im Moment nicht möglich", "1")
        assert (await anna.get("/")).status == 200

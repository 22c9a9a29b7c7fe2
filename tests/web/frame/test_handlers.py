"""Pages that belong to nobody: the start, the language, what the law asks for, files."""

import gzip
from collections.abc import AsyncIterator

import pytest

from tests.testkit.cities import COMPANY, MUNICIPALITY, Space
from tests.web.browsing import Opened, open_desk

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

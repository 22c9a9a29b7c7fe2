"""Pages and their parts: what strangers wrote stays text, and each part can be used without seeing it."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connector.surfaces.web import render
from tests.surfaces.web.browsing import Opened, open_desk
from tests.surfaces.web.gallery import Gallery
from tests.testkit.cities import COMPANY, MUNICIPALITY, Space

NASTY = "\"><script>alert(1)</script>'><img src=x onerror=alert(1)>\u202egnp.exe\x1b[31m{{ 7 * 7 }}&amp;"


class Elements(HTMLParser):
    """All elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[Opened]:
    towns = {"musterstadt": MUNICIPALITY, "stadtwerke": COMPANY}
    async with space.running("it", towns) as city, open_desk(city.services, Gallery(NASTY)) as opened:
        yield opened


@pytest.mark.threat("T85")
async def test_what_strangers_wrote_stays_text(desk: Opened) -> None:
    """>> every part of a page filled with markup, script, template code, signs that turn text << shown as it stands."""
    page = await desk.browser({"musterstadt": ["steward"]}).get("/t/musterstadt/")
    elements = Elements(page.text).found
    assert [tag for tag, _ in elements if tag in ("img", "script") and tag != "script"] == ["img"]  # the flag
    htmx, assets = "htmx.min.js", desk.desk.assets
    assert [given["src"] for tag, given in elements if tag == "script"] == [
        assets.href(name) for name in (htmx,) if assets.has(name)
    ]
    assert [name for _, given in elements for name in given if name.startswith("on") or name == "style"] == []
    assert {"\u202e", "\x1b"} & set(page.text) == set()
    assert "{{ 7 * 7 }}&amp;" in page.words
    assert page.h1.startswith('"><script>alert(1)</script>')


async def test_parts_can_be_used_without_seeing_them(desk: Opened) -> None:
    """>> the same page << one h1, ids once, each field with its label, each description there, tables with headers."""
    page = await desk.browser({"musterstadt": ["steward"]}).get("/t/musterstadt/")
    elements = Elements(page.text).found
    ids = Counter(given["id"] for _, given in elements if "id" in given)
    assert [name for name, count in ids.items() if count > 1] == []
    named = {given["for"] for tag, given in elements if tag == "label"}
    fields = [
        given for tag, given in elements if tag in ("input", "select", "textarea") and given.get("type") != "hidden"
    ]
    assert [given["id"] for given in fields if given["id"] not in named] == []
    told = {name for _, given in elements for name in given.get("aria-describedby", "").split()}
    assert told - ids.keys() == set()
    assert Counter(tag for tag, _ in elements)["h1"] == 1
    assert {tag for tag, _ in elements} >= {"main", "nav", "header", "footer", "caption"}
    assert all(given.get("scope") for tag, given in elements if tag == "th")


async def test_only_public_bodies_are_official(desk: Opened) -> None:
    """>> a municipality's page and a firm's << the line of the administration above the first alone."""
    anna = desk.browser({"musterstadt": ["steward"], "stadtwerke": ["steward"]})
    assert "Offizielle Website" in (await anna.get("/t/musterstadt/")).words
    assert "Offizielle Website" not in (await anna.get("/t/stadtwerke/")).words


def test_templates_hold_no_words_of_their_own() -> None:
    """>> every template of the desk << outside of tags and braces stands nothing that a person reads."""
    rooms = Path(render.__file__).parent
    jinja, tags = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL), re.compile(r"<[^>]*>|&\w+;")
    said = {
        f"{path.parent.parent.name}/{path.name}": left
        for path in sorted(rooms.glob("*/templates/*.html"))
        if (left := re.findall(r"[A-Za-zÄÖÜäöü]{2,}", tags.sub(" ", jinja.sub("", path.read_text(encoding="utf-8")))))
    }
    assert said == {}


def test_templates_trust_nobody() -> None:
    """>> every template of the desk << no `safe`, no inline style or script, no address elsewhere."""
    rooms = Path(render.__file__).parent
    wrong = re.compile(
        r"\|\s*safe\b|autoescape|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|(?:src|href|action)=\"(?:https?:)?//"
    )
    found = {
        f"{path.parent.parent.name}/{path.name}": wrong.findall(path.read_text(encoding="utf-8"))
        for path in sorted(rooms.glob("*/templates/*.html"))
    }
    assert {name: some for name, some in found.items() if some} == {}

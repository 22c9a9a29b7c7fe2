"""Texts of strangers on every page of the desk: never an element, never wider than the window, exports defused."""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connector.app import desk as composed
from tests.desk import hostile
from tests.desk.browser import chromium, missing, overflow, window
from tests.desk.towns import TOWN, Towns, towns
from tests.desk.walk import cells, elements, is_html, row_of, walk
from tests.surfaces.web.browsing import Browser, Page

STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9.,]+$)")
"""How a cell must not begin; a number below zero is one."""
STARTS = (f"/t/{TOWN}/", "/account", "/administration")


def rows(there: Towns) -> list[str]:
    return [one.path for group in composed.pages(there.city.services) for one in group.routes if one.method == "GET"]


def planted_elements(page: Page) -> list[str]:
    """Elements, attributes and addresses of this page that came out of somebody's text."""
    found = []
    for tag, given in elements(page.text):
        bad = [name for name in given if hostile.MARK in name or name.startswith("on") or name == "style"]
        leads = [value for name, value in given.items() if name in ("href", "src", "action", "formaction", "hx-get")]
        if any(value.lower().lstrip().startswith(("javascript:", "data:text", "vbscript:")) for value in leads):
            bad.append("address")
        if tag == hostile.MARK or bad or (tag in ("img", "script") and hostile.MARK in str(given)):
            found.append(f"{page.path}: <{tag} {given}>")
    return found


def may_be_wide(page: Page) -> bool:
    """A whole page that shows more of a stranger's than a name; all pages are measured by `tests.desk.screens`."""
    return "<html" in page.text and any(word in page.words for word in ("onerror", hostile.LONG[:100]))


@pytest.mark.long
@pytest.mark.threat("T98")
async def test_whatever_strangers_write_stays_text() -> None:
    """>> markup, long words, signs that turn, formulas in all that came in; every page << text, and no more."""
    with TemporaryDirectory(prefix="h") as folder:
        await _walked(Path(folder))


async def _walked(folder: Path) -> None:
    async with towns(folder) as there:
        person = await hostile.planted(there)
        (name, cookie), *_ = person.cookies.items()
        browser = Browser(person.origin, cookie, name)
        try:
            table = rows(there)
            pages = await walk(browser, table, *STARTS, *await hostile.dropped(browser))
        finally:
            await browser.close()
        wrong = {path: page.status for path, page in pages.items() if page.status >= 400 and path not in STARTS}
        assert wrong == {}  # nor does any link lead nowhere
        shown = [page for page in pages.values() if is_html(page)]
        assert [found for page in shown for found in planted_elements(page)] == []
        assert [page.path for page in shown if STEERING.search(page.text)] == []
        assert [page.path for page in shown if str(1337 * 1337) in page.text] == []
        tables = [page for page in pages.values() if page.headers.get("Content-Type", "").startswith("text/csv")]
        assert [(page.path, cell) for page in tables for cell in cells(page) if FORMULA.match(cell)] == []
        assert any(hostile.MARK in page.words for page in shown)  # else nothing was planted
        if missing() is None:
            whole = {path: page for path, page in pages.items() if is_html(page) and may_be_wide(page)}
            one_each = {row_of(page.path, table): path for path, page in reversed(whole.items())}
            assert len(one_each) > 20
            await _narrow(person.origin, person.cookies, list(one_each.values()))


async def _narrow(origin: str, cookies: Mapping[str, str], paths: list[str]) -> None:
    """In a window as wide as a telephone."""
    async with chromium() as browser, window(browser, origin, cookies, width=320, expected=(404,)) as (page, watch):
        wide = {}
        for path in paths:
            await page.goto(path)
            if found := await overflow(page):
                wide[path] = found
        assert wide == {}
    assert watch.faults == []

"""Walks every page of a desk by its links, as somebody does who opens whatever can be opened."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from tests.surfaces.web.browsing import Browser, Page

MOST: Final = 400
"""Pages of one walk."""
ALIKE: Final = 4
"""Pages of one row of the table that are opened: the tenth contract looks like the ninth."""
PASSED_BY: Final = ("/sign-out", "/language/", "/static/")


class Elements(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@cache
def elements(text: str) -> list[tuple[str, dict[str, str]]]:
    """Of a page; whoever asks again is told at once."""
    return Elements(text).found


def is_html(page: Page) -> bool:
    return page.headers.get("Content-Type", "").startswith("text/html")


def cells(page: Page) -> list[str]:
    """Of a table that is handed over as CSV."""
    text = page.body.decode("utf-8-sig")
    delimiter = ";" if text.partition("\n")[0].count(";") else ","
    return [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]


def row_of(path: str, rows: Collection[str]) -> str:
    """The row of the table that an address belongs to: the one with the fewest blanks that fits; "" if none does."""
    fitting = [one for one in rows if _fits(one).fullmatch(path)]
    return min(fitting, key=lambda one: one.count("{"), default="")


@cache
def _fits(row: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(row)))


async def walk(browser: Browser, rows: Collection[str], *starts: str) -> dict[str, Page]:
    """Every page that links, and parts that load by themselves, lead to; by path and query, a few of each row."""
    seen: dict[str, Page] = {}
    count: Counter[str] = Counter()
    waiting = list(starts)
    while waiting and len(seen) < MOST:
        here = waiting.pop(0)
        row = row_of(unquote(urlsplit(here).path), rows)
        if here in seen or (count[row] >= ALIKE and here not in starts):
            continue
        count[row] += 1
        seen[here] = await browser.get(here)
        waiting += [one for one in _leads_to(browser.origin, seen[here]) if one not in seen]
    return seen


def _leads_to(origin: str, page: Page) -> Iterator[str]:
    """Addresses of this desk."""
    if not is_html(page):
        return
    for tag, given in elements(page.text):
        for name in ("hx-get", *(("href",) if tag == "a" else ())):
            whole = urlsplit(urljoin(page.url, given.get(name, "#")))
            path = whole.path + (f"?{whole.query}" if whole.query else "")
            if given.get(name) and f"{whole.scheme}://{whole.netloc}" == origin and not path.startswith(PASSED_BY):
                yield path

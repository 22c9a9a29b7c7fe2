"""`python -m tests.desk.screens [DIR]`: every page of the desk tried for barriers, and kept in DIR as a picture.

Each page that can be reached is opened in Chromium, light and dark, 320, 768 and 1440 pixels wide, in German and
English; axe looks at each, nothing may be wider than the window, nothing may be asked of anybody else, and the HTML is
valid. A page of the table that no link leads to is a fault, too. `--quick` takes each page twice: narrow, dark and
German; wide, light and English. Exit code 0: no fault; 77: skipped, with what is missing.
"""

import argparse
import asyncio
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvloop
from aiohttp import web

from connector.app import desk as composed
from connector.foundation.settings.load import web_origin
from connector.surfaces.web.routes import UNSENT
from connector.surfaces.web.session import Cookies
from tests.desk import browser as real
from tests.desk import npm_tools
from tests.desk.lively import lively, prepared
from tests.desk.towns import NEIGHBOUR, ROLES, TOWN, Person, Towns, towns
from tests.surfaces.web.browsing import Browser
from tests.surfaces.web.browsing import Page as Shown
from tests.testkit.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.async_api import Page

SKIPPED = 77
SCHEMES, WIDTHS, LANGUAGES = ("light", "dark"), (320, 768, 1440), ("de", "en")
Way = tuple[str, int, str]
QUICK: list[Way] = [("dark", 320, "de"), ("light", 1440, "en")]
MOST_OF_ONE = 2
"""Pages of one row of the table that are looked at: a list has many, and they are alike."""
NO_PAGES = re.compile(
    r"^/(static|language|links)/|^/(sign-in|invitation)(/|$)|^/$|/progress$"
    r"|^/t/.*/publish/\{draft\}/(reading|preview|map)$|/\{id\}/sign$"
)
"""Rows that show nothing to who is signed in: files, parts of pages, what leads on at once, the ways in,
and a contract that waits until a person has read another maker's text."""
RUN = "async () =>" + Path(__file__).with_name("barriers.js").read_text(encoding="utf-8").partition("async () =>")[2]


class Fault(NamedTuple):
    page: str
    what: str


def browser_of(person: Person) -> Browser:
    (found,) = [(value, name) for name, value in person.cookies.items() if name != "hanse-language"]
    return Browser(person.origin, *found)


async def reached(
    browser: Browser, start: Iterable[str], patterns: Sequence[str]
) -> dict[str, list[tuple[str, Shown | None]]]:
    """Addresses by row of the table, and the page if it is a whole one: found by following links as a person would."""
    kinds = [(pattern, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)))) for pattern in patterns]
    found: dict[str, list[tuple[str, Shown | None]]] = defaultdict(list)
    waiting, seen = list(start), set[str]()
    while waiting:
        path = waiting.pop(0)
        kind = next((pattern for pattern, known in kinds if known.fullmatch(path.partition("?")[0])), None)
        if path in seen or kind is None or len(found[kind]) >= MOST_OF_ONE:
            continue
        seen.add(path)
        page = await browser.get(path, follow=False)
        if page.status < 400:
            whole = page.text[:20].upper().startswith("<!DOCTYPE HTML")
            found[kind].append((path, page if page.status == 200 and whole else None))
            links = [page.headers.get("Location", ""), *(href for _, href in page.links)]
            waiting += [href for href in links if href.startswith("/")]
    return found


async def with_axe(page: "Page") -> "Page":
    """What it opens has axe in it: brought in once for each window, it is not sent anew for each page."""
    await page.add_init_script(npm_tools.axe())
    return page


async def looked_at(page: "Page", path: str, picture: Path | None) -> tuple[str, list[str]]:
    """The HTML of a page, and what is wrong with it as it stands there; the page is one that `with_axe` made ready."""
    answer = await page.goto(path)
    assert answer is not None
    text = await answer.text()
    if picture is not None:
        await page.screenshot(path=picture, full_page=True)
    if "sandbox" in answer.headers.get("content-security-policy", ""):  # no script runs there, not even ours
        await page.goto("about:blank")
        await page.set_content(text)
    wide = [f"wider than the window: {one}" for one in await real.overflow(page)]
    quirks = [] if await page.evaluate("document.compatMode") == "CSS1Compat" else ["read in quirks mode"]
    async with asyncio.timeout(PATIENCE_S):
        barriers: list[str] = await page.evaluate(RUN)
    return text, [*wide, *quirks, *(f"axe {one}" for one in barriers)]


def called(path: str) -> str:
    """A page's name in the name of a file: ids are shortened."""
    words = re.sub(r"[0-9a-f-]{30,}|%[0-9A-F]{2}", "x", path.strip("/")) or "start"
    return re.sub(r"[^A-Za-z0-9]+", "-", words).strip("-")[:80]


async def every_page(there: Towns, person: Person, further: Sequence[str]) -> tuple[dict[str, Shown], list[str]]:
    """Pages of each row of the table by their addresses, with `further` ones, and the rows of which none was found."""
    rows = [one for group in composed.pages(there.city.services) for one in group.routes if one.method == "GET"]
    table = [one.path for one in rows if not NO_PAGES.search(one.path)]
    of_town = [path.replace("{p}", slug) for path in table for slug in (TOWN, NEIGHBOUR)]
    browser = browser_of(person)
    try:
        starts = [*await prepared(browser), *further, *(path for path in of_town if "{" not in path)]
        found = await reached(browser, starts, table)
    finally:
        await browser.close()
    pages = {path: shown for some in found.values() for path, shown in some if shown is not None}
    return dict(sorted(pages.items())), [path for path in table if not found[path]]


async def outside(there: Towns) -> tuple[list[str], dict[str, str]]:
    """The ways in, for who is not signed in, and the cookie of somebody whose password was right."""
    accounts, cookies = there.city.services.accounts, Cookies(web_origin(there.city.settings))
    code = await accounts.people.invite(TOWN, "", "Olaf Beispiel, Bauamt", ["auditor", "publisher"])
    asked = web.Response()
    cookies.keep(asked, "second", "x" * 43, 60)
    paths = [
        "/sign-in",
        f"/sign-in?{UNSENT}=1",
        "/sign-in/second",
        f"/sign-in/link?code={code}",
        f"/invitation?code={code}",
    ]
    return paths, {name: morsel.value for name, morsel in asked.cookies.items()}


async def tried(folder: Path | None, ways: Sequence[Way]) -> tuple[int, list[Fault]]:
    """How many views there were, and the faults of all."""
    faults: list[Fault] = []
    texts: dict[str, str] = {}
    count = 0
    with tempfile.TemporaryDirectory(prefix="hs") as place:
        async with towns(Path(place)) as there, real.chromium() as chromium:
            further = await lively(there)
            anna = await there.person("Anna Beispiel", {TOWN: ROLES, NEIGHBOUR: ROLES}, operator=True)
            paths, lost = await every_page(there, anna, further)
            faults += [Fault(path, "no link leads there") for path in lost]
            doors, second = await outside(there)
            for scheme, width, lang in ways:
                for cookies, some in ((anna.cookies, [*paths, "/t/nowhere/"]), (second, doors)):
                    opened = real.window(
                        chromium,
                        anna.origin,
                        {**cookies, "hanse-language": lang},
                        width=width,
                        dark=scheme == "dark",
                        expected=(404,),
                    )
                    async with opened as (page, watch):
                        await with_axe(page)
                        for path in some:
                            name = f"{called(path)}.{scheme}.{width}.{lang}"
                            picture = None if folder is None else folder / f"{name}.png"
                            texts[path], wrong = await looked_at(page, path, picture)
                            faults += [Fault(name, what) for what in (*wrong, *watch.faults)]
                            watch.faults.clear()
                            count += 1
    return count, [*faults, *(Fault(path, what) for path, what in npm_tools.invalid(texts))]


def main(arguments: Sequence[str]) -> int:
    words = argparse.ArgumentParser(prog="python -m tests.desk.screens", description=(__doc__ or "").partition("\n")[0])
    words.add_argument("folder", type=Path, nargs="?")
    words.add_argument("--quick", action="store_true")
    given: Any = words.parse_args(arguments)
    skipped = real.missing() or npm_tools.missing()
    if skipped:
        print(f"skipped: {skipped}")
        return SKIPPED
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    ways = QUICK if given.quick else list(product(SCHEMES, WIDTHS, LANGUAGES))
    count, faults = uvloop.run(tried(given.folder, ways))
    for fault in faults:
        print(f"{fault.page}: {fault.what}")
    print(f"{count} views" + (f" in {given.folder}" if given.folder is not None else ""))
    print(f"{count - len({one.page for one in faults})} passed, {len({one.page for one in faults})} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m tests.desk.screens DIR`: every page of the desk as a picture, tried for barriers.

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

from aiohttp import web

from connector.app import desk as composed
from connector.approvals.model import Voter
from connector.settings.load import web_origin
from connector.web.session import Cookies
from tests.desk import browser as real
from tests.desk import npm_tools
from tests.desk.towns import FIRM, NEIGHBOUR, ROLES, TOWN, Person, Towns, towns
from tests.web.browsing import Browser

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
    r"|^/t/.*/publish/\{draft\}/(reading|preview|map)$"
)
"""Rows that show nothing to who is signed in: files, parts of pages, what leads on at once, and the ways in."""
RUN = "async () =>" + Path(__file__).with_name("barriers.js").read_text(encoding="utf-8").partition("async () =>")[2]


class Fault(NamedTuple):
    page: str
    what: str


async def lively(there: Towns) -> None:
    """Something of everything: data of both towns, a contract that was used, a refusal."""
    made = await there.city.publish(
        TOWN, b"Art;Standort;Jahr\nLinde;Marktplatz;1978\nEiche;Schulhof;2001\n", title="Baumkataster"
    )
    await there.city.publish(NEIGHBOUR, b"Ort;kWh\nRathaus;12000\n", title="Energieverbrauch der Gebäude")
    await drafted(there)
    signed = await there.city.negotiate(NEIGHBOUR, there.city.did(TOWN), made["dataset"])
    await there.city.fetch(NEIGHBOUR, signed["agreement"])
    await there.firm.negotiate(FIRM, there.city.did(TOWN), made["dataset"])


TREES = (
    "Baum-Nr;Art;Höhe;Ansprechpartner;Ostwert;Nordwert\r\n"
    + "".join(
        f"B{n:03};Linde;12,{n % 10};Sabine Müller;{475000 + 37 * n};{5525000 + 61 * n % 900}\r\n" for n in range(40)
    )
).encode("cp1252")


async def drafted(there: Towns) -> None:
    """What is being prepared: one that is filled in, and one that waits for a steward."""
    db, drafts = there.city.services.infra.db, there.city.services.drafts.service
    await there.person("Stefan Freigabe", {TOWN: ("steward",)})
    for name, who in (("Baumkataster.csv", frozenset({"steward"})), ("Wartend.csv", frozenset({"publisher"}))):
        body = asyncio.StreamReader()
        body.feed_data(TREES)
        body.feed_eof()
        made = await drafts.begin(TOWN, "p-drafts", name, body)
        one = await drafts.read_within(TOWN, made.id, 30)
        said = {"rule": "municipalities-only", "personal": {hint.key: "nobody" for hint in one.hints}}
        one = await db.write(TOWN, drafts.answer, TOWN, one.id, one.version, said)
        if "publisher" in who:
            await db.write(TOWN, drafts.submit, TOWN, one.id, one.version, Voter("p-drafts", who))


async def reached(person: Person, start: Iterable[str], patterns: Sequence[str]) -> dict[str, list[tuple[str, bool]]]:
    """Addresses by row of the table, and whether it is a page: found by following links as a person would."""
    kinds = [(pattern, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)))) for pattern in patterns]
    (cookie,) = [(name, value) for name, value in person.cookies.items() if name != "hanse-language"]
    browser = Browser(person.origin, cookie[1], cookie[0])
    found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    waiting, seen = list(start), set[str]()
    try:
        while waiting:
            path = waiting.pop(0)
            kind = next((pattern for pattern, known in kinds if known.fullmatch(path.partition("?")[0])), None)
            if path in seen or kind is None or len(found[kind]) >= MOST_OF_ONE:
                continue
            seen.add(path)
            page = await browser.get(path)
            if page.status == 200:
                found[kind].append((path, page.headers.get("Content-Type", "").startswith("text/html")))
                waiting += [href for _, href in page.links if href.startswith("/")]
    finally:
        await browser.close()
    return found


async def looked_at(page: "Page", path: str, axe: str, picture: Path | None) -> tuple[str, list[str]]:
    """The HTML of a page, and what is wrong with it as it stands there."""
    answer = await page.goto(path)
    assert answer is not None
    text = await answer.text()
    if picture is not None:
        await page.screenshot(path=picture, full_page=True)
    if "sandbox" in answer.headers.get("content-security-policy", ""):  # no script runs there, not even ours
        await page.goto("about:blank")
        await page.set_content(text)
    await page.evaluate(axe)
    wide = [f"wider than the window: {one}" for one in await real.overflow(page)]
    quirks = [] if await page.evaluate("document.compatMode") == "CSS1Compat" else ["read in quirks mode"]
    barriers: list[str] = await page.evaluate(RUN)
    return text, [*wide, *quirks, *(f"axe {one}" for one in barriers)]


def called(path: str) -> str:
    """A page's name in the name of a file: ids are shortened."""
    words = re.sub(r"[0-9a-f-]{30,}|%[0-9A-F]{2}", "x", path.strip("/")) or "start"
    return re.sub(r"[^A-Za-z0-9]+", "-", words).strip("-")[:80]


async def every_page(there: Towns, person: Person) -> tuple[list[str], list[str]]:
    """Addresses of pages of each row of the table, and the rows of which none was found."""
    rows = [one for group in composed.pages(there.city.services) for one in group.routes if one.method == "GET"]
    table = [one.path for one in rows if not NO_PAGES.match(one.path)]
    of_town = [path.replace("{p}", slug) for path in table for slug in (TOWN, NEIGHBOUR)]
    found = await reached(person, [path for path in of_town if "{" not in path], table)
    return sorted({path for some in found.values() for path, shown in some if shown}), [
        path for path in table if not found[path]
    ]


async def outside(there: Towns) -> tuple[list[str], dict[str, str]]:
    """The ways in, for who is not signed in, and the cookie of somebody whose password was right."""
    accounts, cookies = there.city.services.accounts, Cookies(web_origin(there.city.settings))
    code = await accounts.people.invite(TOWN, "", "Olaf Beispiel, Bauamt", ["auditor", "publisher"])
    asked = web.Response()
    cookies.keep(asked, "second", "x" * 43, 60)
    paths = ["/sign-in", "/sign-in/second", f"/sign-in/link?code={code}", f"/invitation?code={code}"]
    return paths, {name: morsel.value for name, morsel in asked.cookies.items()}


async def tried(folder: Path | None, ways: Sequence[Way]) -> tuple[int, list[Fault]]:
    """How many views there were, and the faults of all."""
    faults: list[Fault] = []
    texts: dict[str, str] = {}
    count, axe = 0, npm_tools.axe()
    with tempfile.TemporaryDirectory(prefix="hs") as place:
        async with towns(Path(place)) as there, real.chromium() as chromium:
            await lively(there)
            anna = await there.person("Anna Beispiel", {TOWN: ROLES, NEIGHBOUR: ROLES}, operator=True)
            paths, lost = await every_page(there, anna)
            faults += [Fault(path, "no link leads there") for path in lost]
            doors, second = await outside(there)
            for scheme, width, lang in ways:
                for cookies, some in ((anna.cookies, [*paths, "/t/nowhere/"]), (second, doors)):
                    opened = real.window(
                        chromium, anna.origin, {**cookies, "hanse-language": lang}, width=width, dark=scheme == "dark",
                        expected=(404,),
                    )  # fmt: skip
                    async with opened as (page, watch):
                        for path in some:
                            name = f"{called(path)}.{scheme}.{width}.{lang}"
                            picture = None if folder is None else folder / f"{name}.png"
                            texts[path], wrong = await looked_at(page, path, axe, picture)
                            faults += [Fault(name, what) for what in (*wrong, *watch.faults)]
                            watch.faults.clear()
                            count += 1
    return count, [*faults, *(Fault(path, what) for path, what in npm_tools.invalid(texts))]


def main(arguments: Sequence[str]) -> int:
    words = argparse.ArgumentParser(prog="python -m tests.desk.screens", description=(__doc__ or "").partition("\n")[0])
    words.add_argument("folder", type=Path)
    words.add_argument("--quick", action="store_true")
    given: Any = words.parse_args(arguments)
    skipped = real.missing() or npm_tools.missing()
    if skipped:
        print(f"skipped: {skipped}")
        return SKIPPED
    given.folder.mkdir(parents=True, exist_ok=True)
    ways = QUICK if given.quick else list(product(SCHEMES, WIDTHS, LANGUAGES))
    count, faults = asyncio.run(tried(given.folder, ways))
    for fault in faults:
        print(f"{fault.page}: {fault.what}")
    print(f"{count} views in {given.folder}")
    print(f"{count - len({one.page for one in faults})} passed, {len({one.page for one in faults})} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

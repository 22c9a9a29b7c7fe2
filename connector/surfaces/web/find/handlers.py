"""Searching the data of all members, and the page of a dataset: what it is, and whether one may have it."""

import asyncio
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict

from connector.data.catalogue.model import Listed
from connector.data.catalogue.search import filters
from connector.data.catalogue.service import Catalogue
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake
from connector.foundation.http.pace import Pace
from connector.foundation.storage.database import Database
from connector.identity.trust.members.trust_list import millis
from connector.surfaces.requests.dataset import ForeignDatasets
from connector.surfaces.requests.search import Searches
from connector.surfaces.views.dataset import FindView, HitView
from connector.surfaces.views.foreign_dataset import ForeignDatasetView
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.find.map import drawn
from connector.surfaces.web.render import page
from connector.surfaces.web.routes import TOWN, Route, get
from connector.surfaces.web.session import READERS

FACETS: Final = ("theme", "format", "licence", "rule", "freshness", "provider", "field")
ASKED: Final[dict[str, str]] = {"provider": "from"}
"""Facets that are asked for under another name."""
COUNTED: Final = ("theme", "format", "licence", "rule", "provider")
KEPT: Final = ("q", "theme", "format", "licence", "rule", "from", "box")
LONGEST_IRI: Final = 2_000
MOST_VALUES: Final = 8
MOST_OWN: Final = 5
LIVE_BURST: Final = 5
"""Searches in a row that ask every member at once, then one a second: each is a request to all of them."""
NEAR_DEGREES: Final = 0.5
"""About fifty kilometres, in our latitudes a little less to the east."""
Pairs = list[tuple[str, str]]


class FindPages:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        searches: Searches,
        datasets: ForeignDatasets,
        catalogue: Catalogue,
        members: Members,
    ) -> None:
        self._db, self._searches, self._datasets, self._catalogue = db, searches, datasets, catalogue
        self._members = members
        self._pace = Pace(clock, burst=LIVE_BURST, per_s=1)

    async def find(self, call: Call) -> web.StreamResponse:
        """What was found, with numbers to narrow it; a filter that nobody understands is told and left out."""
        asked: Pairs = [(name, value) for name, value in call.request.query.items() if name in KEPT and value.strip()]
        more: Pairs = [("counts", "1"), *((name, "1") for name in ("live",) if call.query(name) == "1")]
        more += [("page", call.query("page"))] if call.query("page") else []
        if call.query("live") == "1":
            self._pace.spend(call.slug)
        try:
            found, wrong = await self._searches.find(call.slug, call.town.did, MultiDict(asked + more)), ""
        except Mistake as mistake:
            wrong, asked = call.explain(mistake), [one for one in asked if one[0] == "q"]
            found = await self._searches.find(call.slug, call.town.did, MultiDict([*asked, ("counts", "1")]))
        own = [] if call.query("page") else await self._own(call)
        places = [(number, hit.title, hit.box) for number, hit in enumerate(found.results, 1) if hit.box is not None]
        return await page(
            call,
            "find/find.html",
            title=call.say("web.find.title"),
            found=found,
            wrong=wrong,
            own=own,
            words=call.query("q"),
            hidden=[one for one in asked if one[0] != "q"],
            map=await asyncio.to_thread(drawn, places),
            places=places,
            active=_active(call, asked, found),
            facets=_facets(call, asked, found),
            later=_address(call, asked, ("page", found.next)) if found.next else "",
            live=_address(call, asked, ("live", "1")),
            near=_near(call, asked),
            open_at=lambda hit: _dataset(call, hit),
            age=lambda seen: _age(call, seen),
        )

    async def dataset(self, call: Call) -> web.StreamResponse:
        """A dataset of a member, with its terms as they stand now and the form that asks for it."""
        looked = await self._datasets.look(
            call.town, call.query("provider"), call.request.query.get("dataset", "")[:2000]
        )
        shown = looked.dataset
        places = [] if shown.box is None else [(1, shown.hit.title, shown.box)]
        return await page(
            call,
            "find/dataset.html",
            title=shown.hit.title,
            looked=looked,
            shown=shown,
            hit=shown.hit,
            map=drawn(places),
            places=places,
            crumbs=[(call.say("web.find.title"), call.at("find"))],
            may_ask="steward" in call.roles,
            facts=_known(call, shown),
            age=lambda seen: _age(call, seen),
            purposes_of=lambda found: [(one.iri, one.label[call.lang]) for one in found],
        )

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/find", find, *READERS),
        get(f"{TOWN}/find/dataset", dataset, *READERS),
    )

    async def _own(self, call: Call) -> list[Listed]:
        """The newest of our own whose title has all the words, among a page of those that have the longest of them."""
        words = filters.fold(call.query("q")).split()
        if not words:
            return []
        found = await self._db.read(call.slug, self._catalogue.listed, call.slug, max(words, key=len))
        fits = [one for one in found if all(word in filters.fold(one.title) for word in words)]
        return fits[:MOST_OWN]


def _address(call: Call, asked: Pairs, *more: tuple[str, str | None]) -> str:
    return call.at("find") + "?" + urlencode([*asked, *((name, value) for name, value in more if value)])


def _dataset(call: Call, hit: HitView) -> str:
    return call.at("find", "dataset") + "?" + urlencode({"provider": hit.provider, "dataset": hit.dataset})


def _facets(call: Call, asked: Pairs, found: FindView) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """(facet, its most frequent values: label, number, address that narrows to it), without those asked for."""
    shown = []
    for facet in COUNTED:
        name = ASKED.get(facet, facet)
        values = [
            (_label(call, one.name, one.value), one.count, _address(call, asked, (name, one.value)))
            for one in found.facets.get(facet, [])
            if (name, one.value) not in asked
        ][:MOST_VALUES]
        if values:
            shown.append((facet, values))
    return shown


def _active(call: Call, asked: Pairs, found: FindView) -> list[tuple[str, str]]:
    """(what narrows, address without it)."""
    names = {
        (ASKED.get(facet, facet), one.value): _label(call, one.name, one.value)
        for facet, counted in found.facets.items()
        for one in counted
    }
    near = call.say("web.find.near")
    return [
        (near if pair[0] == "box" else names.get(pair, pair[1]), _address(call, [one for one in asked if one != pair]))
        for pair in asked
        if pair[0] != "q"
    ]


def _label(call: Call, name: object, value: str) -> str:
    return name.get(call.lang, value) if isinstance(name, dict) else value


def _known(call: Call, shown: ForeignDatasetView) -> list[tuple[str, str]]:
    """What its provider says of it: (name, text), nothing that is not said."""
    lang, hit = call.lang, shown.hit
    period = call.say("web.find.period", since=shown.starts or "…", until=shown.ends or "…")
    said = {
        "provider": hit.provider_name,
        "theme": ", ".join(one[lang] for one in shown.themes),
        "keywords": ", ".join(shown.keywords),
        "licence": "" if hit.licence is None else hit.licence.label[lang],
        "frequency": "" if shown.frequency is None else shown.frequency[lang],
        "modified": "" if shown.modified is None else call.say("web.find.at", at=shown.modified),
        "period": period if shown.starts or shown.ends else "",
        "contact": hit.contact,
        "seen": call.say(f"web.find.seen-{hit.source}", age=_age(call, hit.seen)),
    }
    return [(call.say(f"web.find.fact.{name}"), text) for name, text in said.items() if text]


def _age(call: Call, seen: str) -> str:
    """How long ago, in words: a minute at least."""
    minutes = max(1, (call.desk.clock.now() - millis(seen)) // 60_000)
    for unit, length in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes >= 2 * length or unit == "minutes":
            return call.say(f"web.find.ago-{unit}", count=minutes // length)
    raise AssertionError


def _near(call: Call, asked: Pairs) -> str:
    """The address that narrows to the own surroundings; empty if nobody said where the participant is."""
    box = call.town.publisher.box
    if box is None or any(name == "box" for name, _ in asked):
        return ""
    west, south, east, north = box
    around = (
        max(west - NEAR_DEGREES, -180),
        max(south - NEAR_DEGREES, -90),
        min(east + NEAR_DEGREES, 180),
        min(north + NEAR_DEGREES, 90),
    )
    return _address(call, asked, ("box", ",".join(f"{one:.4f}" for one in around)))

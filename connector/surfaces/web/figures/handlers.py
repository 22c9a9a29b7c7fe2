"""Figures, each with its picture, its table and the entries of the log that prove it; as CSV too."""

import asyncio
from typing import ClassVar, Final

from aiohttp import web

from connector.foundation.errors import Unknown
from connector.foundation.language import catalogue
from connector.foundation.storage.database import Database, Tx
from connector.identity.trust.members.trust_list import Anchor
from connector.oversight.figures.export import Cell, event_rows, figure_rows, table
from connector.oversight.figures.model import Figure
from connector.oversight.figures.service import Figures
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.figures.view import shown, value
from connector.surfaces.web.render import page
from connector.surfaces.web.routes import TOWN, Route, get
from connector.surfaces.web.session import READERS

SHOWN: Final = ("N1", "N2", "N3", "N4", "N5", "N7", "N9", "N6", "N8")
"""Those with a number first; the plain counts are in the table."""
PER_PAGE: Final = 50
_DEEPEST: Final = 1_000


class FigurePages:
    """A long log takes a second to count: one at a time, so that nobody can keep the process busy with it."""

    def __init__(self, db: Database, figures: Figures, anchor: Anchor) -> None:
        self._db, self._figures, self._members = db, figures, Members(anchor)
        self._one = asyncio.Semaphore(1)

    async def overview(self, call: Call) -> web.StreamResponse:
        """All of them, those that the log cannot prove too, with the reason."""

        def look(tx: Tx) -> tuple[dict[str, Figure], dict[str, str], int, bool, tuple[int, int, int]]:
            found, log = self._figures.counted(tx, call.slug)
            by_id = {one.definition.id: one for one in found}
            titles = {key: title for one in found for key, title in self._figures.titles(tx, call.slug, one).items()}
            return by_id, titles, len(log.events), log.whole, self._figures.compared(tx, call.slug)

        async with self._one:
            by_id, titles, entries, whole, (agree, differ, other) = await self._db.read(call.slug, look)
        return await page(
            call,
            "figures/overview.html",
            title=call.say("figures.title"),
            intro=call.say("figures.intro"),
            figures=[shown(call, by_id[id_], titles) for id_ in SHOWN],
            entries=entries,
            whole=whole,
            agree=agree,
            differ=differ,
            other=other,
            counts=[
                (call.say(f"figures.{id_}.title"), value(call, one), id_)
                for id_, one in by_id.items()
                if id_ not in SHOWN
            ],
        )

    async def figure(self, call: Call) -> web.StreamResponse:
        """The entries of the log behind a number, the newest first."""

        def look(tx: Tx) -> tuple[Figure, dict[str, str]]:
            found = self._figures.one(tx, call.slug, call.param("id"))
            return found, self._figures.titles(tx, call.slug, found)

        async with self._one:
            figure, titles = await self._db.read(call.slug, look)
        number = _page(call)
        newest = figure.events[::-1]
        chosen = newest[number * PER_PAGE : (number + 1) * PER_PAGE]
        here = call.at("figures", figure.definition.id)
        return await page(
            call,
            "figures/figure.html",
            title=call.say(f"figures.{figure.definition.id}.title"),
            crumbs=[(call.say("figures.title"), call.at("figures"))],
            figure=shown(call, figure, titles),
            version=figure.definition.version,
            here=here,
            events=[(one, self._partner(one.body.counterparty), _type(call, one.type)) for one in chosen],
            earlier=f"{here}?page={number - 1}" if number else "",
            later=f"{here}?page={number + 1}" if len(newest) > (number + 1) * PER_PAGE else "",
        )

    async def csv(self, call: Call) -> web.StreamResponse:
        """All figures with their parts and months."""
        async with self._one:
            found = await self._db.read(call.slug, self._figures.all, call.slug)
        return _file(call, figure_rows(found, call.lang), "kennzahlen")

    async def events(self, call: Call) -> web.StreamResponse:
        """All entries behind one figure."""
        async with self._one:
            found = await self._db.read(call.slug, self._figures.one, call.slug, call.param("id"))
        return _file(call, event_rows(found.events, call.lang, self._partner), f"kennzahl-{found.definition.id}")

    def _partner(self, did: str) -> str:
        return self._members.called(did) if did else ""

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/figures", overview, *READERS),
        get(f"{TOWN}/figures/table.csv", csv, *READERS),
        get(f"{TOWN}/figures/{{id}}", figure, *READERS),
        get(f"{TOWN}/figures/{{id}}/entries.csv", events, *READERS),
    )


def _type(call: Call, type_: str) -> str:
    known = f"figures.entry.{type_}"
    return call.say(known if known in catalogue(call.lang) else "figures.entry.other")


def _page(call: Call) -> int:
    asked = call.query("page", "0")
    if not asked.isascii() or not asked.isdecimal() or len(asked) > 4:
        raise Unknown("http.nothing-here")
    return min(int(asked), _DEEPEST)


def _file(call: Call, rows: list[list[Cell]], name: str) -> web.Response:
    response = web.Response(body=table(rows, call.lang), content_type="text/csv", charset="utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{call.slug}-{name}.csv"'
    return response

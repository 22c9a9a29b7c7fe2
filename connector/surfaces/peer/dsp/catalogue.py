"""The catalogue as peers see it: pages of at most 100 datasets, each only with the offers that this peer may see."""

from typing import Final

from aiohttp import web

from connector.data.catalogue.pages import Page
from connector.data.catalogue.search import filters
from connector.data.catalogue.service import Catalogue
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.http.pace import Pace
from connector.foundation.http.whole import Whole
from connector.kernel.protocol import messages as m
from connector.surfaces.peer.dsp.exchange import Exchange, message
from connector.surfaces.peer.routes import Call, Route

ROUNDS: Final = 20
"""Further transactions for one page, so 105 000 datasets in all; then the page ends where the search has come to."""


class CatalogueHandlers:
    """`clock` paces each peer: 60 rounds at once, then five a second; most pages take one."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, clock: Clock) -> None:
        self._exchange, self._catalogue = exchange, catalogue
        self._pace = Pace(clock, burst=60, per_s=5)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/2025-1/catalog/request", self.request),
            Route("GET", "/2025-1/catalog/datasets/{id+}", self.dataset),
        ]

    async def request(self, call: Call) -> web.StreamResponse:
        asked, _ = await message(call, m.CatalogRequestMessage)
        wanted = filters.read(asked.filter)
        who = (call.participant.id, call.peer.did)
        self._pace.spend(who)
        pages, cursor = self._catalogue.pages, call.request.query.get("cursor")
        search = await self._exchange.within(
            call, pages.begin, call.participant.id, call.peer.requester, wanted, cursor
        )
        for _ in range(ROUNDS):
            if search.settled:
                break
            self._pace.spend(who)
            search = await self._exchange.reading(call, pages.go_on, search)
        return _answer(call, pages.page(search))

    async def dataset(self, call: Call) -> web.StreamResponse:
        name = call.params["id"]
        found = await self._exchange.within(
            call, self._catalogue.pages.dataset, call.participant.id, call.peer.requester, name
        )
        if found is None:
            raise Unknown("catalogue.unknown", id=name[:200])
        return Whole(found)


def _answer(call: Call, page: Page) -> web.Response:
    """The page with the addresses of those around it, asked for with the same message (spec/metadata.md 2.3)."""
    response = Whole(page.body)
    around = (("previous", page.previous), ("next", page.following))
    address = f"{call.participant.base}/catalog/request?cursor="
    links = [f'<{address}{cursor}>; rel="{name}"' for name, cursor in around if cursor is not None]
    if links:
        response.headers["Link"] = ", ".join(links)
    return response

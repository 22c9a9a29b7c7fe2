"""The catalogue as peers see it: pages of at most 100 datasets, each only with the offers that this peer may see."""

from typing import Any

from aiohttp import web

from connector.catalogue import dcat
from connector.catalogue.model import Dataset, Offer
from connector.catalogue.service import Catalogue, Page
from connector.clock import Clock
from connector.errors import PeerError
from connector.http.pace import Pace
from connector.peer.exchange import Exchange, answer, message
from connector.peer.routes import Call, Route
from connector.protocol import messages as m


class CatalogueHandlers:
    """`clock` paces each peer: 60 pages at once, then five a second."""

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
        if asked.filter:
            raise PeerError("catalogue.filter")
        self._pace.spend((call.participant.id, call.peer.did))
        cursor = call.request.query.get("cursor")
        page = await self._exchange.within(call, self._catalogue.page, call.participant.id, call.peer.seeker, cursor)
        response = answer(self._body(call, page))
        if page.following:
            address = f"{call.participant.base}/catalog/request?cursor={page.following}"
            response.headers["Link"] = f'<{address}>; rel="next"'
        return response

    async def dataset(self, call: Call) -> web.StreamResponse:
        found, offers = await self._exchange.within(
            call, self._catalogue.dataset, call.participant.id, call.peer.seeker, call.params["id"]
        )
        return answer(_root(self._wire(call, found, offers)))

    def _body(self, call: Call, page: Page) -> m.Catalog:
        datasets = [self._wire(call, dataset, offers) for dataset, offers in page.entries]
        return m.Catalog(
            id=f"{call.participant.base}/catalog",
            participant_id=call.participant.did,
            dataset=datasets or None,
            service=[dcat.service(call.participant)],
        )

    def _wire(self, call: Call, dataset: Dataset, offers: list[Offer]) -> dict[str, Any]:
        return self._catalogue.wire(call.participant, dataset, offers)


def _root(entry: dict[str, Any]) -> m.Dataset:
    known = {"@id", "@type", "hasPolicy", "distribution", f"{m.HANSE}countersignature"}
    return m.Dataset(
        id=entry["@id"],
        has_policy=entry["hasPolicy"],
        distribution=entry["distribution"],
        countersignature=entry[f"{m.HANSE}countersignature"],
        extra={name: value for name, value in entry.items() if name not in known},
    )

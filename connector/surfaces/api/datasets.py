"""The life of own datasets over the management surface: look, change, replace, withdraw, history."""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.model import Dataset
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.templates import templates
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.catalogue import DESCRIPTION, FULL, RULE
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.dataset_life import DatasetDetailsView, HistoryView, details, history
from connector.surfaces.views.members import Members

TOLD = 10
"""Contracts that are named in one sentence."""
GONE = {404: ("catalogue.unknown",), 409: ("catalogue.outdated",), 410: ("catalogue.withdrawn",), 503: FULL}


class Running(Mistake):
    """Contracts run on it, and nobody has said that they are known of: 409."""

    status = 409


class DatasetWithdrawRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`confirmed`: the contracts that run on it are known, and go on. `revision`: the one that was seen."""

    confirmed: bool = False
    revision: Annotated[int, Meta(ge=1)] | None = None


class DatasetHandlers:
    def __init__(
        self, db: Database, participants: Participants, catalogue: Catalogue, contracts: Contracts, anchor: Anchor
    ) -> None:
        self._db, self._participants, self._catalogue = db, participants, catalogue
        self._agreements, self._members = contracts.agreements, Members(anchor)

    @problem_codes({404: ("catalogue.unknown",)})
    async def show(self, request: web.Request) -> DatasetDetailsView:
        """All that is known of it, and the contracts that run on it; withdrawn ones too."""
        slug = await self._slug(request)
        return await self._db.read(slug, self._shown, slug, request.match_info["uuid"])

    @problem_codes({404: ("catalogue.unknown",)})
    async def history(self, request: web.Request) -> HistoryView:
        """Every revision with what it changed."""
        slug = await self._slug(request)
        return history(*await self._db.read(slug, self._catalogue.life.history, slug, request.match_info["uuid"]))

    @problem_codes({400: ("catalogue.no-rule", "catalogue.nothing-to-offer", *DESCRIPTION, *RULE), **GONE})
    async def change(self, request: web.Request, wish: DatasetChange) -> DatasetDetailsView:
        """Another description, rule or visibility; what is not said stays."""
        wish = msgspec.structs.replace(wish, rule=wish.rule and templates.named(wish.rule))
        slug = await self._slug(request)
        return await self._db.write(slug, self._changed, slug, request.match_info["uuid"], wish)

    @problem_codes({400: ("catalogue.no-source", "drafts.sample", "policy.contradiction", *DESCRIPTION), **GONE})
    async def replace(self, request: web.Request, wish: Replacement) -> DatasetDetailsView:
        """New bytes as the next version; `running` contracts keep theirs."""
        slug = await self._slug(request)
        return await self._db.write(slug, self._replaced, slug, request.match_info["uuid"], wish)

    @problem_codes({404: ("catalogue.unknown",), 409: ("catalogue.outdated", "catalogue.running"), 503: FULL})
    async def withdraw(self, request: web.Request, wish: DatasetWithdrawRequest) -> DatasetDetailsView:
        """Gone from all catalogues; contracts that run go on."""
        slug = await self._slug(request)
        return await self._db.write(slug, self._withdrawn, slug, request.match_info["uuid"], wish)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/datasets/{{uuid}}", show),
        get(f"{PARTICIPANT}/datasets/{{uuid}}/history", history),
        post(f"{PARTICIPANT}/datasets/{{uuid}}/change", change),
        post(f"{PARTICIPANT}/datasets/{{uuid}}/replace", replace),
        post(f"{PARTICIPANT}/datasets/{{uuid}}/withdraw", withdraw),
    )

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _changed(self, tx: Tx, slug: str, name: str, wish: DatasetChange) -> DatasetDetailsView:
        return self._shown(tx, slug, self._catalogue.life.change(tx, slug, name, wish).id)

    def _replaced(self, tx: Tx, slug: str, name: str, wish: Replacement) -> DatasetDetailsView:
        return self._shown(tx, slug, self._catalogue.life.replace(tx, slug, name, wish).id)

    def _withdrawn(self, tx: Tx, slug: str, name: str, wish: DatasetWithdrawRequest) -> DatasetDetailsView:
        dataset, _, _ = self._catalogue.life.show(tx, slug, name)
        if not wish.confirmed and dataset.state == "published":
            self._require_known(tx, slug, dataset)
        return self._shown(tx, slug, self._catalogue.life.withdraw(tx, slug, name, wish.revision).id)

    def _require_known(self, tx: Tx, slug: str, dataset: Dataset) -> None:
        running = self._agreements.running_on(tx, slug, dataset.id)
        if running:
            named = [f"{one.uuid} ({self._members.name(one.counterparty)})" for one in running[:TOLD]]
            raise Running("catalogue.running", count=len(running), contracts=", ".join(named))

    def _shown(self, tx: Tx, slug: str, name: str) -> DatasetDetailsView:
        dataset, source, offers = self._catalogue.life.show(tx, slug, name)
        running = self._agreements.running_on(tx, slug, dataset.id)
        it = self._catalogue.life.whose(slug)
        return details(it, dataset, source, offers, running, self._members)

"""Publishing over the management surface."""

import asyncio
from typing import ClassVar

from aiohttp import web
from msgspec import structs

from connector.data.catalogue.audience import Audiences
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.service import Catalogue, OfferWish, Publication
from connector.data.catalogue.templates import templates
from connector.data.catalogue.uploads import Uploads
from connector.foundation.clock import Clock
from connector.foundation.http import limits
from connector.foundation.http.incoming import Incoming
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get, post, problem_codes
from connector.surfaces.views.audience import line
from connector.surfaces.views.dataset import (
    DatasetsView,
    FileView,
    OfferMadeView,
    PublishedView,
    dataset,
    file,
    published,
)
from connector.surfaces.views.dataset_life import addresses
from connector.surfaces.views.terms import clauses

FULL = ("catalogue.disk", "catalogue.no-room", "storage.full")
RULE = (
    "policy.contradiction",
    "policy.template-unknown",
    "policy.slot-amount",
    "policy.slot-concept",
    "policy.slot-count",
    "policy.slot-county",
    "policy.slot-currency",
    "policy.slot-day",
    "policy.slot-did",
    "policy.slot-duration",
    "policy.slot-field",
    "policy.slot-hash",
    "policy.slot-iri",
    "policy.slot-licence",
    "policy.slot-missing",
    "policy.slot-missing-value",
    "policy.slot-order",
    "policy.slot-party",
    "policy.slot-space",
    "policy.slot-text",
    "policy.slot-too-many",
    "policy.slot-unknown",
    "policy.slot-url",
    "policy.slot-window",
)
"""A rule is a template whose slots are filled."""
DESCRIPTION = (
    "approvals.needed-publication",
    "catalogue.box",
    "catalogue.day",
    "catalogue.hvd-api",
    "catalogue.hvd-closed",
    "catalogue.hvd-contact",
    "catalogue.language",
    "catalogue.licence-closed",
    "catalogue.licence-missing",
    "catalogue.no-title",
    "catalogue.not-conforming",
    "catalogue.not-listed",
    "catalogue.period",
    "catalogue.rule-licence",
    "catalogue.rule-open",
    "catalogue.text",
    "catalogue.too-much",
    "participants.address",
)
"""What may be wrong with a description, or with whoever brings it alone."""


class CatalogueHandlers:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        catalogue: Catalogue,
        audiences: Audiences,
        uploads: Uploads,
        engine: PolicyEngine,
    ) -> None:
        self._db, self._clock, self._participants, self._catalogue = db, clock, participants, catalogue
        self._audiences, self._uploads, self._engine = audiences, uploads, engine

    @problem_codes({400: ("catalogue.file-name", "catalogue.quota", "catalogue.too-large"), 503: FULL})
    @limits.streaming
    async def upload(self, request: web.Request) -> FileView:
        """Takes a file in, of any size; nothing is published yet."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        source = await self._uploads.take(
            slug, request.query.get("name", ""), Incoming(request), request.content_length
        )
        await self._db.write(slug, self._catalogue.register, slug, source)
        return file(source)

    @problem_codes(
        {
            400: (
                "catalogue.classified",
                "catalogue.no-rule",
                "catalogue.no-source",
                "catalogue.nothing-to-offer",
                "drafts.sample",
                *DESCRIPTION,
                *RULE,
            ),
            503: FULL,
        }
    )
    async def publish(self, request: web.Request, wish: Publication) -> PublishedView:
        """A dataset with its first offer, from a template of rules."""
        wish = structs.replace(wish, rule=wish.rule and templates.named(wish.rule))
        it = (await self._participants.get(request.match_info["p"])).participant
        made, offer, found = await self._db.write(it.id, self._published, it.id, wish)
        said = None
        if offer is not None:
            audience = await asyncio.to_thread(self._audiences.of, offer.policy, self._clock.now(), it.did)
            said = line(self._engine, audience)
        return published(self._engine, made, offer, found, said)

    def _published(self, tx: Tx, slug: str, wish: Publication) -> tuple[Dataset, Offer | None, tuple[str, str]]:
        made, offer = self._catalogue.publish(tx, slug, wish)
        it = self._catalogue.life.whose(slug)
        return made, offer, addresses(it, made, self._catalogue.source_of(tx, slug, made.id))

    @problem_codes(
        {
            400: (
                "approvals.needed-publication",
                "catalogue.licence-missing",
                "catalogue.nothing-to-offer",
                "catalogue.rule-licence",
                "catalogue.rule-open",
                *RULE,
            ),
            404: ("catalogue.unknown",),
            410: ("catalogue.withdrawn",),
            503: FULL,
        }
    )
    async def offer(self, request: web.Request, wish: OfferWish) -> OfferMadeView:
        """A further offer on a dataset."""
        wish = structs.replace(wish, rule=templates.named(wish.rule))
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        offer = await self._db.write(slug, self._catalogue.offer, slug, request.match_info["uuid"], wish)
        return OfferMadeView(offer=offer.id, clauses=clauses(self._engine, offer.policy))

    async def own(self, request: web.Request) -> DatasetsView:
        """What is published, with its offers."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return DatasetsView([dataset(*both) for both in await self._db.read(slug, self._catalogue.own, slug)])

    routes: ClassVar[tuple[Route, ...]] = (
        post(
            f"{PARTICIPANT}/files",
            upload,
            201,
            Query("name", "What the file is called."),
            takes="application/octet-stream",
        ),
        post(f"{PARTICIPANT}/datasets", publish, 201),
        get(f"{PARTICIPANT}/datasets", own),
        post(f"{PARTICIPANT}/datasets/{{uuid}}/offers", offer, 201),
    )

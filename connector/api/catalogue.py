"""Publishing and finding over the management surface."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from connector.api.peers import Listed, Peers
from connector.api.routes import PARTICIPANT, Query, Route, get, post, problem_codes
from connector.catalogue.search import filters
from connector.catalogue.service import Catalogue, OfferWish, Publication
from connector.catalogue.uploads import LiveSource, Uploads
from connector.clock import Clock
from connector.errors import HanseError, Mistake
from connector.http import limits
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.storage.database import Database, Tx
from connector.trust.members.trust_list import Anchor
from connector.views.dataset import (
    DatasetsView,
    FileView,
    FindView,
    HitView,
    LiveSourceView,
    OfferMadeView,
    PublishedView,
    dataset,
    file,
    hit,
    published,
    silent,
)
from connector.views.dataset_life import addresses
from connector.views.members import Members
from connector.views.terms import clauses, offered, seeker_of

AT_ONCE = 16
FULL = ("catalogue.disk", "catalogue.no-room", "storage.full")
RULE = (
    "policy.contradiction", "policy.template-unknown", "policy.slot-amount", "policy.slot-concept",
    "policy.slot-count", "policy.slot-currency", "policy.slot-day", "policy.slot-did", "policy.slot-duration",
    "policy.slot-field", "policy.slot-hash", "policy.slot-iri", "policy.slot-missing", "policy.slot-missing-value",
    "policy.slot-order", "policy.slot-party", "policy.slot-text", "policy.slot-too-many", "policy.slot-unknown",
    "policy.slot-url", "policy.slot-window",
)  # fmt: skip
"""A rule is a template whose slots are filled."""
DESCRIPTION = (
    "catalogue.day", "catalogue.hvd-api", "catalogue.hvd-closed", "catalogue.hvd-contact", "catalogue.language",
    "catalogue.licence-closed", "catalogue.licence-missing", "catalogue.no-title", "catalogue.not-conforming",
    "catalogue.not-listed", "catalogue.period", "catalogue.rule-open", "catalogue.text", "catalogue.too-much",
    "participants.address",
)  # fmt: skip
"""What may be wrong with a description."""


class CatalogueHandlers:
    def __init__(
        self, db: Database, clock: Clock, participants: Participants, catalogue: Catalogue, uploads: Uploads,
        judge: PolicyEngine, peer: Peers, anchor: Anchor,
    ) -> None:  # fmt: skip
        self._db, self._clock, self._participants, self._catalogue = db, clock, participants, catalogue
        self._uploads, self._judge, self._peer, self._anchor = uploads, judge, peer, anchor
        self._members = Members(anchor)

    @problem_codes({400: ("catalogue.file-name", "catalogue.quota", "catalogue.too-large"), 503: FULL})
    @limits.streaming
    async def upload(self, request: web.Request) -> FileView:
        """Takes a file in, of any size; nothing is published yet."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        source = await self._uploads.take(slug, request.query.get("name", ""), request.content, request.content_length)
        await self._db.write(slug, self._catalogue.register, slug, source)
        return file(source)

    @problem_codes({400: ("catalogue.live-source",)})
    async def source(self, request: web.Request, wish: LiveSource) -> LiveSourceView:
        """A live https source; the contract then pins its description, and says so."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        source = self._uploads.live(wish)
        await self._db.write(slug, self._catalogue.register, slug, source)
        return LiveSourceView(source=source.id, media_type=source.media_type)

    @problem_codes(
        {
            400: (
                "catalogue.classified", "catalogue.no-rule", "catalogue.no-source", "catalogue.nothing-to-offer",
                *DESCRIPTION, *RULE,
            ),
            503: FULL,
        }
    )  # fmt: skip
    async def publish(self, request: web.Request, wish: Publication) -> PublishedView:
        """A dataset with its first offer, from a template of rules."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return await self._db.write(slug, self._published, slug, wish)

    def _published(self, tx: Tx, slug: str, wish: Publication) -> PublishedView:
        made, offer = self._catalogue.publish(tx, slug, wish)
        return published(self._judge, made, offer, addresses(made, self._catalogue.source_of(tx, slug, made.id)))

    @problem_codes(
        {
            400: ("catalogue.licence-missing", "catalogue.nothing-to-offer", "catalogue.rule-open", *RULE),
            404: ("catalogue.unknown",), 410: ("catalogue.withdrawn",), 503: FULL,
        }
    )  # fmt: skip
    async def offer(self, request: web.Request, wish: OfferWish) -> OfferMadeView:
        """A further offer on a dataset."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        offer = await self._db.write(slug, self._catalogue.offer, slug, request.match_info["uuid"], wish)
        return OfferMadeView(offer=offer.id, clauses=clauses(self._judge, offer.policy))

    async def own(self, request: web.Request) -> DatasetsView:
        """What is published, with its offers."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return DatasetsView([dataset(*both) for both in await self._db.read(slug, self._catalogue.own, slug)])

    @problem_codes({400: ("api.members-alike", "api.no-member", "api.nobody-called")})
    async def find(self, request: web.Request) -> FindView:
        """Asks every member, or the one named, and says of each offer whether we would get it."""
        hosted = await self._participants.get(request.match_info["p"])
        slug, did = hosted.participant.id, hosted.participant.did
        words = filters.fold(request.query.get("q", "")).split()
        asked = self._members_but(did, request.query.get("from"))
        gate = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*(self._ask(gate, slug, member, words) for member in asked))
        told = list(zip(asked, answers, strict=True))
        return FindView(
            results=[self._hit(did, member, entry)
                     for member, found in told if not isinstance(found, HanseError)
                     for entry in found.datasets if _matches(entry, words)],
            asked=len(asked),
            failed=[silent(member, self._members.name(member), found)
                    for member, found in told if isinstance(found, HanseError)],
            incomplete=[member for member, found in told if not isinstance(found, HanseError) and not found.complete],
        )  # fmt: skip

    routes: ClassVar[tuple[Route, ...]] = (
        post(
            f"{PARTICIPANT}/files",
            upload,
            201,
            Query("name", "What the file is called."),
            takes="application/octet-stream",
        ),
        post(f"{PARTICIPANT}/sources", source, 201),
        post(f"{PARTICIPANT}/datasets", publish, 201),
        get(f"{PARTICIPANT}/datasets", own),
        post(f"{PARTICIPANT}/datasets/{{uuid}}/offers", offer, 201),
        get(
            f"{PARTICIPANT}/find",
            find,
            Query("q", "Words that a dataset must have."),
            Query("from", "Only this member: its DID, or its name on the trust list."),
        ),
    )

    def _members_but(self, own: str, named: str | None) -> list[str]:
        """Whom to ask; raises Mistake if who is named is no member, or ourselves."""
        one, now = None if named is None else self._members.did(named), self._clock.now()
        members = [entry.did for entry in self._anchor.current.participants if entry.admitted(now) and entry.did != own]
        asked = [member for member in members if one in (None, member)]
        if one is not None and not asked:
            raise Mistake("api.no-member", did=one[:200])
        return asked

    async def _ask(self, gate: asyncio.Semaphore, slug: str, member: str, words: list[str]) -> Listed | HanseError:
        try:
            async with gate:
                return await self._peer.catalogue(slug, member, words)
        except HanseError as error:
            return error

    def _hit(self, did: str, provider: str, entry: Mapping[str, Any]) -> HitView:
        requester, now = seeker_of(self._anchor, did), self._clock.now()
        offers = [offered(self._judge, requester, policy, now) for policy in entry["hasPolicy"]]
        return hit(provider, self._members.name(provider), entry, offers)


def _matches(entry: dict[str, Any], words: list[str]) -> bool:
    """As a peer filters that knows our filter; others sent everything."""
    keywords = entry.get("dcat:keyword")
    texts = [entry.get("dct:title"), entry.get("dct:description"), *(keywords if isinstance(keywords, list) else [])]
    folded = filters.fold(*(text for text in texts if isinstance(text, str)))
    return all(word in folded for word in words)

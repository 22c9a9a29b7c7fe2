"""Publishing and finding over the management surface."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connector.api import body
from connector.api.asking import title
from connector.api.members import Members
from connector.api.peers import Listed, Peers
from connector.api.problems import reasons
from connector.api.terms import clauses, offered, seeker_of
from connector.catalogue.model import Dataset, Offer
from connector.catalogue.search import filters
from connector.catalogue.service import Catalogue, OfferWish, Publication
from connector.catalogue.templates import templates
from connector.catalogue.uploads import Uploads
from connector.clock import Clock, rfc3339
from connector.errors import HanseError, Mistake
from connector.http import limits
from connector.language.reasons import plain
from connector.participants.service import Participants
from connector.policy.engine import LANGUAGES, PolicyEngine
from connector.storage.database import Database
from connector.trust.members.trust_list import Anchor

HANSE = "https://w3id.org/hanse/v1#"
AT_ONCE = 16
_BYTES = re.compile(r"[0-9]{1,19}")
"""What a size can be: more digits are nobody's file, and thousands would not even be read as a number."""


class CatalogueHandlers:
    def __init__(
        self, db: Database, clock: Clock, participants: Participants, catalogue: Catalogue, uploads: Uploads,
        judge: PolicyEngine, peer: Peers, anchor: Anchor,
    ) -> None:  # fmt: skip
        self._db, self._clock, self._participants, self._catalogue = db, clock, participants, catalogue
        self._uploads, self._judge, self._peer, self._anchor = uploads, judge, peer, anchor
        self._members = Members(anchor)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/participants/{p}/files", self.upload),
            web.post("/api/v1/participants/{p}/sources", self.source),
            web.post("/api/v1/participants/{p}/datasets", self.publish),
            web.get("/api/v1/participants/{p}/datasets", self.own),
            web.post("/api/v1/participants/{p}/datasets/{uuid}/offers", self.offer),
            web.get("/api/v1/participants/{p}/find", self.find),
        ]

    @limits.streaming
    async def upload(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        source = await self._uploads.take(slug, request.query.get("name", ""), request.content, request.content_length)
        await self._db.write(slug, self._catalogue.register, slug, source)
        return body.answer(
            {"source": source.id, "sha256": source.sha256, "bytes": source.bytes, "media_type": source.media_type}, 201
        )

    async def source(self, request: web.Request) -> web.StreamResponse:
        """A live https source; the contract then pins its description, and says so."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        source = self._uploads.live(await body.read(request, dict))
        await self._db.write(slug, self._catalogue.register, slug, source)
        return body.answer({"source": source.id, "media_type": source.media_type}, 201)

    async def publish(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        wish = await body.read(request, Publication)
        dataset, offer = await self._db.write(slug, self._catalogue.publish, slug, wish)
        return body.answer(self._published(dataset, offer), 201)

    async def offer(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        wish = await body.read(request, OfferWish)
        offer = await self._db.write(slug, self._catalogue.offer, slug, request.match_info["uuid"], wish)
        return body.answer({"offer": offer.id, "clauses": clauses(self._judge, offer.policy)}, 201)

    async def own(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        found = await self._db.read(slug, self._catalogue.own, slug)
        return body.answer({"datasets": [_published(dataset, offers) for dataset, offers in found]})

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Asks every member, or the one named, and says of each offer whether we would get it."""
        hosted = await self._participants.get(request.match_info["p"])
        did = hosted.participant.did
        words = filters.fold(request.query.get("q", "")).split()
        named = request.query.get("from")
        one = None if named is None else self._members.did(named)
        now = self._clock.now()
        members = [entry.did for entry in self._anchor.current.participants if entry.admitted(now) and entry.did != did]
        asked = [member for member in members if one in (None, member)]
        if one is not None and not asked:
            raise Mistake("api.no-member", did=one[:200])
        gate = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*(self._ask(gate, hosted.participant.id, member, words) for member in asked))
        results = [self._hit(did, member, entry) for member, found in zip(asked, answers, strict=True)
                   if not isinstance(found, HanseError)
                   for entry in found.datasets if _matches(entry, words)]  # fmt: skip
        failed = [{"provider": member, "reason": reasons(found), **_place(found)}
                  for member, found in zip(asked, answers, strict=True)
                  if isinstance(found, HanseError)]  # fmt: skip
        incomplete = [member for member, found in zip(asked, answers, strict=True)
                      if not isinstance(found, HanseError) and not found.complete]  # fmt: skip
        return body.answer({"results": results, "asked": len(asked), "failed": failed, "incomplete": incomplete})

    async def _ask(self, gate: asyncio.Semaphore, slug: str, member: str, words: list[str]) -> Listed | HanseError:
        try:
            async with gate:
                return await self._peer.catalogue(slug, member, words)
        except HanseError as error:
            return error

    def _published(self, dataset: Dataset, offer: Offer) -> dict[str, object]:
        return {
            "dataset": dataset.id,
            "offer": offer.id,
            "version": dataset.version,
            "clauses": clauses(self._judge, offer.policy),
        }

    def _hit(self, did: str, provider: str, entry: dict[str, Any]) -> dict[str, object]:
        requester, now = seeker_of(self._anchor, did), self._clock.now()
        size = entry.get("dcat:byteSize")
        return {
            "provider": provider,
            "provider_name": self._members.name(provider),
            "dataset": entry["@id"],
            "title": title(entry),
            "description": plain(str(entry.get("dct:description", ""))),
            "media_type": entry.get("dcat:mediaType"),
            "bytes": int(size) if isinstance(size, str) and _BYTES.fullmatch(size) else None,
            "offers": [offered(self._judge, requester, policy, now) for policy in entry["hasPolicy"]],
        }


def _place(error: HanseError) -> dict[str, object]:
    """Where a peer's answer is wrong, as a JSON pointer, for machines; sentences do not name it."""
    return {"pointer": error.facts["pointer"]} if "pointer" in error.facts else {}


def _published(dataset: Dataset, offers: list[Offer]) -> dict[str, object]:
    """`policies`: the ODRL of each offer by its id; `terms` in words what a list shows of it, its template as rule."""
    ids = [offer.id for offer in offers]
    terms = {offer.id: offer.policy for offer in offers}
    return {
        "dataset": dataset.id, "title": dataset.title, "version": dataset.version, "offers": ids, "policies": terms,
        "created": rfc3339(dataset.created_at),
        "terms": [
            {
                "offer": one.id, "visibility": one.visibility, "state": one.state, "rule": one.template.get("id", ""),
                "title": _rule(one),
            }
            for one in offers
        ],
    }  # fmt: skip


def _rule(offer: Offer) -> Mapping[str, str]:
    """The title of the template that the offer was made from, by language; its name if this release has it no more."""
    name = str(offer.template.get("id", ""))
    known = {template.id: template.title for template in templates.templates()}
    return known.get(name) or dict.fromkeys(LANGUAGES, name)


def _matches(entry: dict[str, Any], words: list[str]) -> bool:
    """As a peer filters that knows our filter; others sent everything."""
    keywords = entry.get("dcat:keyword")
    texts = [entry.get("dct:title"), entry.get("dct:description"), *(keywords if isinstance(keywords, list) else [])]
    folded = filters.fold(*(text for text in texts if isinstance(text, str)))
    return all(word in folded for word in words)

"""A dataset of a member for whoever thinks about asking for it: from its provider now, or from our copy if that is
silent.

Terms are shown only as they stand there now; a copy says how old it is and that nothing can be asked for meanwhile.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from connector.data.catalogue.audience import Audiences
from connector.data.catalogue.search import store as copies
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import HanseError, Mistake, PeerError, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.model import Participant
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.requests.peers import Peers
from connector.surfaces.requests.service import PurposeView, Requests
from connector.surfaces.requests.terms import described
from connector.surfaces.views.audience import AudienceView
from connector.surfaces.views.audience import audience as audience_view
from connector.surfaces.views.dataset import hit
from connector.surfaces.views.fields import Sentences, explanation
from connector.surfaces.views.foreign_dataset import ForeignDatasetView, foreign
from connector.surfaces.views.members import Members
from connector.surfaces.views.terms import OfferView, offered

MOST_OFFERS: Final = 10
"""Offers of one dataset that are shown: each is judged for every member and purpose, beside the event loop."""
SOURCES: Final[tuple[Literal["live", "copy"], ...]] = ("live", "copy")


class OfferDetailsView(Struct, frozen=True, kw_only=True):
    """An offer with the digests of what is read here, the purposes of our list, and who else could have it."""

    offer: OfferView
    terms: str
    data: str
    purposes: list[PurposeView]
    audience: AudienceView | None


class LookedView(Struct, frozen=True, kw_only=True):
    """`silent` says why the provider did not show it just now; then the rest is our copy. `gone`: it answered, and does
    not show it to us any more."""

    dataset: ForeignDatasetView
    offers: list[OfferDetailsView]
    silent: Sentences | None
    gone: bool


class ForeignDatasets:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        peers: Peers,
        requests: Requests,
        audiences: Audiences,
        members: Members,
        engine: PolicyEngine,
    ) -> None:
        self._db, self._clock, self._peers, self._requests = db, clock, peers, requests
        self._audiences, self._members, self._engine = audiences, members, engine

    async def look(self, own: Participant, named: str, dataset: str) -> LookedView:
        """Raises Mistake for a member that is none and for ourselves, Unknown for what neither it nor we have."""
        provider = self._requests.somebody(own, named)
        if not self._members.admitted(own.did, provider, self._clock.now()):
            raise Mistake("api.no-member", did=provider[:200])
        try:
            entry = await self._peers.dataset(own.id, provider, dataset)
        except HanseError as silence:
            return await self._copied(own, provider, dataset, silence)
        return await asyncio.to_thread(self._shown, own, provider, entry, self._clock.now(), None)

    async def _copied(self, own: Participant, provider: str, dataset: str, silence: HanseError) -> LookedView:
        """Our copy; of a dataset without offers its provider says nothing else, so that is no silence."""
        found = await self._db.read(own.id, _held, own.id, provider, dataset)
        if found is None:
            raise Unknown("requests.no-dataset") if isinstance(silence, PeerError) else silence
        entry, seen = found
        open_data = "hasPolicy" not in entry and isinstance(silence, PeerError)
        return await asyncio.to_thread(self._shown, own, provider, entry, seen, None if open_data else silence)

    def _shown(
        self, own: Participant, provider: str, entry: Mapping[str, Any], seen: int, silence: HanseError | None
    ) -> LookedView:
        seeker, now = self._requests.seeker(own), self._clock.now()
        policies = entry.get("hasPolicy", ())[:MOST_OFFERS]
        offers = [offered(self._engine, seeker, policy, now) for policy in policies]
        name, source = self._members.name(provider), SOURCES[silence is not None]
        found = hit(provider, name, entry, offers, rfc3339(seen), source, self._members.spaces(own.did, provider))
        return LookedView(
            dataset=foreign(found, entry),
            offers=[self._offer(own, provider, entry, *both) for both in zip(policies, offers, strict=True)],
            silent=None if silence is None else explanation(silence),
            gone=isinstance(silence, PeerError),
        )

    def _offer(
        self, own: Participant, provider: str, entry: Mapping[str, Any], policy: Mapping[str, Any], one: OfferView
    ) -> OfferDetailsView:
        asked = described(entry, policy)
        try:
            digest = asked.digest(self._engine)
            found = self._audiences.of(asked.policy, self._clock.now(), provider) if one.clauses else None
        except PolicyError:
            return OfferDetailsView(offer=one, terms="", data=asked.data, purposes=[], audience=None)
        return OfferDetailsView(
            offer=one,
            terms=digest,
            data=asked.data,
            purposes=self._requests.purposes(own, policy),
            audience=None if found is None else audience_view(self._engine, found),
        )


def _held(tx: Tx, slug: str, provider: str, dataset: str) -> tuple[dict[str, Any], int] | None:
    body = copies.entry(tx, slug, provider, dataset)
    seen = copies.seen(tx, slug, provider, dataset)
    return None if body is None or seen is None else (msgspec.json.decode(body, type=dict[str, Any]), seen)

"""Asking for data of others: the terms as they stand there now, the request, and the delivery that follows it.

What is certain to be refused is not sent: our own engine judges the offer with what the trust list says of us, as its
provider will. Of a rule that cannot be said in words nothing is certain, so a person may ask.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from connector.data.catalogue import concepts
from connector.data.catalogue.search import store as copies
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake, PeerError, Refusal, Unavailable
from connector.foundation.storage import at_rest
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.model import Participant
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.dialects.policies import translate
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.requests import delivery
from connector.surfaces.requests.peers import Peers
from connector.surfaces.requests.terms import NegotiationRequest, RequestedOffer, in_our_words, requested, without_offer
from connector.surfaces.views.fields import Sentences
from connector.surfaces.views.members import Members
from connector.surfaces.views.negotiation import TermsView
from connector.surfaces.views.terms import offered, seeker_of


class PurposeView(Struct, frozen=True):
    """A purpose of our list; `fits`: the rule permits it to us."""

    iri: str
    label: Sentences
    fits: bool


class Requests:
    """Of all participants, as consumers."""

    def __init__(
        self, db: Database, clock: Clock, contracts: Contracts, peers: Peers, anchor: Anchor, engine: PolicyEngine
    ) -> None:
        self._db, self._clock, self._contracts, self._peers = db, clock, contracts, peers
        self._anchor, self._engine, self._members = anchor, engine, Members(anchor)

    async def terms(self, own: Participant, wish: NegotiationRequest) -> TermsView:
        """What `ask` would ask for, in words: nothing is sent. Raises Mistake, PeerError and Unavailable."""
        wish = in_our_words(wish)
        did = self.somebody(own, wish.provider)
        if not self._members.admitted(own.did, did, self._clock.now()):
            raise Mistake("api.no-member", did=did[:200])
        found = await self._requested(own.id, did, wish)
        read = offered(
            self._engine, self.seeker(own), found.policy, self._clock.now(), purpose=wish.purpose, action=wish.action
        )
        return TermsView(
            provider=did,
            partner=self._members.name(did, own.did),
            dataset=found.dataset,
            title=found.title,
            terms=found.digest(self._engine),
            policy=found.policy,
            described=found.described,
            data=found.data,
            **msgspec.structs.asdict(read),
        )

    async def ask(
        self, own: Participant, wish: NegotiationRequest, *, deliver: bool = False, sure: bool = False
    ) -> NegotiationRow:
        """Asks for the offer as it stands now. `deliver`: the data are fetched as soon as there is a contract.

        `sure` raises Refusal instead of sending what is certain to be refused. Mistake if another offer was read.
        """
        wish = in_our_words(wish)
        provider = self.somebody(own, wish.provider)
        self.require_current(own, provider)
        partner = await self._peers.partner(own.id, provider)
        found = await self._requested(own.id, partner.did, wish)
        found.read(self._engine, wish)
        if sure:
            self._require_permitted(own, found.policy, wish)
        return await self._db.write(own.id, self._asked, own.id, partner, found, wish, deliver)

    def purposes(self, own: Participant, policy: Mapping[str, Any]) -> list[PurposeView]:
        """Those of our list by label, the ones that the rule permits to us first."""
        terms = translate.understood(
            {name: value for name, value in policy.items() if name not in ("@id", "@type")}
        ).document
        known = {one.iri for one in concepts.vocabulary().scheme(concepts.PURPOSES).values()}
        found = [PurposeView(iri, concepts.label(iri), self._fits(own, terms, iri)) for iri in known]
        return sorted(found, key=lambda one: (not one.fits, one.label["de"].casefold(), one.iri))

    def _fits(self, own: Participant, terms: Mapping[str, Any], purpose: str) -> bool:
        """Of a rule that is not understood nobody knows, and no purpose is ruled out."""
        try:
            now = self._clock.now()
            return self._engine.permits(terms, self.seeker(own), "negotiation", now, purpose=purpose)
        except PolicyError:
            return True

    def seeker(self, own: Participant) -> Requester:
        """How others see this participant of ours."""
        return seeker_of(self._anchor, own.did, self._clock.now())

    def somebody(self, own: Participant, named: str) -> str:
        """The DID of another member; raises Mistake if it is or was ours, with whom no contract could be concluded."""
        if own.is_me(did := self._members.did(named, own.did)):
            raise Mistake("api.oneself")
        return did

    def require_current(self, own: Participant, did: str) -> None:
        """Raises Unavailable: nothing new is negotiated by a trust list that has run out, or without any."""
        if not self._anchor.fresh_between(own.did, did, self._clock.now()):
            raise Unavailable("api.list-stale" if self._anchor.jws else "api.no-list")

    @at_rest.holds_open
    def _asked(
        self, tx: Tx, slug: str, partner: Partner, found: RequestedOffer, wish: NegotiationRequest, deliver: bool
    ) -> NegotiationRow:
        row = self._contracts.request(
            tx,
            slug,
            partner,
            found.dataset,
            found.policy,
            wish.purpose,
            wish.action,
            wish.approval,
            wish.replaces,
            found.described,
            found.title,
        )
        if deliver:
            delivery.order(tx, slug, row.id)
        return row

    def _require_permitted(self, own: Participant, policy: Mapping[str, Any], wish: NegotiationRequest) -> None:
        read = offered(
            self._engine, self.seeker(own), policy, self._clock.now(), purpose=wish.purpose, action=wish.action
        )
        if not read.met and read.clauses and read.reason is not None:
            raise Refusal("requests.refused", {lang: [read.reason[lang], read.help[lang]] for lang in LANGUAGES})

    async def _requested(self, slug: str, did: str, wish: NegotiationRequest) -> RequestedOffer:
        """What its provider does not offer may be one of those that need no contract: our copy says where they are.

        What is not valid in the terms, the provider's or our own, is said with its place.
        """
        try:
            found = await requested(self._peers, slug, did, wish)
        except PeerError as absent:
            if absent.code != "peer.no-dataset":
                raise
            copy = await self._db.read(slug, copies.entry, slug, did, wish.dataset)
            told = None if copy is None else without_offer(copy, self._members.name(did))
            if told is None:
                raise
            raise told from absent
        self._contracts.agreements.deal(found.asked)
        return found

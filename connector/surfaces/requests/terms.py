"""What a person wants to ask a provider for, and the offer as it stands there now: read first, then asked for.

Both steps choose in the same way, and the second names the digest of what was read: an offer that changed in between is
not asked for.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from connector.data.catalogue import concepts
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document.described_data import Described, kept, of_entry
from connector.exchange.contracts.negotiation.service import SHORTEST
from connector.foundation.errors import Mistake
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.writing import with_members, without
from connector.surfaces.requests.peers import Peers
from connector.surfaces.views.dataset import title_of, whereabouts
from connector.surfaces.views.fields import Policy


class NegotiationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to negotiate; without `offer` the first one that the provider shows us.

    `provider` is a DID or a member's name, `purpose` and `action` an IRI, a short name or a label. `policy` are terms
    of our own to ask for instead of those of the offer; `terms` begins the digest of the terms that were read
    (`SHORTEST` hex digits at least), `data` is the digest of how the data were described, `approval` is the person's
    who asks. `replaces` is an agreement of ours about the same data that ends when the new one comes into force.
    """

    provider: str
    dataset: str
    offer: str | None = None
    policy: Policy | None = None
    terms: str | None = None
    data: str | None = None
    purpose: str | None = None
    action: str | None = None
    approval: Approval | None = None
    replaces: str | None = None


class RequestedOffer(msgspec.Struct, frozen=True):
    """`policy` with its id is what will be asked for; `described` how the catalogue describes the data, None if it does
    not as a contract of ours would: then the contract is read before it is sealed."""

    dataset: str
    title: str
    policy: Policy
    described: Described | None

    @property
    def asked(self) -> Policy:
        """The terms as the negotiation will have them."""
        return {**self.policy, "@type": "Offer", "target": self.dataset}

    def digest(self, engine: PolicyEngine) -> str:
        """Of the terms, as the negotiation will show it. Raises PolicyError."""
        return engine.digest(self.asked)

    @property
    def data(self) -> str:
        """SHA-256 (hex) of the description; empty without one."""
        return "".join(item.sha256 for item in (kept(self.described) if self.described is not None else ()))

    def read(self, engine: PolicyEngine, wish: NegotiationRequest) -> None:
        """Raises Mistake if the wish names digests of what was read, and they are not those of this."""
        terms, data = wish.terms, wish.data
        if terms is not None and (len(terms) < SHORTEST or not self.digest(engine).startswith(terms)):
            raise Mistake("api.terms-changed")
        if data is not None and data != self.data:
            raise Mistake("api.terms-changed")


def in_our_words(wish: NegotiationRequest) -> NegotiationRequest:
    """Purpose and action by their IRIs; raises Mistake with the nearest ones."""
    return msgspec.structs.replace(
        wish,
        purpose=wish.purpose and concepts.purpose(wish.purpose).iri,
        action=wish.action and concepts.action(wish.action),
    )


async def requested(peers: Peers, slug: str, provider: str, wish: NegotiationRequest) -> RequestedOffer:
    """Fetches the dataset; raises Mistake if the provider (a DID) does not show us that offer."""
    entry = await peers.dataset(slug, provider, wish.dataset)
    offers = {str(offer["@id"]): offer for offer in entry["hasPolicy"]}
    name = wish.offer or next(iter(offers))
    if name not in offers:
        raise Mistake("api.no-offer", offer=name[:200])
    if wish.policy is None:
        return described(entry, offers[name])
    return described(entry, with_members(without(wish.policy, {"target"}), {"@id": name}))


def described(entry: Mapping[str, Any], policy: Mapping[str, Any]) -> RequestedOffer:
    """What a request for this offer of a dataset would name."""
    return RequestedOffer(str(entry["@id"]), title_of(entry), dict(policy), of_entry(entry))


def without_offer(copy: bytes, provider_name: str) -> Mistake | None:
    """Why nothing is asked for of a dataset that its provider shows without offers; None if the copy has some."""
    entry = msgspec.json.decode(copy)
    if "hasPolicy" in entry:
        return None
    there = whereabouts(entry)
    places = [*there.download, *there.access, there.landing_page]
    if there.open:
        return Mistake("api.no-contract", address=places[0])
    address = there.landing_page or places[0] or "–"
    return Mistake("api.no-offer-yet", address=address, contact=there.contact or provider_name)

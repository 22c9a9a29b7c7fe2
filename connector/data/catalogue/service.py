"""Use cases of the catalogue: publish a file or a live source under a rule, and find what a peer asks for.

What each peer may see of it, page by page, is in `pages`; an offer that it may not see is one that is not there (T24).
"""

from collections.abc import Sequence
from typing import Any

from msgspec import field

from connector.data.catalogue import describe, revision_store, store
from connector.data.catalogue.audience import Roster
from connector.data.catalogue.describe import Answers
from connector.data.catalogue.gate import NoGate, PublicationGate
from connector.data.catalogue.group_offers import offered_to
from connector.data.catalogue.inventory import Inventories
from connector.data.catalogue.life import DatasetLife, elsewhere
from connector.data.catalogue.model import PERSONAL, Countersignature, Dataset, Listed, Offer, Visibility
from connector.data.catalogue.offers import OPEN_RULE, Offers, falls_under
from connector.data.catalogue.offers import Contradictory as Contradictory
from connector.data.catalogue.offers import OfferWish as OfferWish
from connector.data.catalogue.pages import Pages
from connector.data.catalogue.public import PublicRecords, Withdrawn
from connector.data.catalogue.snapshots.supply import Imported
from connector.data.catalogue.visibility import may_see
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage.database import Tx
from connector.foundation.storage.seldom import once_if_small
from connector.identity.participants import succession
from connector.identity.participants.acting import PUBLISH
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.policy.odrl.names import is_classified

UNPUBLISHED = 300
PAGE = 50
OWN = 1_000
"""The rule template of open data whose source has to be named."""


class Publication(Answers, frozen=True, kw_only=True):
    """What a steward asks for; `rule` is a template id, `slots` its values. Without a `source` nothing is served from
    here: files lie elsewhere, or the dataset is only announced.

    `open_data`: a licence of open data, or a high-value dataset; its rules may restrict nothing. `classification` is a
    degree of secrecy by its name; classified information is not published at all (spec/policy.md 5.2). `personal`: the
    data may be about persons, so that contracts wait for data protection (spec/approvals.md 3).
    """

    source: str = ""
    title: str
    description: str = ""
    keywords: list[str] = field(default_factory=list)
    rule: str = ""
    slots: dict[str, str] = field(default_factory=dict)
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"
    open_data: bool = False
    classification: str = ""
    personal: bool = False


class Catalogue:
    """Datasets and offers of all participants. `cursor_key` signs page cursors: nobody can forge or share one."""

    def __init__(
        self,
        participants: Participants,
        engine: PolicyEngine,
        cursor_key: bytes,
        imported: Imported,
        roster: Roster,
        gate: PublicationGate | None = None,
    ) -> None:
        self._participants, self._engine, self._offers = participants, engine, Offers(engine, roster)
        self._gate = gate or NoGate()
        self.life = DatasetLife(participants, self._offers, self._gate)
        self.public = PublicRecords(participants)
        self.pages = Pages(participants, engine, cursor_key)
        self.inventories = Inventories(participants, engine, imported)

    def unpublished(self, tx: Tx, slug: str) -> list[Source]:
        """What was handed in and no dataset has or had; the newest."""
        return source_store.unpublished(tx, slug, UNPUBLISHED)

    def register(self, tx: Tx, slug: str, source: Source) -> Source:
        require_active(tx, slug)
        source_store.insert(tx, slug, source)
        return source

    def hold(self, tx: Tx, slug: str, source_id: str) -> Source | None:
        """A source that is named somewhere else than in a dataset from now on: nobody removes it meanwhile."""
        return source_store.source(tx, slug, source_id, lock=True)

    def handed_in_by(self, tx: Tx, slug: str, source_id: str) -> str:
        """The pseudonym of who handed in a file; empty where nobody knows: on the operator's own socket."""
        return source_store.handed_in_by(tx, slug, source_id)

    def forget(self, tx: Tx, slug: str, location: str) -> bool:
        """Sources at this place (SHA-256 of a file) that no dataset or revision names go; whether all are gone."""
        return source_store.forget_at(tx, slug, location)

    def publish(self, tx: Tx, slug: str, wish: Publication, *, released: bool = False) -> tuple[Dataset, Offer | None]:
        """A dataset with its first offer, if there is one; raises Mistake for an unknown source, rule, slot or value,
        for a question that is still open, for a contradiction, and where others have to agree who have not (not
        `released`)."""
        participant = self._participants.held(slug).participant
        require_active(tx, slug)
        self._participants.require(tx, slug, PUBLISH)
        personal = wish.personal or self.life.known_personal(tx, slug, wish.source)
        if not released:
            self._gate.require(tx, slug, [falls_under(wish.rule, wish.access)], personal=personal)
        source = source_store.source(tx, slug, wish.source) if wish.source else elsewhere()
        if source is None or (wish.source and not source.here):
            raise Mistake("catalogue.no-source", source=wish.source[:80])
        if is_classified(wish.classification):
            raise Mistake("catalogue.classified")
        offer = self._first_offer(participant, source, wish)
        record = self.life.described(tx, participant, describe.NOTHING, wish)
        if not wish.source:
            source_store.insert(tx, slug, source)
        more = {"open_data": wish.open_data, "classification": wish.classification, PERSONAL: personal}
        dataset = self.life.publish(tx, participant, record, source, offered=offer is not None, **more)
        return dataset, None if offer is None else self._offers.make(tx, participant, dataset, offer)

    def _first_offer(self, participant: Participant, source: Source, wish: Publication) -> OfferWish | None:
        """Under the rule that was named. Open data can do without: what a by-licence asks for is a rule of its own."""
        rule, slots = wish.rule, wish.slots
        if slots and not rule:  # whoever named a limit means it
            raise Mistake("catalogue.no-rule")
        if not source.here:
            if rule:
                raise Mistake("catalogue.nothing-to-offer")
            return None
        if not rule and wish.access != "open":
            raise Mistake("catalogue.no-rule")
        if not rule:
            attribution = describe.attribution(wish, participant.name)
            if not attribution:
                return None
            rule, slots = OPEN_RULE, {"source": attribution}
        return OfferWish(rule=rule, slots=slots, visibility=wish.visibility, countersignature=wish.countersignature)

    def offer(self, tx: Tx, slug: str, uuid: str, wish: OfferWish) -> Offer:
        """A further offer on a dataset of ours; raises Unknown, and Mistake as `publish`."""
        participant = self._participants.held(slug).participant
        self._participants.require(tx, slug, PUBLISH)
        require_active(tx, slug)
        found = (store.locked(tx, slug, iri) for iri in succession.named(participant, f"datasets/{uuid}"))
        dataset = next((one for one in found if one is not None), None)
        if dataset is None:
            raise Unknown("catalogue.unknown", id=uuid[:80])
        if dataset.state == "withdrawn":
            raise Withdrawn("catalogue.withdrawn")
        if dataset.document.get("location") == "elsewhere":
            raise Mistake("catalogue.nothing-to-offer")
        named = [wish.rule, *self.life.templates(tx, slug, dataset)]
        self._gate.require(tx, slug, named, personal=dataset.personal)
        return self._offers.make(tx, participant, dataset, wish)

    def requested(self, tx: Tx, slug: str, requester: Requester, offer: dict[str, Any]) -> tuple[Offer, Dataset]:
        """The published offer that a request names; raises Unknown if it is not there or not for this peer's eyes."""
        found, dataset = self.published(tx, slug, requester, str(offer.get("@id", "")))
        if offer.get("target", dataset.id) != dataset.id:
            raise PeerError("catalogue.other-target")
        return found, dataset

    def published(self, tx: Tx, slug: str, requester: Requester, offer_id: str) -> tuple[Offer, Dataset]:
        """An offer that this peer may see, as it stands now; raises Unknown."""
        found = once_if_small(tx, store.offer_with_dataset, slug, offer_id)
        if found is None or found[0].state != "published" or not may_see(self._engine, requester, found[0], tx.now):
            raise Unknown("catalogue.no-offer")
        return found

    def offered_by(self, tx: Tx, slug: str, offer_id: str) -> Offer:
        """An offer of ours, for our own eyes; raises Unknown."""
        found = store.offer(tx, slug, offer_id)
        if found is None:
            raise Unknown("catalogue.no-offer")
        return found

    def source_of(self, tx: Tx, slug: str, dataset_id: str, version: str = "") -> Source:
        """Where the bytes of this version of a dataset of ours come from, or those of today; raises Unknown."""
        found = self._kept(tx, slug, dataset_id, version) if version else None
        if found is not None:
            return found
        dataset = store.dataset(tx, slug, dataset_id)
        source = None if dataset is None else source_store.source(tx, slug, dataset.source)
        if source is None:
            raise Unknown("catalogue.unknown", id=dataset_id[:200])
        return source

    def served(self, tx: Tx, slug: str, dataset_id: str, agreed: str = "") -> str | None:
        """The version of a dataset of ours that is served to whoever agreed on this one: itself while its source is
        there, else that of today; of the bytes, or of the description of a live source."""
        current = store.served_version(tx, slug, dataset_id)
        if agreed in ("", current) or self._kept(tx, slug, dataset_id, agreed) is None:
            return current
        return agreed

    def _kept(self, tx: Tx, slug: str, dataset_id: str, version: str) -> Source | None:
        """A source that has a version still; one whose bytes are others meanwhile has not."""
        sources = revision_store.sources_of(tx, slug, dataset_id, version)
        return next((one for one in sources if one.sha256 in (None, version)), None)

    def own(self, tx: Tx, slug: str) -> list[tuple[Dataset, list[Offer]]]:
        """Everything that the participant published, for its own eyes; the newest 1 000."""
        found = store.datasets(tx, slug, OWN)
        return [(dataset, store.offers_on(tx, slug, dataset.id)) for dataset in found]

    def listed(self, tx: Tx, slug: str, word: str = "", before: tuple[int, str] | None = None) -> list[Listed]:
        """A page of own datasets, the newest first; one more than `PAGE` says that there is another."""
        return store.listed(tx, slug, word, before, PAGE + 1)

    def withdraw(self, tx: Tx, slug: str) -> int:
        """Nothing is offered any more; how many offers there were."""
        return store.withdraw(tx, slug)

    def offered_to(self, tx: Tx, slug: str, iris: Sequence[str]) -> list[tuple[list[str], bool]]:
        """Of each dataset with an offer to a group with one of these IRIs: the templates that it falls under, and
        whether it may be about persons."""
        found = (store.dataset(tx, slug, one) for one in offered_to(tx, slug, iris))
        return [(self.life.templates(tx, slug, one), one.personal) for one in found if one is not None]

    def published_count(self, tx: Tx, slug: str) -> int:
        """How many datasets are published now."""
        return store.published_count(tx, slug)

    def offered(self, tx: Tx, slug: str) -> int:
        """How many offers stand."""
        return store.offered(tx, slug)

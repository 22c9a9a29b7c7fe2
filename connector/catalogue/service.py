"""Use cases of the catalogue: publish a file or a live source under a rule, and find what a peer asks for.

What each peer may see of it, page by page, is in `pages`; an offer that it may not see is one that is not there (T24).
"""

import mimetypes
from hashlib import sha256
from typing import Any

import msgspec

from connector.audit import store as audit
from connector.catalogue import store
from connector.catalogue.inventory import Inventories
from connector.catalogue.model import Countersignature, Dataset, Offer, Source, Visibility
from connector.catalogue.pages import Pages
from connector.catalogue.templates import templates
from connector.catalogue.visibility import may_see
from connector.clock import rfc3339
from connector.errors import Mistake, PeerError, Unknown
from connector.ids import new_uuid
from connector.participants.lifecycle import require_active
from connector.participants.model import Participant
from connector.participants.service import Participants
from connector.policy.conflict.conflict import is_classified
from connector.policy.conflict.objections import Objection
from connector.policy.engine import PolicyEngine, Requester
from connector.storage.database import Tx
from connector.verify.formats import jcs

OWN = 1_000
_TOLD = 5
"""Objections that are told at once."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What a steward asks for; `rule` is a template id, `slots` its values.

    `open_data`: a licence of open data, or a high-value dataset; its rules may restrict nothing. `classification` is a
    degree of secrecy by its name; classified information is not published at all (spec/policy.md 5.2).
    """

    source: str
    title: str
    description: str = ""
    keywords: list[str] = []
    rule: str
    slots: dict[str, str] = {}
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"
    open_data: bool = False
    classification: str = ""


class OfferWish(msgspec.Struct, frozen=True, kw_only=True):
    """A further offer on a dataset."""

    rule: str
    slots: dict[str, str] = {}
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"


class Contradictory(Mistake):
    """A rule that contradicts itself or what the data are; `reasons` name each clause in German and English."""

    def __init__(self, found: list[Objection]) -> None:
        super().__init__("policy.contradiction", pointer=found[0].pointer or "/", fault=found[0].fault)
        self.reasons = {lang: [one.reasons[lang] for one in found[:_TOLD]] for lang in found[0].reasons}


class Catalogue:
    """Datasets and offers of all participants. `cursor_key` signs page cursors: nobody can forge or share one."""

    def __init__(self, participants: Participants, judge: PolicyEngine, cursor_key: bytes) -> None:
        self._participants, self._judge = participants, judge
        self.pages = Pages(participants, judge, cursor_key)
        self.inventories = Inventories(participants, judge)

    def register(self, tx: Tx, slug: str, source: Source) -> Source:
        require_active(tx, slug)
        store.insert_source(tx, slug, source)
        return source

    def publish(self, tx: Tx, slug: str, wish: Publication) -> tuple[Dataset, Offer]:
        """A dataset with its first offer; raises Mistake for an unknown source, rule or slot, or a contradiction."""
        participant = self._participants.held(slug).participant
        require_active(tx, slug)
        source = store.source(tx, slug, wish.source)
        if source is None:
            raise Mistake("catalogue.no-source", source=wish.source[:80])
        if not wish.title.strip():
            raise Mistake("catalogue.no-title")
        if is_classified(wish.classification):
            raise Mistake("catalogue.classified")
        document = _document(wish, source, tx.now)
        dataset = Dataset(
            id=f"{participant.root}/datasets/{new_uuid()}", source=source.id, title=wish.title.strip(),
            version=source.sha256 or sha256(jcs.encode(document)).hexdigest(), document=document, created_at=tx.now,
            changed_at=tx.now,
        )  # fmt: skip
        store.insert_dataset(tx, slug, dataset)
        offer = OfferWish(
            rule=wish.rule, slots=wish.slots, visibility=wish.visibility, countersignature=wish.countersignature
        )
        return dataset, self._offer(tx, participant, dataset, offer)

    def offer(self, tx: Tx, slug: str, uuid: str, wish: OfferWish) -> Offer:
        """A further offer on a dataset of ours; raises Unknown, and Mistake as `publish`."""
        participant = self._participants.held(slug).participant
        require_active(tx, slug)
        dataset = store.dataset(tx, slug, f"{participant.root}/datasets/{uuid}")
        if dataset is None:
            raise Unknown("catalogue.unknown", id=uuid[:80])
        return self._offer(tx, participant, dataset, wish)

    def _offer(self, tx: Tx, participant: Participant, dataset: Dataset, wish: OfferWish) -> Offer:
        policy: dict[str, Any] = templates.fill(wish.rule, wish.slots)
        open_data = dataset.document.get("open_data") is True
        if found := self._judge.contradictions(policy, open_data=open_data, now=tx.now):
            raise Contradictory(found)
        offer = Offer(
            id=f"{dataset.id}/offers/{new_uuid()}", dataset=dataset.id, policy=policy,
            digest=self._judge.digest(policy), visibility=wish.visibility, countersignature=wish.countersignature,
            template={"id": wish.rule, "slots": wish.slots}, state="published", created_at=tx.now,
        )  # fmt: skip
        store.insert_offer(tx, participant.id, offer)
        body = {"dataset": dataset.id, "offer": offer.id, "policy": offer.digest, "version": dataset.version}
        audit.append(tx, participant.id, "publication", None, "steward", body, did=participant.did)
        return offer

    def requested(self, tx: Tx, slug: str, requester: Requester, offer: dict[str, Any]) -> tuple[Offer, Dataset]:
        """The published offer that a request names; raises Unknown if it is not there or not for this peer's eyes."""
        found, dataset = self.published(tx, slug, requester, str(offer.get("@id", "")))
        if offer.get("target", dataset.id) != dataset.id:
            raise PeerError("catalogue.other-target")
        return found, dataset

    def published(self, tx: Tx, slug: str, requester: Requester, offer_id: str) -> tuple[Offer, Dataset]:
        """An offer that this peer may see, as it stands now; raises Unknown."""
        found = store.offer(tx, slug, offer_id)
        dataset = None if found is None else store.dataset(tx, slug, found.dataset)
        if found is None or dataset is None or found.state != "published":
            raise Unknown("catalogue.no-offer")
        if not may_see(self._judge, requester, found, tx.now):
            raise Unknown("catalogue.no-offer")
        return found, dataset

    def source_of(self, tx: Tx, slug: str, dataset_id: str) -> Source:
        """Where the bytes of a dataset of ours come from; raises Unknown."""
        dataset = store.dataset(tx, slug, dataset_id)
        source = None if dataset is None else store.source(tx, slug, dataset.source)
        if source is None:
            raise Unknown("catalogue.unknown", id=dataset_id[:200])
        return source

    def served(self, tx: Tx, slug: str, dataset_id: str) -> str | None:
        """The version of a dataset of ours as it is served now: of its bytes, or of the description of a live source.

        None once the dataset is gone.
        """
        dataset = store.dataset(tx, slug, dataset_id)
        source = None if dataset is None else store.source(tx, slug, dataset.source)
        return None if dataset is None or source is None else source.sha256 or dataset.version

    def own(self, tx: Tx, slug: str) -> list[tuple[Dataset, list[Offer]]]:
        """Everything that the participant published, for its own eyes; the newest 1 000."""
        found = store.datasets(tx, slug, OWN)
        return [(dataset, store.offers_on(tx, slug, dataset.id)) for dataset in found]

    def withdraw(self, tx: Tx, slug: str) -> int:
        """Nothing is offered any more; how many offers there were."""
        return store.withdraw(tx, slug)

    def offered(self, tx: Tx, slug: str) -> int:
        """How many offers stand."""
        return store.offered(tx, slug)


def media_type(name: str) -> str:
    """By the file's ending; plain bytes if it says nothing."""
    if name.lower().endswith(".geojson"):
        return "application/geo+json"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _document(wish: Publication, source: Source, now: int) -> dict[str, Any]:
    keywords = [word.strip() for word in wish.keywords if word.strip()]
    return {
        "title": wish.title.strip(), "description": wish.description.strip(), "name": source.name,
        "media_type": source.media_type, "bytes": source.bytes, "sha256": source.sha256, "issued": rfc3339(now),
        "location": None if source.kind == "file" else source.kind, **({"keywords": keywords} if keywords else {}),
        **({"open_data": True} if wish.open_data else {}),
        **({"classification": wish.classification} if wish.classification else {}),
    }  # fmt: skip

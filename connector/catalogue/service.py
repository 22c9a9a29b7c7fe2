"""Use cases of the catalogue: publish a file or a live source under a rule, and show each peer what it may see.

Visibility is decided before paging, and a dataset that is not visible looks as if it were not there (threat T24).
"""

import hmac
import mimetypes
from hashlib import sha256
from typing import Any

import msgspec

from connector.audit import store as audit
from connector.catalogue import dcat, rules, store
from connector.catalogue.model import Countersignature, Dataset, Offer, Source, Visibility
from connector.clock import rfc3339
from connector.errors import Mistake, PeerError, Unknown
from connector.ids import new_uuid
from connector.participants.model import Participant
from connector.participants.service import Participants
from connector.policy.judge import Judge, Seeker
from connector.storage.database import Tx
from connector.verify import base64url, jcs

PAGE = 100
_BATCH = 200
_START = (-1, "")


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What a steward asks for; `rule` is a template id, `slots` its values."""

    source: str
    title: str
    description: str = ""
    rule: str
    slots: dict[str, str] = {}
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"


class OfferWish(msgspec.Struct, frozen=True, kw_only=True):
    """A further offer on a dataset."""

    rule: str
    slots: dict[str, str] = {}
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"


class Page(msgspec.Struct, frozen=True):
    """Datasets with the offers that this peer may see, and the cursor of the next page."""

    entries: list[tuple[Dataset, list[Offer]]]
    following: str | None


class Catalogue:
    """Datasets and offers of all participants. `cursor_key` signs page cursors: nobody can forge or share one."""

    def __init__(self, participants: Participants, judge: Judge, cursor_key: bytes) -> None:
        self._participants, self._judge, self._cursor_key = participants, judge, cursor_key

    def register(self, tx: Tx, slug: str, source: Source) -> Source:
        store.insert_source(tx, slug, source)
        return source

    def publish(self, tx: Tx, slug: str, wish: Publication) -> tuple[Dataset, Offer]:
        """A dataset with its first offer; raises Mistake for an unknown source, rule or slot."""
        participant = self._participants.held(slug).participant
        source = store.source(tx, slug, wish.source)
        if source is None:
            raise Mistake("catalogue.no-source", source=wish.source[:80])
        if not wish.title.strip():
            raise Mistake("catalogue.no-title")
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
        """A further offer on a dataset of ours; raises Unknown."""
        participant = self._participants.held(slug).participant
        dataset = store.dataset(tx, slug, f"{participant.root}/datasets/{uuid}")
        if dataset is None:
            raise Unknown("catalogue.unknown", id=uuid[:80])
        return self._offer(tx, participant, dataset, wish)

    def _offer(self, tx: Tx, participant: Participant, dataset: Dataset, wish: OfferWish) -> Offer:
        policy: dict[str, Any] = rules.fill(wish.rule, wish.slots)
        offer = Offer(
            id=f"{dataset.id}/offers/{new_uuid()}", dataset=dataset.id, policy=policy,
            digest=self._judge.digest(policy), visibility=wish.visibility, countersignature=wish.countersignature,
            template={"id": wish.rule, "slots": wish.slots}, state="published", created_at=tx.now,
        )  # fmt: skip
        store.insert_offer(tx, participant.id, offer)
        body = {"dataset": dataset.id, "offer": offer.id, "policy": offer.digest, "version": dataset.version}
        audit.append(tx, participant.id, "publication", None, "steward", body, did=participant.did)
        return offer

    def page(self, tx: Tx, slug: str, seeker: Seeker, cursor: str | None) -> Page:
        """Up to 100 datasets that this peer may see, in the order of their publication."""
        place = self._opened(slug, seeker, cursor) if cursor else _START
        entries: list[tuple[Dataset, list[Offer]]] = []
        while True:
            batch = store.datasets_after(tx, slug, place, _BATCH)
            for dataset in batch:
                offers = self._visible(tx, slug, seeker, dataset)
                if not offers:
                    continue
                if len(entries) == PAGE:
                    return Page(entries, self._cursor(slug, seeker, _place(entries[-1][0])))
                entries.append((dataset, offers))
            if len(batch) < _BATCH:
                return Page(entries, None)
            place = _place(batch[-1])

    def dataset(self, tx: Tx, slug: str, seeker: Seeker, name: str) -> tuple[Dataset, list[Offer]]:
        """One dataset by its id or bare UUID, under the filter of the catalogue (CVE-2024-9202); raises Unknown."""
        root = self._participants.held(slug).participant.root
        found = store.dataset(tx, slug, name) or store.dataset(tx, slug, f"{root}/datasets/{name}")
        offers = self._visible(tx, slug, seeker, found) if found is not None else []
        if found is None or not offers:
            raise Unknown("catalogue.unknown", id=name[:200])
        return found, offers

    def requested(self, tx: Tx, slug: str, seeker: Seeker, offer: dict[str, Any]) -> tuple[Offer, Dataset]:
        """The published offer that a request names; raises Unknown if it is not there or not for this peer's eyes."""
        found, dataset = self.published(tx, slug, seeker, str(offer.get("@id", "")))
        if offer.get("target", dataset.id) != dataset.id:
            raise PeerError("catalogue.other-target")
        return found, dataset

    def published(self, tx: Tx, slug: str, seeker: Seeker, offer_id: str) -> tuple[Offer, Dataset]:
        """An offer that this peer may see, as it stands now; raises Unknown."""
        found = store.offer(tx, slug, offer_id)
        dataset = None if found is None else store.dataset(tx, slug, found.dataset)
        if found is None or dataset is None or found.state != "published" or not self._sees(seeker, found, tx.now):
            raise Unknown("catalogue.no-offer")
        return found, dataset

    def countersignature(self, tx: Tx, slug: str, offer_id: str) -> Countersignature:
        """What the offer says about countersignatures; an offer that is gone demands one."""
        found = store.offer(tx, slug, offer_id)
        return "required" if found is None else found.countersignature

    def source_of(self, tx: Tx, slug: str, dataset_id: str) -> Source:
        """Where the bytes of a dataset of ours come from; raises Unknown."""
        dataset = store.dataset(tx, slug, dataset_id)
        source = None if dataset is None else store.source(tx, slug, dataset.source)
        if source is None:
            raise Unknown("catalogue.unknown", id=dataset_id[:200])
        return source

    def own(self, tx: Tx, slug: str) -> list[tuple[Dataset, list[Offer]]]:
        """Everything that the participant published, for its own eyes; the newest 1 000."""
        found = store.datasets_after(tx, slug, _START, 1000)
        return [(dataset, store.offers_on(tx, slug, dataset.id)) for dataset in found]

    def wire(self, participant: Participant, dataset: Dataset, offers: list[Offer]) -> dict[str, Any]:
        return dcat.dsp_dataset(participant, dataset, offers)

    def _visible(self, tx: Tx, slug: str, seeker: Seeker, dataset: Dataset) -> list[Offer]:
        return [offer for offer in store.offers_on(tx, slug, dataset.id) if self._sees(seeker, offer, tx.now)]

    def _sees(self, seeker: Seeker, offer: Offer, now: int) -> bool:
        return offer.visibility == "members" or self._judge.decide(offer.policy, seeker, "catalog", now).permit

    def _cursor(self, slug: str, seeker: Seeker, place: tuple[int, str]) -> str:
        body = msgspec.json.encode(place)
        return base64url.encode(self._mac(slug, seeker, body) + body)

    def _opened(self, slug: str, seeker: Seeker, cursor: str) -> tuple[int, str]:
        try:
            data = base64url.decode(cursor)
            body = data[32:]
            if hmac.compare_digest(data[:32], self._mac(slug, seeker, body)):
                return msgspec.json.decode(body, type=tuple[int, str])
        except (base64url.BadBase64, msgspec.DecodeError):
            pass
        raise PeerError("catalogue.cursor")

    def _mac(self, slug: str, seeker: Seeker, body: bytes) -> bytes:
        return hmac.digest(self._cursor_key, f"{slug}|{seeker.did}|".encode() + body, "sha256")


def media_type(name: str) -> str:
    """By the file's ending; plain bytes if it says nothing."""
    if name.lower().endswith(".geojson"):
        return "application/geo+json"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _document(wish: Publication, source: Source, now: int) -> dict[str, Any]:
    return {
        "title": wish.title.strip(), "description": wish.description.strip(), "name": source.name,
        "media_type": source.media_type, "bytes": source.bytes, "sha256": source.sha256, "issued": rfc3339(now),
        "location": None if source.kind == "file" else source.kind,
    }  # fmt: skip


def _place(dataset: Dataset) -> tuple[int, str]:
    return dataset.created_at, dataset.id

"""The life of a dataset after it was published: changed, replaced by new bytes, withdrawn; and what it was before.

Each change is a revision. Contracts keep the version that they pin: its source stays, and is served under them. Who
changes says which revision was seen, so that of two changes at once neither is lost (spec/metadata-record.md 1.4).
"""

from hashlib import sha256
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from connector.data.catalogue import describe, personal_store, public, revision_store, series_store, store
from connector.data.catalogue.conformity import require_conforming
from connector.data.catalogue.describe import Answers
from connector.data.catalogue.gate import PublicationGate
from connector.data.catalogue.model import (
    PERSONAL,
    SAMPLE,
    Countersignature,
    Dataset,
    Offer,
    Revision,
    Visibility,
)
from connector.data.catalogue.offers import OPEN_RULE, Offers, OfferWish, falls_under
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.participants.acting import PUBLISH
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.kernel.metadata.record.model import DatasetRecord, Series
from connector.verify.formats import jcs


class Outdated(Mistake):
    """Somebody else has changed it meanwhile: 409. Look at it again."""

    status = 409


class DatasetChange(Answers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different. `revision` is the one that was seen; without it the change is made to whatever is there.

    `rule` withdraws the offers and makes one under this template; without it `visibility` and `countersignature` change
    those that stand.
    """

    revision: int | None = None
    rule: str = ""
    slots: dict[str, str] = msgspec.field(default_factory=dict)
    visibility: Visibility | UnsetType = UNSET
    countersignature: Countersignature | UnsetType = UNSET


class Replacement(Answers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New bytes: `source` is an uploaded file or a live source. What else is said changes with it. `personal`: they may
    be about persons; what was said to be once stays so."""

    source: str
    revision: int | None = None
    personal: bool = False


class DatasetLife:
    """Of the datasets of all participants; every method runs in the caller's transaction in the participant's scope."""

    def __init__(self, participants: Participants, offers: Offers, gate: PublicationGate) -> None:
        self._participants, self._offers, self._gate = participants, offers, gate

    def show(self, tx: Tx, slug: str, name: str) -> tuple[Dataset, Source, list[Offer]]:
        """A dataset of ours by its UUID or IRI, withdrawn ones too; raises Unknown."""
        participant = self._participants.held(slug).participant
        found = (store.dataset(tx, slug, iri) for iri in public.dataset_iris(participant, name))
        dataset = next((one for one in found if one is not None), None)
        source = None if dataset is None else source_store.source(tx, slug, dataset.source)
        if dataset is None or source is None:
            raise Unknown("catalogue.unknown", id=name[:200])
        return dataset, source, store.offers_on(tx, slug, dataset.id)

    def whose(self, slug: str) -> Participant:
        """The participant, as far as its datasets have addresses of it; inside a transaction."""
        return self._participants.held(slug).participant

    def templates(self, tx: Tx, slug: str, dataset: Dataset) -> list[str]:
        """The rule templates that it falls under now: those of its offers, and that of open data, whose bytes everybody
        has also where nothing is offered; one empty if under none."""
        offered = [str(one.template.get("id", "")) for one in store.offers_on(tx, slug, dataset.id)]
        under = falls_under("", dataset.access)
        return [*offered, under] if under or not offered else offered

    def history(self, tx: Tx, slug: str, name: str) -> tuple[Dataset, list[Revision]]:
        """Every revision, the oldest first; raises Unknown. From before there were revisions there is what is now."""
        dataset, _, _ = self.show(tx, slug, name)
        return dataset, revision_store.revisions(tx, slug, dataset.id) or [first(dataset)]

    def change(self, tx: Tx, slug: str, name: str, wish: DatasetChange, *, released: bool = False) -> Dataset:
        """The dataset as it is then; without a revision if nothing is different. Raises Mistake as publishing, Unknown,
        and Outdated if another revision than the seen one is current. `released`: all who have to agree have."""
        self._participants.require(tx, slug, PUBLISH)
        participant, before = self._open(tx, slug, name, wish.revision)
        if not released:
            template = falls_under(wish.rule, wish.access)
            named = [*self.templates(tx, slug, before), *([template] if template else [])]
            self._gate.require(tx, slug, named, personal=before.personal)
        source = self._source(tx, slug, before.source)
        record = self.described(tx, participant, before.record, wish)
        after = revised(before, record, source, tx.now)
        after = self._keep(tx, participant, before, after, "changed")
        if not wish.rule:
            self._name_anew(tx, participant, before, after)
        self._offer_anew(tx, participant, after, source, wish)
        if before.access == "open":
            self._require_offer(tx, participant, after, source)
        return after

    def replace(self, tx: Tx, slug: str, name: str, wish: Replacement, *, released: bool = False) -> Dataset:
        """New bytes as the next version; what running contracts pin stays theirs. Raises as `change`."""
        self._participants.require(tx, slug, PUBLISH)
        participant, before = self._open(tx, slug, name, wish.revision)
        personal = before.personal or wish.personal or self.known_personal(tx, slug, wish.source)
        if not released:
            self._gate.require(tx, slug, self.templates(tx, slug, before), personal=personal)
        source = source_store.source(tx, slug, wish.source)
        if source is None or not source.here:
            raise Mistake("catalogue.no-source", source=wish.source[:80])
        _require_no_sample(source)
        said = wish
        if source.sha256 is None or source.sha256 != before.version:
            label = (
                _next_label(before, revision_store.revisions(tx, slug, before.id))
                if wish.label is UNSET
                else wish.label
            )
            said = replace(wish, label=label, notes="" if wish.notes is UNSET else wish.notes)
        record = self.described(tx, participant, before.record, said)
        if source.sha256 == before.version and record == before.record and personal == before.personal:
            return before
        document = {**before.document, PERSONAL: True} if personal else before.document
        after = revised(replace(before, source=source.id, document=document), record, source, tx.now)
        after = self._keep(tx, participant, before, after, "replaced")
        self._offers.recheck(tx, after)
        return after

    def known_personal(self, tx: Tx, slug: str, source: str) -> bool:
        """Whether the bytes of this source were published before as what may be about persons."""
        return bool(source) and personal_store.said(tx, slug, source_store.source(tx, slug, source))

    def withdraw(self, tx: Tx, slug: str, name: str, revision: int | None = None) -> Dataset:
        """Gone from all catalogues; contracts in force go on. Once more changes nothing. Raises Unknown, Outdated."""
        dataset, _, _ = self.show(tx, slug, name)
        if dataset.state == "withdrawn":
            return dataset
        participant, before = self._open(tx, slug, name, revision)
        store.withdraw_offers(tx, slug, before.id)
        return self._keep(tx, participant, before, replace(before, state="withdrawn"), "withdrawn")

    def publish(
        self, tx: Tx, participant: Participant, record: DatasetRecord, source: Source, *, offered: bool, **more: Any
    ) -> Dataset:
        """The first revision; `offered`: an offer follows, which the log tells of. `more` are further members of the
        document. Raises Mistake."""
        _require_no_sample(source)
        iri = record.iri or f"{participant.root}/datasets/{new_uuid()}"
        document = told(record, source, {"issued": rfc3339(tx.now), **more})
        dataset = Dataset(
            id=iri,
            source=source.id,
            title=document["title"],
            version=_version(document, source),
            document=document,
            created_at=tx.now,
            changed_at=tx.now,
            record=record,
            access=record.access,
        )
        store.insert_dataset(tx, participant.id, dataset)
        revision_store.insert_revision(tx, participant.id, dataset.id, first(dataset))
        self._fits(tx, participant, dataset, source)
        if not offered:
            self._log(tx, participant, dataset, "published")
        return dataset

    def described(self, tx: Tx, participant: Participant, before: DatasetRecord, said: Answers) -> DatasetRecord:
        """The record with the answers in it, its series made if it is the first of it; raises Mistake."""
        record = describe.coherent(describe.described(before, said))
        if said.series is UNSET:
            return record
        title = describe.line(said.series)
        return replace(record, series=(self._series(tx, participant, title),) if title else ())

    def _series(self, tx: Tx, participant: Participant, title: str) -> Series:
        """By its title; only its IRI stands in the record."""
        known = series_store.series_titled(tx, participant.id, title)
        if known is None:
            series = Series(
                iri=public.series_iri(participant.root, new_uuid()),
                title={"de": title},
                issued=rfc3339(tx.now),
                modified=rfc3339(tx.now),
            )
            series_store.insert_series(tx, participant.id, series.iri, title, msgspec.json.encode(series).decode())
            known = series_store.series_titled(tx, participant.id, title)
        return Series(iri=known or "")

    def _open(self, tx: Tx, slug: str, name: str, seen: int | None) -> tuple[Participant, Dataset]:
        """The dataset for a change, held until the unit commits."""
        participant = self._participants.held(slug).participant
        require_active(tx, slug)
        known = (store.locked(tx, slug, iri) for iri in public.dataset_iris(participant, name))
        found = next((one for one in known if one is not None), None)
        if found is None:
            raise Unknown("catalogue.unknown", id=name[:200])
        if found.state == "withdrawn":
            raise public.Withdrawn("catalogue.withdrawn")
        if seen is not None and seen != found.revision:
            raise Outdated("catalogue.outdated", seen=seen, revision=found.revision)
        return participant, found

    def _source(self, tx: Tx, slug: str, source_id: str) -> Source:
        found = source_store.source(tx, slug, source_id)
        if found is None:
            raise Unknown("catalogue.unknown", id=source_id[:80])
        return found

    def _keep(
        self,
        tx: Tx,
        participant: Participant,
        before: Dataset,
        after: Dataset,
        action: Literal["changed", "replaced", "withdrawn"],
    ) -> Dataset:
        if replace(after, changed_at=before.changed_at) == before:
            return before
        fresh = replace(after, revision=before.revision + 1)
        revision_store.insert_revision(tx, participant.id, before.id, first(before))
        if not store.update_dataset(tx, participant.id, fresh, before.revision):
            raise Outdated("catalogue.outdated", seen=before.revision, revision=before.revision + 1)
        made = Revision(
            number=fresh.revision,
            at=tx.now,
            action=action,
            version=fresh.version,
            source=fresh.source,
            record=fresh.record,
        )
        revision_store.insert_revision(tx, participant.id, before.id, made)
        self._log(tx, participant, fresh, action)
        if action != "withdrawn":
            self._fits(tx, participant, fresh, self._source(tx, participant.id, fresh.source))
        return fresh

    def _log(self, tx: Tx, participant: Participant, one: Dataset, action: str) -> None:
        body: dict[str, object] = {
            "dataset": one.id,
            "action": action,
            "revision": one.revision,
            "version": one.version,
        }
        audit.append(tx, participant.id, "publication", None, "steward", body, did=participant.did)

    def _fits(self, tx: Tx, participant: Participant, dataset: Dataset, source: Source) -> None:
        """Raises Mistake unless portals take a dataset of ours as it is; whoever imports one looks at it there."""
        if dataset.access in public.PUBLIC and public.is_ours(participant, dataset):
            series = series_store.series(tx, participant.id)
            require_conforming(public.complete(participant, dataset, source, (), series))

    def _name_anew(self, tx: Tx, participant: Participant, before: Dataset, after: Dataset) -> None:
        """The offer that says nothing but whom to name says the same as the licence; contracts keep theirs."""
        earlier, now = (
            describe.source_named(one.licence, one.attribution.get("de", ""), participant.name)
            for one in (before.record, after.record)
        )
        for one in store.offers_on(tx, participant.id, after.id):
            slots = one.template.get("slots", {})
            named = one.template.get("id") == OPEN_RULE and {**slots, "licence": ""} == {
                "source": earlier,
                "licence": "",
            }
            other = earlier != now or before.record.licence != after.record.licence
            if named and other and (now or after.access == "open"):
                store.withdraw_offer(tx, participant.id, one.id)
                if now:
                    wish = OfferWish(
                        rule=OPEN_RULE,
                        slots={"source": now},
                        visibility=one.visibility,
                        countersignature=one.countersignature,
                    )
                    self._offers.make(tx, participant, after, wish)

    def _require_offer(self, tx: Tx, participant: Participant, dataset: Dataset, source: Source) -> None:
        """Raises Mistake for bytes here that were open, and that nobody could have any more."""
        stays = dataset.access == "open" or not source.here
        if not stays and not store.offers_on(tx, participant.id, dataset.id):
            raise Mistake("catalogue.no-rule")

    def _offer_anew(
        self, tx: Tx, participant: Participant, dataset: Dataset, source: Source, wish: DatasetChange
    ) -> None:
        standing = store.offers_on(tx, participant.id, dataset.id)
        strictest = Offers.strictest(standing)
        visibility = (strictest.visibility if strictest else "members") if wish.visibility is UNSET else wish.visibility
        setting = wish.countersignature
        if wish.slots and not wish.rule:
            raise Mistake("catalogue.no-rule")
        if wish.rule:
            if not source.here:
                raise Mistake("catalogue.nothing-to-offer")
            store.withdraw_offers(tx, participant.id, dataset.id)
            kept = strictest.countersignature if strictest else "preferred"
            offer = OfferWish(
                rule=wish.rule,
                slots=wish.slots,
                visibility=visibility,
                countersignature=kept if setting is UNSET else setting,
            )
            self._offers.make(tx, participant, dataset, offer)
            return
        for one in standing:
            same = one.visibility if wish.visibility is UNSET else wish.visibility
            asked = one.countersignature if setting is UNSET else setting
            if (same, asked) != (one.visibility, one.countersignature):
                self._offers.update(tx, participant, replace(one, visibility=same, countersignature=asked))
        self._offers.recheck(tx, dataset)


def elsewhere() -> Source:
    """What stands for the bytes of a dataset that has none here."""
    return Source(id=new_uuid(), kind="elsewhere", location="", name="", media_type="", bytes=None, sha256=None)


def first(dataset: Dataset) -> Revision:
    """What the dataset is now, as the revision that stands for all before."""
    return Revision(
        number=dataset.revision,
        at=dataset.changed_at,
        action="published",
        version=dataset.version,
        source=dataset.source,
        record=dataset.record,
    )


def told(record: DatasetRecord, source: Source, kept: dict[str, Any]) -> dict[str, Any]:
    """What contracts and peers are told: `kept` are members that stay, such as when it was first published."""
    keywords = list(record.keywords.get("de", ()))
    return {
        "title": record.title["de"] if "de" in record.title else next(iter(record.title.values())),
        "description": record.description.get("de") or next(iter(record.description.values()), ""),
        "name": source.name,
        "media_type": source.media_type,
        "bytes": source.bytes,
        "sha256": source.sha256,
        "issued": kept["issued"],
        "location": source.kind if not source.here or source.live else None,
        **({"keywords": keywords} if keywords else {}),
        **({"open_data": True} if describe.is_open(record) else {}),
        **{name: value for name, value in kept.items() if name not in ("issued", "keywords") and value},
    }


def revised(before: Dataset, record: DatasetRecord, source: Source | None, now: int) -> Dataset:
    """The dataset with another record or source. The document keeps what no answer changes; `changed_at` moves only if
    the record or the version does."""
    stays = ("issued", "open_data", "classification", PERSONAL)
    kept: dict[str, Any] = {name: value for name, value in before.document.items() if name in stays}
    if describe.is_open(before.record):
        kept.pop("open_data", None)  # its licence said so, and says now whether it still is
    document = told(record, source or elsewhere(), {"issued": rfc3339(before.created_at), **kept})
    version = before.version if document == before.document else _version(document, source)
    moved = record != before.record or version != before.version
    return replace(
        before,
        title=document["title"],
        document=document,
        version=version,
        record=record,
        access=record.access,
        changed_at=now if moved else before.changed_at,
    )


def _version(document: dict[str, Any], source: Source | None) -> str:
    """Of the bytes; of a live source, and of one elsewhere, that of its description."""
    pinned = None if source is None else source.sha256
    return pinned or sha256(jcs.encode(document)).hexdigest()


def _require_no_sample(source: Source) -> None:
    """Raises Mistake: what people practise with is published by nobody, whatever it is called."""
    if source.sha256 == SAMPLE:
        raise Mistake("drafts.sample")


def _next_label(before: Dataset, known: list[Revision]) -> str:
    """The count of versions of the bytes, unless the steward counts otherwise."""
    versions = {one.source for one in known} | {before.source}
    return str(len(versions) + 1) if before.record.version in ("", str(len(versions))) else before.record.version

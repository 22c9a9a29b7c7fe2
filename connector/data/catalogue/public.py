"""What everybody may read of a participant's datasets, complete, and the files that everybody may download.

Open and announced datasets are public; what only members may see is not there for the public, by no name and in no
count (threat T75). A withdrawn dataset is gone, and its IRI says so. No rule of an offer that only some may see is
named, and no file's name unless everybody may download it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from connector.data.catalogue import revision_store, series_store, store
from connector.data.catalogue.model import Dataset, Offer
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unknown
from connector.foundation.language import LANGUAGES, say
from connector.foundation.storage.database import Tx
from connector.identity.participants import lifecycle, succession
from connector.identity.participants.model import Participant
from connector.identity.participants.publisher import publisher
from connector.identity.participants.service import Participants
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf.names import AUTHORITY
from connector.kernel.metadata.record.model import (
    Access,
    Catalogue,
    Checksum,
    DataService,
    DatasetRecord,
    Distribution,
    Hvd,
    Publisher,
    Series,
    Texts,
    filled,
    named_series,
)

PUBLIC: Final[tuple[Access, ...]] = ("open", "announced")
PORTION: Final = 1_000
_PROTOCOL = "https://w3id.org/dspace/2025/1/"
_COMPLETED = AUTHORITY + "distribution-status/COMPLETED"


class Withdrawn(Unknown):
    """It was here and is not any more: 410."""

    status = 410


class PublicDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A complete record; `digest` (SHA-256, hex) differs whenever anything of it differs."""

    record: DatasetRecord
    digest: str


class PublicMark(msgspec.Struct, frozen=True, kw_only=True):
    """A public dataset by a text that is another whenever its record may be; its last change in ms."""

    iri: str
    mark: str
    changed_at: int


class PublicCatalogue(msgspec.Struct, frozen=True, kw_only=True):
    """`datasets` by IRI. `digest` is over the node and all of them; `version` the count of changes it was read at:
    while `PublicRecords.version` says the same, nothing is different."""

    node: Catalogue
    datasets: tuple[PublicDataset, ...]
    digest: str
    version: int


class PublicSeries(msgspec.Struct, frozen=True, kw_only=True):
    """`members` are its public datasets: IRI and title."""

    series: Series
    members: tuple[tuple[str, Texts], ...]


class PublicRecords:
    """Of all participants; every method runs in the caller's transaction in the participant's scope."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    def version(self, tx: Tx, slug: str) -> int:
        """Grows with every change of datasets, offers, series and what the participant says of itself."""
        return store.version(tx, slug)

    def catalogue(self, tx: Tx, slug: str) -> PublicCatalogue:
        """All that is public, by IRI."""
        participant = self._participants.current(tx, slug)
        series, found, after = series_store.series(tx, slug), list[PublicDataset](), ""
        issued, modified = tx.now, 0
        while portion := store.datasets_with_access(tx, slug, PUBLIC, after, PORTION):
            for dataset, source in portion:
                offers = self._offers(tx, slug, dataset)
                found.append(_public(complete(participant, dataset, source, offers, series)))
                issued, modified = min(issued, dataset.created_at), max(modified, dataset.changed_at)
            after = portion[-1][0].id
        node = catalogue_node(participant, *((rfc3339(issued), rfc3339(modified)) if found else ("", "")))
        digest = sha256(msgspec.json.encode(node))
        for one in found:
            digest.update(one.digest.encode())
        return PublicCatalogue(
            node=node, datasets=tuple(found), digest=digest.hexdigest(), version=store.version(tx, slug)
        )

    def marks(self, tx: Tx, slug: str, iris: Sequence[str] | None = None) -> list[PublicMark]:
        """All that is public, or of these, by what makes a difference to it, without reading a record."""
        common = [self.context(tx, slug), sorted(series_store.series(tx, slug).items())]
        start, offers = sha256(msgspec.json.encode(common)), store.offers_of_members(tx, slug)
        found = []
        for row in revision_store.revisions_with_access(tx, slug, PUBLIC, iris):
            digest = start.copy()
            digest.update(msgspec.json.encode((row.revision, row.access, offers.get(row.id, ()))))
            found.append(PublicMark(iri=row.id, mark=digest.hexdigest(), changed_at=row.changed_at))
        return found

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> list[str]:
        """Those of these that are public."""
        return [one.id for one in revision_store.revisions_with_access(tx, slug, PUBLIC, iris)]

    def context(self, tx: Tx, slug: str) -> str:
        """What all datasets of the participant say of it: another text if that changed."""
        participant = self._participants.current(tx, slug)
        about = msgspec.json.encode((publisher_of(participant), participant.base, participant.name))
        return sha256(about).hexdigest()

    def several(self, tx: Tx, slug: str, iris: Sequence[str]) -> list[PublicDataset]:
        """Those of these that are public, complete."""
        participant, series = self._participants.current(tx, slug), series_store.series(tx, slug)
        return [
            _public(complete(participant, dataset, source, self._offers(tx, slug, dataset), series))
            for dataset, source in store.datasets_named(tx, slug, PUBLIC, iris)
        ]

    def dataset(self, tx: Tx, slug: str, name: str) -> PublicDataset:
        """One public dataset by its UUID or IRI; raises Unknown (404) for what is none, Withdrawn (410)."""
        participant = self._participants.current(tx, slug)
        dataset, source = self._public(tx, participant, name)
        offers = self._offers(tx, slug, dataset)
        series: dict[str, Series] = {}
        for one in dataset.record.series:  # of those that there are, not all: strangers ask for this
            series |= series_store.series(tx, slug, one.iri)
        return _public(complete(participant, dataset, source, offers, series))

    def series(self, tx: Tx, slug: str, uuid: str) -> PublicSeries:
        """A series by its UUID, if a public dataset belongs to it; raises Unknown."""
        participant = self._participants.current(tx, slug)
        iris = succession.named(participant, f"series/{uuid}")
        known = ((iri, series_store.series(tx, slug, iri).get(iri)) for iri in iris)
        iri, found = next((one for one in known if one[1] is not None), (iris[0], None))
        shown = found is not None and lifecycle.is_active(tx, slug)
        members = dict(series_store.members(tx, slug, PUBLIC, iri) if shown else [])
        if found is None or not members:
            raise Unknown("catalogue.unknown-series", id=uuid[:80])
        categories = [each for one in members.values() if one.hvd is not None for each in one.hvd.categories]
        hvd = Hvd(categories=tuple(dict.fromkeys(categories))) if categories else None
        series = named_series(_series(found, publisher_of(participant), hvd))
        return PublicSeries(series=series, members=tuple((iri, one.title) for iri, one in members.items()))

    def download(self, tx: Tx, slug: str, uuid: str, name: str) -> Source:
        """What lies behind `<dataset>/<name>`, for everybody and without a contract.

        Raises Unknown for what is not openly downloadable, Withdrawn. The bytes are opened as those of a transfer
        (`sources.kinds.Sources`).
        """
        dataset, source = self._public(tx, self._participants.held(slug).participant, uuid)
        if dataset.access != "open" or not source.here or source.name != name:
            raise Unknown("catalogue.no-download")
        return source

    def _offers(self, tx: Tx, slug: str, dataset: Dataset) -> Sequence[Offer]:
        """Open data need none."""
        return store.offers_on(tx, slug, dataset.id) if dataset.access == "announced" else []

    def _public(self, tx: Tx, participant: Participant, name: str) -> tuple[Dataset, Source]:
        found = (store.dataset(tx, participant.id, iri) for iri in dataset_iris(participant, name))
        dataset = next((one for one in found if one is not None), None)
        gone = dataset is not None and (dataset.state == "withdrawn" or not lifecycle.is_active(tx, participant.id))
        if dataset is not None and gone and dataset.access in PUBLIC:
            raise Withdrawn("catalogue.withdrawn", iri=dataset.id)
        source = None if dataset is None else source_store.source(tx, participant.id, dataset.source)
        if dataset is None or source is None or gone or dataset.access not in PUBLIC:
            raise Unknown("catalogue.unknown", id=name[:200])
        return dataset, source


def dataset_iris(participant: Participant, name: str) -> tuple[str, ...]:
    """Of a UUID, wherever the participant was when it gave it, or of the IRI itself; an imported dataset keeps the IRI
    that it came with."""
    whole = "://" in name or name.startswith("urn:")
    return (name,) if whole else succession.named(participant, f"datasets/{name}")


def is_ours(participant: Participant, dataset: Dataset) -> bool:
    """Whether its IRI is one that the participant gave, here or where it was before."""
    return any(dataset.id.startswith(f"{root}/datasets/") for root in succession.roots(participant))


def series_iri(root: str, uuid: str) -> str:
    return f"{root}/series/{uuid}"


def download_address(dataset: str, name: str) -> str:
    """Where the file of an open dataset is had: below where it is, under its name."""
    return f"{dataset}/{quote(name, safe='')}"


def landing_page(dataset: str) -> str:
    return f"{dataset}.html"


def publisher_of(participant: Participant) -> Publisher:
    """What the datasets of a participant say of it."""
    return publisher(participant.root, participant.name, participant.kind, participant.publisher)


def catalogue_node(participant: Participant, issued: str, modified: str) -> Catalogue:
    """The participant's catalogue itself; since when it has datasets and when one last changed (RFC 3339, or empty)."""
    about = publisher_of(participant)
    return Catalogue(
        iri=f"{participant.root}/catalog",
        title=_texts("catalogue-title", name=participant.name),
        description=_texts("catalogue-description", name=participant.name),
        publisher=about.agent,
        homepage=f"{participant.root}/",
        languages=about.languages,
        places=tuple(one for one in about.places if one.iri),
        themes=(dcat_ap.THEMES,),
        availability=about.availability,
        issued=issued,
        modified=modified,
    )


def complete(
    participant: Participant, dataset: Dataset, source: Source, offers: Sequence[Offer], series: dict[str, Series]
) -> DatasetRecord:
    """The record as published: with publisher, addresses, dates and what the file itself says."""
    about, kept = publisher_of(participant), dataset.record
    own = is_ours(participant, dataset)
    record = replace(
        kept,
        iri=dataset.id,
        description=kept.description or kept.title,
        identifiers=kept.identifiers or ((dataset.uuid,) if own else ()),
        landing_page=kept.landing_page or (landing_page(succession.here(participant, dataset.id)) if own else ""),
        issued=kept.issued or rfc3339(dataset.created_at),
        modified=kept.modified or rfc3339(dataset.changed_at),
        series=tuple(_series(series.get(one.iri, one), about, kept.hvd) for one in kept.series),
    )
    record = replace(record, attribution=record.attribution or _attribution(record.licence, participant.name))
    return filled(replace(record, distributions=_distributions(participant, record, dataset, source, offers)), about)


def _distributions(
    participant: Participant, record: DatasetRecord, dataset: Dataset, source: Source, offers: Sequence[Offer]
) -> tuple[Distribution, ...]:
    here: list[Distribution] = []
    if source.here and dataset.access == "open":
        here.append(_download(participant, record, source))
    elif source.here:
        here.append(_on_contract(participant, record, source, offers))
    return (*here, *(_titled(one, record) for one in record.distributions))


def _download(participant: Participant, record: DatasetRecord, source: Source) -> Distribution:
    address = download_address(succession.here(participant, record.iri), source.name)
    modified = rfc3339(source.created_at) if source.created_at else record.modified
    return Distribution(
        iri=f"{record.iri}#file",
        access_url=address,
        download_url=address,
        title={"": source.name},
        description=_as_format(record, source),
        format=_format(source.name),
        media_type=source.media_type,
        bytes=source.bytes,
        checksum=None if source.sha256 is None else Checksum(value=source.sha256),
        status=_COMPLETED,
        issued=record.issued,
        modified=max(modified, record.issued),
    )


def _on_contract(
    participant: Participant, record: DatasetRecord, source: Source, offers: Sequence[Offer]
) -> Distribution:
    """The name of the file stays in the house, and so do rules that not every member may see."""
    return Distribution(
        iri=f"{record.iri}#viaContract",
        access_url=record.landing_page,
        title=record.title,
        description=_as_format(record, source),
        format=_format(source.name),
        media_type=source.media_type,
        status=_COMPLETED,
        issued=record.issued,
        modified=record.modified,
        rights=_texts("rights"),
        policies=tuple(offer.id for offer in offers if offer.visibility == "members"),
        service=DataService(
            iri=f"{record.iri}#contract",
            endpoint=participant.base,
            title={tag: say("record.contract-access", _lang(tag), title=text) for tag, text in record.title.items()},
            description=f"{participant.root}/.well-known/dspace-version",
            conforms_to=(_PROTOCOL,),
        ),
    )


def _titled(one: Distribution, record: DatasetRecord) -> Distribution:
    """A file elsewhere, or an interface, with what it leaves out."""
    if one.service is None:
        return replace(one, title=one.title or record.title, access_url=one.access_url or record.landing_page)
    title = {tag: say("record.interface", _lang(tag), title=text) for tag, text in record.title.items()}
    service = one.service
    return replace(
        one,
        iri=one.iri or f"{record.iri}#viaApi",
        title=one.title or title,
        access_url=one.access_url or service.page or record.landing_page or service.endpoint,
        service=replace(service, iri=service.iri or f"{record.iri}#api", title=service.title or title),
    )


def _series(one: Series, about: Publisher, hvd: Hvd | None) -> Series:
    contact = about.contact if about.contact is not None and about.contact.reachable else None
    return replace(
        one,
        hvd=one.hvd or hvd,
        description=one.description or one.title,
        publisher=one.publisher or about.agent,
        contact=one.contact or contact,
        places=one.places or tuple(each for each in about.places if each.iri),
    )


def _attribution(licence: str, name: str) -> Texts:
    """Who has to be named where the licence asks for it and nobody said: the publisher."""
    found = lists.code_lists().value(licence)
    return {"de": name} if found is not None and found.attribution else {}


def _as_format(record: DatasetRecord, source: Source) -> Texts:
    found = lists.code_lists().file_type_of(source.name)
    kind = source.media_type if found is None else found.code
    return {tag: say("record.as-format", _lang(tag), title=text, format=kind) for tag, text in record.title.items()}


def _format(name: str) -> str:
    found = lists.code_lists().file_type_of(name)
    return found.iri if found else ""


def _texts(key: str, **facts: str) -> Texts:
    return {lang: say(f"record.{key}", lang, **facts) for lang in LANGUAGES}


def _lang(tag: str) -> str:
    return tag if tag in LANGUAGES else "de" if not tag else "en"


def _public(record: DatasetRecord) -> PublicDataset:
    return PublicDataset(record=record, digest=sha256(msgspec.json.encode(record)).hexdigest())

"""The neutral record of a catalogue, its datasets and series: projections are made of it (spec/metadata-record.md 1.1).

Texts are kept by language. A record *as kept* holds what a steward said and may leave out what follows from the
participant; a record *as published* is complete: `filled` puts in what was left out, and every node has its IRI. Only
complete records are projected. IRIs, dates and numbers are checked at the door, not here.
"""

from collections.abc import Sequence
from itertools import count
from typing import Literal, TypeVar

import msgspec

Texts = dict[str, str]
"""A text by language tag (`de`, `en`); under the empty tag one of which no language was said."""
Words = dict[str, tuple[str, ...]]
"""Several short texts by language tag."""
Access = Literal["open", "announced", "contract"]
"""Who may see it: everybody and without a contract; everybody sees that it exists, a contract gives the data; only
members of the data space."""
SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"


class _Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said and nothing else is kept, so that a new field changes no old record."""


class Agent(_Node, frozen=True, kw_only=True):
    """Who publishes; `kind` is an IRI of the ADMS list of publisher types."""

    iri: str
    name: Texts
    kind: str = ""


class Contact(_Node, frozen=True, kw_only=True):
    """Where questions are answered; `email` without `mailto:`, `telephone` without `tel:`, `url` an https address."""

    name: str = ""
    email: str = ""
    url: str = ""
    telephone: str = ""
    iri: str = ""

    @property
    def reachable(self) -> bool:
        return bool(self.email or self.url or self.telephone)


class Period(_Node, frozen=True, kw_only=True):
    """`start` and `end` are dates (`2026-01-01`), years, months or instants in RFC 3339; one of them may be missing."""

    start: str = ""
    end: str = ""
    iri: str = ""


class Box(msgspec.Struct, frozen=True):
    """Degrees of WGS 84."""

    west: float
    south: float
    east: float
    north: float


class Place(_Node, frozen=True, kw_only=True):
    """A place by name (an IRI of a list, such as a municipality key) or an area of our own with a box."""

    iri: str = ""
    label: Texts = {}
    box: Box | None = None


class Checksum(_Node, frozen=True, kw_only=True):
    """`value` in lower-case hexadecimal digits."""

    value: str
    algorithm: str = SHA256
    iri: str = ""


class Hvd(_Node, frozen=True, kw_only=True):
    """A high-value dataset by Regulation (EU) 2023/138; `categories` are IRIs of its list."""

    categories: tuple[str, ...]


class DataService(_Node, frozen=True, kw_only=True):
    """An interface through which a distribution is had; `description` and `page` are addresses about it."""

    endpoint: str
    title: Texts = {}
    description: str = ""
    page: str = ""
    conforms_to: tuple[str, ...] = ()
    licence: str = ""
    iri: str = ""


class Distribution(_Node, frozen=True, kw_only=True):
    """One way to have the data. `status`, `format`, `licence`, … are IRIs of lists; `media_type` is a bare name
    (`text/csv`); `policies` are IRIs of offers. `attribution` names the source as a by-licence asks for it."""

    access_url: str = ""
    download_url: str = ""
    title: Texts = {}
    description: Texts = {}
    format: str = ""
    media_type: str = ""
    bytes: int | None = None
    checksum: Checksum | None = None
    licence: str = ""
    attribution: Texts = {}
    rights: Texts = {}
    policies: tuple[str, ...] = ()
    status: str = ""
    availability: str = ""
    languages: tuple[str, ...] = ()
    conforms_to: tuple[str, ...] = ()
    issued: str = ""
    modified: str = ""
    service: DataService | None = None
    iri: str = ""


class Series(_Node, frozen=True, kw_only=True):
    """What several datasets are editions of. It names none of them: they name it. `hvd` where one of them is of high
    value: then the series is, too."""

    iri: str
    title: Texts = {}
    description: Texts = {}
    publisher: Agent | None = None
    contact: Contact | None = None
    frequency: str = ""
    issued: str = ""
    modified: str = ""
    places: tuple[Place, ...] = ()
    period: Period | None = None
    hvd: Hvd | None = None


class DatasetRecord(_Node, frozen=True, kw_only=True):
    """One dataset. The first fields are the nine answers of a steward (spec/metadata-record.md 1.1); `licence` and
    `attribution` hold for every distribution that has none of its own.

    `more` is N-Triples that came with an imported dataset and that this model has no field for: written again as it
    is in RDF, nowhere else.
    """

    title: Texts
    description: Texts = {}
    licence: str = ""
    attribution: Texts = {}
    themes: tuple[str, ...] = ()
    keywords: Words = {}
    frequency: str = ""
    access: Access = "contract"
    periods: tuple[Period, ...] = ()
    hvd: Hvd | None = None

    iri: str = ""
    identifiers: tuple[str, ...] = ()
    publisher: Agent | None = None
    contacts: tuple[Contact, ...] = ()
    contributors: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    languages: tuple[str, ...] = ()
    availability: str = ""
    access_right: str = ""
    landing_page: str = ""
    series: tuple[Series, ...] = ()
    version: str = ""
    version_notes: Texts = {}
    issued: str = ""
    modified: str = ""
    references: tuple[str, ...] = ()
    legislation: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    conforms_to: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    more: str = ""


class Catalogue(_Node, frozen=True, kw_only=True):
    """A participant's catalogue as a node of its own; its datasets are named by whoever projects it."""

    iri: str
    title: Texts
    description: Texts
    publisher: Agent
    homepage: str = ""
    languages: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    themes: tuple[str, ...] = ()
    licence: str = ""
    availability: str = ""
    issued: str = ""
    modified: str = ""


class Publisher(_Node, frozen=True, kw_only=True):
    """What follows from the participant for each of its datasets that does not say otherwise."""

    agent: Agent
    contact: Contact | None = None
    contributor: str = ""
    level: str = ""
    places: tuple[Place, ...] = ()
    languages: tuple[str, ...] = ()
    availability: str = ""


_N = TypeVar("_N", Contact, Period, Place, Checksum, DataService, Distribution)


def filled(record: DatasetRecord, publisher: Publisher) -> DatasetRecord:
    """The record with what it leaves out taken from its publisher, its nodes named below its IRI.

    `record.iri` must be there. What the record says itself stays, word for word.
    """
    own = publisher.contact
    given = {
        "publisher": record.publisher or publisher.agent,
        "contacts": record.contacts or (() if own is None or not own.reachable else (own,)),
        "contributors": record.contributors or _said(publisher.contributor),
        "level": record.level or _said(publisher.level),
        "places": all_places(record.places, publisher.places),
        "languages": record.languages or publisher.languages,
        "availability": record.availability or publisher.availability,
    }
    return named(msgspec.structs.replace(record, **given))


def all_places(own: tuple[Place, ...], publishers: tuple[Place, ...]) -> tuple[Place, ...]:
    """An area without a name lies somewhere: in the named places of the publisher, unless a place is named besides."""
    if not own or any(one.iri for one in own):
        return own or publishers
    return (*own, *(one for one in publishers if one.iri))


def named(record: DatasetRecord) -> DatasetRecord:
    """The record with an IRI below its own for every node that has none: nothing is shared with another dataset.

    Distributions have what holds for all of them.
    """
    at = record.iri
    files = [_distribution(one, record) for one in record.distributions]
    checksums = iter(_all([one.checksum for one in files if one.checksum is not None], at, "checksum"))
    services = iter(_all([one.service for one in files if one.service is not None], at, "service"))
    files = [
        msgspec.structs.replace(one, checksum=one.checksum and next(checksums), service=one.service and next(services))
        for one in files
    ]
    return msgspec.structs.replace(
        record,
        contacts=_all(record.contacts, at, "contact"),
        periods=_all(record.periods, at, "period"),
        places=_all(record.places, at, "area"),
        distributions=_all(files, at, "file"),
        series=tuple(named_series(one) for one in record.series),
    )


def _distribution(one: Distribution, record: DatasetRecord) -> Distribution:
    licence = one.licence or record.licence
    return msgspec.structs.replace(
        one,
        licence=licence,
        attribution=one.attribution or record.attribution,
        languages=one.languages or record.languages,
        availability=one.availability or record.availability,
        service=one.service and msgspec.structs.replace(one.service, licence=one.service.licence or licence),
    )


def named_series(one: Series) -> Series:
    """The series with an IRI below its own for every node that has none; `one.iri` must be there."""
    contact = None if one.contact is None else _all([one.contact], one.iri, "contact")[0]
    period = None if one.period is None else _all([one.period], one.iri, "period")[0]
    places = _all(one.places, one.iri, "area")
    return msgspec.structs.replace(one, contact=contact, period=period, places=places)


def _all(nodes: Sequence[_N], at: str, name: str) -> tuple[_N, ...]:
    """The first without an IRI is `at#name`, the next `at#name-2`."""
    taken = {node.iri for node in nodes}
    fresh = (iri for number in count(1) if (iri := f"{at}#{name}{'' if number == 1 else f'-{number}'}") not in taken)
    return tuple(node if node.iri else msgspec.structs.replace(node, iri=next(fresh)) for node in nodes)


def _said(text: str) -> tuple[str, ...]:
    return (text,) if text else ()

"""Projections of the neutral record; here the DSP 2025-1 catalogue JSON (spec/metadata.md 1.1).

It never claims to be DCAT-AP: the protocol's context makes that impossible (spec/metadata.md 2.2).
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from connector.data.catalogue.model import FORMATS, Countersignature, Described, Shown, Terms
from connector.data.catalogue.public import download_address, landing_page, publisher_of
from connector.foundation.clock import rfc3339
from connector.identity.participants import succession
from connector.identity.participants.model import Participant
from connector.kernel.metadata.project.dcat_ap import polygon
from connector.kernel.metadata.rdf.names import GEO, VCARD
from connector.kernel.metadata.record.model import (
    Contact,
    DatasetRecord,
    Distribution,
    Period,
    Place,
    Texts,
    all_places,
)
from connector.kernel.protocol.messages import CONTEXT, HANSE

_DESCRIBED = msgspec.json.Decoder(Described)
_RECORD = msgspec.json.Decoder(DatasetRecord)
_HEAD = msgspec.json.encode({"@context": [CONTEXT]})[:-1] + b","
_STRICTEST: tuple[Countersignature, ...] = ("required", "preferred", "none")
"""Of several offers the dataset names what the strictest asks for: a demand surprises nobody (spec/metadata.md 2.1)."""
_MOST, _TONGUES, _WORDS, _LONGEST_WORD, _LONGEST = 40, 4, 100, 100, 5_000
"""What an imported record is told with: values of a property, languages, keywords; characters of a keyword, a text."""


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What the entries of a participant say alike: how contracts give data, and unless a record says otherwise what
    place they are about and who answers questions."""

    participant: Participant
    distribution: msgspec.Raw
    places: tuple[Place, ...]
    contacts: tuple[Contact, ...]


def service(participant: Participant) -> dict[str, Any]:
    """The connector as a data service: negotiation and transfer paths extend `endpointURL`."""
    return {"@id": f"{participant.did}#dsp", "@type": "DataService", "endpointURL": participant.base}


def common(participant: Participant) -> Common:
    """Give it the participant as it is now (`Participants.current`): every replica then writes the same."""
    there, about = service(participant), publisher_of(participant)
    made = [{"@type": "Distribution", "format": one, "accessService": there} for one in FORMATS]
    return Common(
        participant=participant,
        distribution=msgspec.Raw(msgspec.json.encode(made)),
        places=about.places,
        contacts=() if about.contact is None else (about.contact,),
    )


def dsp_dataset(common: Common, shown: Shown) -> bytes:
    """A dataset as it stands in a catalogue: offers without target, extras under prefixed or full names.

    Without offers it has no `hasPolicy` and stands in no catalogue of the protocol; connectors of ours tell each other
    of it, because everybody may read it (`Shown.public`). Such an entry says what the public page says and no more:
    nothing of bytes that only a contract gives.
    """
    about = _DESCRIBED.decode(shown.document)
    record = None if shown.record is None else _RECORD.decode(shown.record)
    entry: dict[str, Any] = {
        "@id": shown.id,
        "@type": "Dataset",
        "dct:title": shown.title,
    }
    given = bool(shown.offers) or shown.access == "open"
    if given:
        entry[f"{HANSE}version"] = shown.version
    if shown.offers:
        entry["hasPolicy"] = [_offer(terms) for terms in shown.offers]
        entry["distribution"] = common.distribution
        entry[f"{HANSE}countersignature"] = min(
            (offer.countersignature for offer in shown.offers), key=_STRICTEST.index
        )
    if about.description:
        entry["dct:description"] = about.description
    if about.keywords:
        entry["dcat:keyword"] = about.keywords
    if about.media_type:
        entry["dcat:mediaType"] = about.media_type
    if about.bytes is not None and given:
        entry["dcat:byteSize"] = str(about.bytes)
    if record is not None:
        here = succession.here(common.participant, shown.id)
        page = record.landing_page or (landing_page(here) if shown.public else "")
        entry |= _said(record, all_places(record.places, common.places), page)
        entry["dct:issued"] = {"@type": "xsd:dateTime", "@value": rfc3339(shown.created_at)}
        entry["dct:modified"] = {"@type": "xsd:dateTime", "@value": rfc3339(shown.changed_at)}
        files = [*_here(shown, about, here), *record.distributions]
        if shown.offers:
            addresses = [{"@id": one.download_url} for one in files if one.download_url]
            entry |= {"dcat:downloadURL": addresses} if addresses else {}
        else:
            entry |= _without_offers(files, record.licence, record.contacts or common.contacts, page)
    return msgspec.json.encode(entry)


def public_dataset(iri: str, record: DatasetRecord) -> bytes:
    """A dataset that was imported, as connectors of ours tell each other of it; cut to what an entry can bear.

    The record is a stranger's: whatever it holds becomes a value here, never a name.
    """
    entry: dict[str, Any] = {"@id": iri, "@type": "Dataset", "dct:title": _literals(record.title) or iri}
    keywords = [(tag, word) for tag, words in record.keywords.items() for word in words if len(word) <= _LONGEST_WORD]
    said = {
        "dct:description": _literals(record.description),
        "dcat:keyword": [_literal(tag, word) for tag, word in keywords[:_WORDS]],
        **_said(record, record.places, record.landing_page),
        "dct:issued": record.issued,
        "dct:modified": record.modified,
        **_without_offers(record.distributions, record.licence, record.contacts, record.landing_page),
    }
    return msgspec.json.encode(entry | {name: value for name, value in said.items() if value})


def _here(shown: Shown, about: Described, here: str) -> list[Distribution]:
    """The file that lies here, where everybody may download it."""
    if shown.access != "open" or not about.name:
        return []
    address = download_address(here, about.name)
    return [
        Distribution(access_url=address, download_url=address, media_type=about.media_type or "", bytes=about.bytes)
    ]


def _said(record: DatasetRecord, places: Sequence[Place], page: str) -> dict[str, Any]:
    """What the record says, under the names of DCAT-AP; lists and nodes as JSON-LD writes them."""
    period = next(iter(record.periods), None)
    found: dict[str, Any] = {
        "dct:license": _reference(record.licence),
        "dcat:theme": [{"@id": one} for one in record.themes[:_MOST]],
        "dct:accrualPeriodicity": _reference(record.frequency),
        "dct:references": [{"@id": one} for one in record.references[:_MOST]],
        "dcat:landingPage": _reference(page),
        "dcat:inSeries": [{"@id": one.iri} for one in record.series[:_MOST]],
        "dcat:version": record.version,
        "http://data.europa.eu/r5r/hvdCategory": [{"@id": one} for one in record.hvd.categories] if record.hvd else [],
        "dct:spatial": [_place(one) for one in places[:_MOST] if one.iri or one.box],
        "dct:temporal": None if period is None else _period(period),
    }
    return {name: value for name, value in found.items() if value}


def _without_offers(
    files: Sequence[Distribution], licence: str, contacts: Sequence[Contact], page: str
) -> dict[str, Any]:
    """Where the data are, and whom to ask: what stands in an entry instead of offers."""
    found = {
        "distribution": [made for one in files[:_MOST] if (made := _distribution(one, licence, page))],
        "dcat:contactPoint": [_contact(one) for one in contacts[:_MOST]],
    }
    return {name: value for name, value in found.items() if value}


def _distribution(one: Distribution, licence: str, page: str) -> dict[str, Any] | None:
    """Of an interface the page about it, else where it is; None if it says no address."""
    service = "" if one.service is None else one.service.page or one.service.endpoint
    access = one.access_url or service or one.download_url or page
    found = {
        "dcat:accessURL": _reference(access),
        "dcat:downloadURL": _reference(one.download_url),
        "dct:format": _reference(one.format),
        "dcat:mediaType": one.media_type,
        "dcat:byteSize": None if one.bytes is None else str(one.bytes),
        "dct:license": _reference(one.licence or licence),
    }
    return {"@type": "Distribution", **{name: value for name, value in found.items() if value}} if access else None


def _contact(one: Contact) -> dict[str, Any]:
    said = {
        VCARD.fn: one.name,
        VCARD.hasEmail: _reference(one.email and f"mailto:{one.email}"),
        VCARD.hasTelephone: _reference(one.telephone and f"tel:{re.sub('[^0-9+]', '', one.telephone)}"),
        VCARD.hasURL: _reference(one.url),
    }
    return {"@type": VCARD.Kind.value, **{name.value: value for name, value in said.items() if value}}


def _place(one: Place) -> dict[str, Any]:
    """A municipality by the IRI of its key, an area by its box in well-known text (DCAT 3, 6.17)."""
    node: dict[str, Any] = {"@id": one.iri} if one.iri else {}
    if one.box is not None:
        node |= {"dcat:bbox": {"@type": GEO.wktLiteral.value, "@value": polygon(one.box)}}
    return {"@type": "dct:Location", **node}


def _literals(texts: Texts) -> list[Any]:
    """German first, then English, then the others."""
    order = sorted(texts, key=lambda tag: (tag != "de", tag != "en", tag))
    return [_literal(tag, texts[tag][:_LONGEST]) for tag in order[:_TONGUES] if texts[tag]]


def _literal(tag: str, text: str) -> Any:
    return {"@language": tag, "@value": text} if tag else text


def _reference(iri: str) -> dict[str, str] | None:
    return {"@id": iri} if iri else None


def _period(one: Period) -> dict[str, str]:
    said = {"dcat:startDate": one.start, "dcat:endDate": one.end}
    return {"@type": "dct:PeriodOfTime", **{name: value for name, value in said.items() if value}}


def _offer(terms: Terms) -> msgspec.Raw:
    """The policy's own text behind the offer's name: it is a JSON object with at least one rule."""
    return msgspec.Raw(b'{"@id":%b,"@type":"Offer",%b' % (msgspec.json.encode(terms.id), terms.policy[1:].encode()))


def dsp_catalogue(participant: Participant, entries: Sequence[bytes]) -> bytes:
    """A whole catalogue document; without `dataset` if there is none, because an empty list is not allowed."""
    root: dict[str, Any] = {
        "@context": [CONTEXT],
        "@type": "Catalog",
        "@id": f"{participant.base}/catalog",
        "participantId": participant.did,
        "service": [service(participant)],
    }
    head = msgspec.json.encode(root)
    return head if not entries else b"".join((head[:-1], b',"dataset":[', b",".join(entries), b"]}"))


def root(entry: bytes) -> bytes:
    """An entry as a document of its own."""
    return b"".join((_HEAD, entry[1:]))

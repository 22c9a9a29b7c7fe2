"""Projections of the neutral record; here the DSP 2025-1 catalogue JSON (spec/metadata.md 1.1).

It never claims to be DCAT-AP: the protocol's context makes that impossible (spec/metadata.md 2.2).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from connector.catalogue.model import FORMATS, Countersignature, Described, Shown, Terms
from connector.catalogue.public import download_address, landing_page
from connector.clock import rfc3339
from connector.metadata.record.model import DatasetRecord, Period
from connector.participants.model import Participant
from connector.protocol.messages import CONTEXT, HANSE

_DESCRIBED = msgspec.json.Decoder(Described)
_RECORD = msgspec.json.Decoder(DatasetRecord)
_HEAD = msgspec.json.encode({"@context": [CONTEXT]})[:-1] + b","
_STRICTEST: tuple[Countersignature, ...] = ("required", "preferred", "none")
"""Of several offers the dataset names what the strictest asks for: a demand surprises nobody (spec/metadata.md 2.1)."""


def service(participant: Participant) -> dict[str, Any]:
    """The connector as a data service: negotiation and transfer paths extend `endpointURL`."""
    return {"@id": f"{participant.did}#dsp", "@type": "DataService", "endpointURL": participant.base}


def distributions(participant: Participant) -> msgspec.Raw:
    """How every dataset of the participant is to be had; the same bytes in each entry."""
    there = service(participant)
    made = [{"@type": "Distribution", "format": one, "accessService": there} for one in FORMATS]
    return msgspec.Raw(msgspec.json.encode(made))


def dsp_dataset(distribution: msgspec.Raw, shown: Shown) -> bytes:
    """A dataset as it stands in a catalogue: offers without target, extras under prefixed or full names.

    Without offers it has no `hasPolicy` and stands in no catalogue of the protocol; connectors of ours tell each other
    of it, because everybody may read it (`Shown.public`).
    """
    about = _DESCRIBED.decode(shown.document)
    record = None if shown.record is None else _RECORD.decode(shown.record)
    entry: dict[str, Any] = {
        "@id": shown.id,
        "@type": "Dataset",
        "dct:title": shown.title,
        f"{HANSE}version": shown.version,
    }
    if shown.offers:
        entry["hasPolicy"] = [_offer(terms) for terms in shown.offers]
        entry["distribution"] = distribution
        entry[f"{HANSE}countersignature"] = min(
            (offer.countersignature for offer in shown.offers), key=_STRICTEST.index
        )
    if about.description:
        entry["dct:description"] = about.description
    if about.keywords:
        entry["dcat:keyword"] = about.keywords
    if about.media_type:
        entry["dcat:mediaType"] = about.media_type
    if about.bytes is not None:
        entry["dcat:byteSize"] = str(about.bytes)
    if record is not None:
        entry |= _said(shown, about, record)
    return msgspec.json.encode(entry)


def _said(shown: Shown, about: Described, record: DatasetRecord) -> dict[str, Any]:
    """What else the record says, under the names of DCAT-AP; lists and nodes as JSON-LD writes them."""
    here = [download_address(shown.id, about.name)] if shown.access == "open" and about.name else []
    page = record.landing_page or (landing_page(shown.id) if shown.public else "")
    period = next(iter(record.periods), None)
    found: dict[str, Any] = {
        "dct:license": _reference(record.licence),
        "dcat:theme": [{"@id": one} for one in record.themes],
        "dct:accrualPeriodicity": _reference(record.frequency),
        "dct:references": [{"@id": one} for one in record.references],
        "dcat:landingPage": _reference(page),
        "dcat:downloadURL": [
            {"@id": one} for one in (*here, *(each.download_url for each in record.distributions)) if one
        ],
        "dcat:inSeries": [{"@id": one.iri} for one in record.series],
        "dcat:version": record.version,
        "http://data.europa.eu/r5r/hvdCategory": [{"@id": one} for one in record.hvd.categories] if record.hvd else [],
        "dct:temporal": None if period is None else _period(period),
        "dct:issued": {"@type": "xsd:dateTime", "@value": rfc3339(shown.created_at)},
        "dct:modified": {"@type": "xsd:dateTime", "@value": rfc3339(shown.changed_at)},
    }
    return {name: value for name, value in found.items() if value}


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

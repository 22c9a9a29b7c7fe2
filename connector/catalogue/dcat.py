"""Projections of the neutral record; here the DSP 2025-1 catalogue JSON (spec/metadata.md 1.1).

It never claims to be DCAT-AP: the protocol's context makes that impossible (spec/metadata.md 2.2).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from connector.catalogue.model import FORMATS, Countersignature, Described, Shown, Terms
from connector.participants.model import Participant
from connector.protocol.messages import CONTEXT, HANSE

_DESCRIBED = msgspec.json.Decoder(Described)
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
    """A dataset as it stands in a catalogue: offers without target, extras under prefixed or full names."""
    about = _DESCRIBED.decode(shown.document)
    entry: dict[str, Any] = {
        "@id": shown.id,
        "@type": "Dataset",
        "hasPolicy": [_offer(terms) for terms in shown.offers],
        "distribution": distribution,
        f"{HANSE}countersignature": min((offer.countersignature for offer in shown.offers), key=_STRICTEST.index),
        "dct:title": shown.title,
        f"{HANSE}version": shown.version,
    }
    if about.description:
        entry["dct:description"] = about.description
    if about.keywords:
        entry["dcat:keyword"] = about.keywords
    if about.media_type is not None:
        entry["dcat:mediaType"] = about.media_type
    if about.bytes is not None:
        entry["dcat:byteSize"] = str(about.bytes)
    return msgspec.json.encode(entry)


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

"""Projections of the neutral record; here the DSP 2025-1 catalogue JSON (metadata.md 2.2).

It never claims to be DCAT-AP: the protocol's context makes that impossible (metadata.md 2.3).
"""

from typing import Any

from connector.catalogue.model import PULL, Dataset, Offer
from connector.participants.model import Participant

HANSE = "https://w3id.org/hanse/v1#"
DCAT = "http://www.w3.org/ns/dcat#"


def service(participant: Participant) -> dict[str, Any]:
    """The connector as a data service: negotiation and transfer paths extend `endpointURL`."""
    return {"@id": f"{participant.did}#dsp", "@type": "DataService", "endpointURL": participant.base}


def dsp_dataset(participant: Participant, dataset: Dataset, offers: list[Offer]) -> dict[str, Any]:
    """A dataset as it stands in a catalogue: offers without target, extras under prefixed or full names."""
    document = dataset.document
    extras = {
        "dct:title": dataset.title,
        "dct:description": document.get("description") or None,
        "dcat:mediaType": document.get("media_type"),
        "dcat:byteSize": None if document.get("bytes") is None else str(document["bytes"]),
        f"{HANSE}version": dataset.version,
    }
    distribution = {"@type": "Distribution", "format": PULL, "accessService": service(participant)}
    return {
        "@id": dataset.id,
        "@type": "Dataset",
        "hasPolicy": [offer.for_catalogue() for offer in offers],
        "distribution": [distribution],
        f"{HANSE}countersignature": offers[0].countersignature,
        **{name: value for name, value in extras.items() if value is not None},
    }

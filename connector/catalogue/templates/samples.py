"""A template filled with samples, so that it can be looked at before anybody has filled its slots."""

from collections.abc import Mapping

from connector.catalogue.templates.slots import Slot, SlotType, concepts
from connector.catalogue.templates.templates import Template, fill

_SAMPLES: Mapping[SlotType, str] = {
    "first-day": "2000-01-01", "last-day": "9000-12-31", "duration": "P30D", "window": "P1D", "text": "…",
    "participants": "did:web:participant.example", "participant": "did:web:participant.example",
    "party": "did:web:participant.example", "hash": "0" * 64, "amount": "1.00", "currency": "EUR",
    "url": "https://participant.example/", "iri": "urn:uuid:00000000-0000-0000-0000-000000000000", "fields": "$.name",
}  # fmt: skip


def sample(template: Template) -> dict[str, object]:
    """The policy with a sample in every slot that has to be filled; the others keep their defaults, or are left out."""
    needed = {n: s for n, s in template.slots.items() if not s.optional and (not s.default or "{" in s.default)}
    return fill(template.id, {name: _sample(slot) for name, slot in needed.items()})


def _sample(slot: Slot) -> str:
    if slot.type == "count":
        return str(slot.least)
    return _SAMPLES.get(slot.type) or next(iter(sorted(concepts(slot))))

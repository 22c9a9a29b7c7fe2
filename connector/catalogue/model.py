"""The neutral record of a dataset and its offers; each projection (DSP, DCAT) is made of it (spec/metadata.md 1.1)."""

from typing import Any, Literal

import msgspec

Visibility = Literal["members", "eligible"]
Countersignature = Literal["required", "preferred", "none"]
FORMATS = ("HttpData-PULL", "HttpData-PUSH")
"""What DSP `format` says of how data is had: fetched by the consumer over HTTPS, or sent to it (decision 0016)."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes come from: `location` is a path inside the participant's folder, or an https address.

    `bytes` and `sha256` are None for live sources.
    """

    id: str
    kind: Literal["file", "http"]
    location: str
    name: str
    media_type: str
    bytes: int | None
    sha256: str | None


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A published dataset. `version` is what contracts pin: the SHA-256 of the bytes, or of the description."""

    id: str
    source: str
    title: str
    version: str
    document: dict[str, Any]
    created_at: int
    changed_at: int

    @property
    def uuid(self) -> str:
        return self.id.rsplit("/", 1)[-1]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer on a dataset; `policy` is the ODRL document without `@id`, `@type` and `target`."""

    id: str
    dataset: str
    policy: dict[str, Any]
    digest: str
    visibility: Visibility
    countersignature: Countersignature
    template: dict[str, Any]
    state: Literal["published", "withdrawn"]
    created_at: int

    def for_catalogue(self) -> dict[str, Any]:
        """The offer as it stands in `hasPolicy`: no target there (spec/protocol.md 2.3)."""
        return {"@id": self.id, "@type": "Offer", **self.policy}

    def for_message(self) -> dict[str, Any]:
        """The offer as it stands in a message, where it names its target."""
        return {**self.for_catalogue(), "target": self.dataset}


class Described(msgspec.Struct, frozen=True):
    """What a catalogue tells of a dataset's `document`."""

    description: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    keywords: list[str] = []


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """An offer as it lies in the database: `policy` is the JSON text, which a catalogue passes on unread."""

    id: str
    policy: str
    digest: str
    visibility: Visibility
    countersignature: Countersignature
    created_at: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with those of its published offers that somebody may see; `document` is the JSON text."""

    id: str
    title: str
    version: str
    document: str
    words: str | None
    created_at: int
    changed_at: int
    offers: tuple[Terms, ...]

    @property
    def everyone(self) -> bool:
        """Whether all members see the same of it."""
        return all(offer.visibility == "members" for offer in self.offers)

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the order of publication."""
        return self.created_at, self.id

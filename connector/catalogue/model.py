"""The neutral record of a dataset and its offers; every projection (DSP, DCAT) is made from it (metadata.md 2.2)."""

from typing import Any, Literal

import msgspec

Visibility = Literal["members", "eligible"]
Countersignature = Literal["required", "preferred", "none"]
PULL = "HttpData-PULL"
"""The one DSP `format` that this release serves: the consumer fetches over HTTPS with a bearer token."""


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
        """The offer as it stands in `hasPolicy`: no target there (dataspace-protocol.md 1.2)."""
        return {"@id": self.id, "@type": "Offer", **self.policy}

    def for_message(self) -> dict[str, Any]:
        """The offer as it stands in a message, where it names its target."""
        return {**self.for_catalogue(), "target": self.dataset}

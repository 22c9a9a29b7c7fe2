"""The neutral record of a dataset and its offers; each projection (DSP, DCAT) is made of it (spec/metadata.md 1.1)."""

from typing import Any, Literal

import msgspec

from connector.kernel.metadata.record.model import Access, DatasetRecord

Visibility = Literal["members", "eligible"]
Countersignature = Literal["required", "preferred", "none"]
PERSONAL = "personal_data"
"""Member of a dataset's `document` where the data may be about persons: contracts then wait for data protection."""
SAMPLE = "809b349f753f639537e47462ab96055118ae803fb6286b4a19690d3ae4e4934e"
"""SHA-256 of the file that people practise with (`data/drafts/sample.csv`): no door publishes it (decision 0079)."""
FORMATS = ("HttpData-PULL", "HttpData-PUSH")
"""What DSP `format` says of how data is had: fetched by the consumer over HTTPS, or sent to it (decision 0016)."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A published dataset. `version` is what contracts pin: the SHA-256 of the bytes, or of the description.

    `document` is what contracts and peers are told of it, `record` all that is known; `revision` grows with each
    change, and `changed_at` (ms) with each change of description or bytes.
    """

    id: str
    source: str
    title: str
    version: str
    document: dict[str, Any]
    created_at: int
    changed_at: int
    record: DatasetRecord
    access: Access = "contract"
    state: Literal["published", "withdrawn"] = "published"
    revision: int = 1

    @property
    def uuid(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def personal(self) -> bool:
        """Whether the data may be about persons, as whoever published them said."""
        return self.document.get(PERSONAL) is True


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a list; `rules` are the templates of its offers. Times in ms."""

    id: str
    title: str
    state: Literal["published", "withdrawn"]
    access: Access
    created_at: int
    changed_at: int
    rules: tuple[str, ...] = ()

    @property
    def uuid(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the order of publication."""
        return self.created_at, self.id


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What was published of a dataset from `at` (ms) on; `source` had the bytes of this `version`."""

    number: int
    at: int
    action: Literal["published", "changed", "replaced", "withdrawn"]
    version: str
    source: str
    record: DatasetRecord


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


def record_of(title: str, document: dict[str, Any]) -> DatasetRecord:
    """The record of a dataset that was published before there were records: German, and only for members."""
    words = tuple(str(word) for word in document.get("keywords", ()))
    description = str(document.get("description") or "")
    return DatasetRecord(
        title={"de": title},
        description={"de": description} if description else {},
        keywords={"de": words} if words else {},
    )


class Described(msgspec.Struct, frozen=True):
    """What a catalogue tells of a dataset's `document`; `name` of the file only where everybody may download it."""

    name: str = ""
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
    record: str | None
    access: Access
    offers: tuple[Terms, ...]

    @property
    def everyone(self) -> bool:
        """Whether all members see the same of it."""
        return all(offer.visibility == "members" for offer in self.offers)

    @property
    def public(self) -> bool:
        """Whether everybody may read of it, members or not, also where no offer stands on it."""
        return self.access != "contract"

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the order of publication."""
        return self.created_at, self.id

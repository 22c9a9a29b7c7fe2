"""What a participant says of itself for all its datasets, as its row keeps it (spec/metadata-record.md 1.2).

Values are checked, and what follows from them is found, in `publisher`.
"""

import msgspec
from msgspec import UNSET, UnsetType


class PublisherDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As the row of the participant keeps it. `ars` twelve digits, `contributor` an IRI of the list of dcat-ap.de,
    `box` west, south, east, north in degrees."""

    ars: str = ""
    contact_name: str = ""
    contact_email: str = ""
    contact_url: str = ""
    contact_telephone: str = ""
    contributor: str = ""
    box: tuple[float, float, float, float] | None = None


class PublisherChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; an empty text takes a value away."""

    ars: str | UnsetType = UNSET
    contact_name: str | UnsetType = UNSET
    contact_email: str | UnsetType = UNSET
    contact_url: str | UnsetType = UNSET
    contact_telephone: str | UnsetType = UNSET
    contributor: str | UnsetType = UNSET
    box: tuple[float, float, float, float] | UnsetType | None = UNSET

    @property
    def said(self) -> dict[str, object]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}

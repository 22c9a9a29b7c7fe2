"""One dataset of ours with all that is known of it, its revisions, and the contracts that run on it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from connector.data.catalogue import public
from connector.data.catalogue.model import Dataset, Offer, Revision
from connector.data.sources.model import Source
from connector.exchange.contracts.model import Agreement
from connector.foundation.clock import rfc3339
from connector.identity.participants import succession
from connector.identity.participants.model import Participant
from connector.kernel.metadata.record.model import DatasetRecord
from connector.surfaces.views import status
from connector.surfaces.views.dataset import OfferTermsView, terms_of
from connector.surfaces.views.fields import Json, Time
from connector.surfaces.views.members import Members
from connector.surfaces.views.status import StatusView

FIELDS = (
    "title",
    "description",
    "keywords",
    "licence",
    "attribution",
    "themes",
    "frequency",
    "access",
    "periods",
    "hvd",
    "series",
    "version",
    "version_notes",
    "references",
    "distributions",
    "more",
)
"""Of a record, in the order in which a difference is told."""


class StoredFileView(msgspec.Struct, frozen=True, kw_only=True):
    """What is served; `bytes` and `sha256` are null for a live source."""

    name: str
    media_type: str
    bytes: int | None
    sha256: str | None


class RunningView(msgspec.Struct, frozen=True, kw_only=True):
    """A contract in force on the dataset; `partner` is a name, `counterparty` its DID. It keeps the version it pins."""

    agreement: str
    counterparty: str
    partner: str


class DatasetDetailsView(msgspec.Struct, frozen=True, kw_only=True):
    """`record` is what was said of it, `revision` what a change names as seen. `page` and `download` are addresses,
    empty if nobody but members sees it, or nobody gets the bytes without a contract."""

    dataset: str
    title: str
    version: str
    revision: int
    state: Literal["published", "withdrawn"]
    status: StatusView
    access: Literal["open", "announced", "contract"]
    created: Time
    changed: Time
    record: Json
    file: StoredFileView | None
    page: str
    download: str
    terms: list[OfferTermsView]
    running: list[RunningView]


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the record; `before` and `after` null where it was not said."""

    field: str
    before: Json
    after: Json


class RevisionView(msgspec.Struct, frozen=True, kw_only=True):
    """`differences` to the revision before; `version` what contracts pin, of the bytes or the description."""

    number: int
    at: Time
    action: Literal["published", "changed", "replaced", "withdrawn"]
    version: str
    differences: list[DifferenceView]


class HistoryView(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest revision first."""

    dataset: str
    title: str
    state: Literal["published", "withdrawn"]
    status: StatusView
    revisions: list[RevisionView]


def details(
    participant: Participant,
    one: Dataset,
    source: Source,
    offers: Sequence[Offer],
    running: Sequence[Agreement],
    members: Members,
) -> DatasetDetailsView:
    here = source.here
    page, download = addresses(participant, one, source)
    return DatasetDetailsView(
        dataset=one.id,
        title=one.title,
        version=one.version,
        revision=one.revision,
        state=one.state,
        status=status.dataset(one.state),
        access=one.access,
        created=rfc3339(one.created_at),
        changed=rfc3339(one.changed_at),
        record=msgspec.to_builtins(one.record),
        file=_file(source) if here else None,
        page=page,
        download=download,
        terms=[terms_of(offer) for offer in offers],
        running=[_running(each, members) for each in running],
    )


def addresses(participant: Participant, one: Dataset, source: Source) -> tuple[str, str]:
    """Of its page and of its open download; empty where there is none."""
    shown = one.state == "published" and one.access in public.PUBLIC
    place = succession.here(participant, one.id)
    page = public.landing_page(place) if shown else ""
    open_bytes = shown and one.access == "open" and source.here
    return page, public.download_address(place, source.name) if open_bytes else ""


def history(one: Dataset, revisions: Sequence[Revision]) -> HistoryView:
    before: Revision | None = None
    told: list[RevisionView] = []
    for each in revisions:
        told.append(
            RevisionView(
                number=each.number,
                at=rfc3339(each.at),
                action=each.action,
                version=each.version,
                differences=[] if before is None else differences(before.record, each.record),
            )
        )
        before = each
    return HistoryView(
        dataset=one.id, title=one.title, state=one.state, status=status.dataset(one.state), revisions=told
    )


def differences(before: DatasetRecord, after: DatasetRecord) -> list[DifferenceView]:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [
        DifferenceView(field=name, before=old.get(name), after=new.get(name))
        for name in FIELDS
        if old.get(name) != new.get(name)
    ]


def _file(source: Source) -> StoredFileView:
    return StoredFileView(name=source.name, media_type=source.media_type, bytes=source.bytes, sha256=source.sha256)


def _running(agreement: Agreement, members: Members) -> RunningView:
    return RunningView(
        agreement=agreement.id, counterparty=agreement.counterparty, partner=members.name(agreement.counterparty)
    )

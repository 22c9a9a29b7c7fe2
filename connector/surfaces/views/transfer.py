"""A transfer process under an agreement, in either role."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from connector.exchange.transfer.model import Held, Outcome, TransferRow
from connector.foundation.clock import rfc3339
from connector.surfaces.views import status
from connector.surfaces.views.fields import Sentences, Time, optional_sentences
from connector.surfaces.views.members import Members
from connector.surfaces.views.status import StatusView


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """`partner` is the name of the `counterparty` (a DID), `title` that of the dataset. `spaces` are the names of the
    data spaces through which both know each other. `file` is where what was received lies. Times with `_at` are
    milliseconds."""

    id: str
    role: str
    state: str
    status: StatusView
    agreement: str
    counterparty: str
    partner: str
    spaces: list[str]
    title: str
    format: str
    created_at: int
    changed_at: int
    created: Time
    changed: Time
    bytes: int
    sha256: str | None
    outcome: Outcome | None
    reason: Sentences | None
    held: Held | None
    file: str | None


class TransfersView(msgspec.Struct, frozen=True):
    transfers: list[TransferView]


def transfer(
    members: Members, own: str, row: TransferRow, titles: Mapping[str, str], file: Path | None
) -> TransferView:
    """`own` is the DID of the participant; `titles` are those of datasets by agreement."""
    return TransferView(
        id=row.id,
        role=str(row.kernel.role),
        state=row.shown,
        status=status.transfer(row.shown, row.outcome),
        agreement=row.agreement,
        counterparty=row.counterparty,
        partner=members.name(row.counterparty),
        spaces=members.spaces(own, row.counterparty),
        title=titles.get(row.agreement, ""),
        format=row.format,
        created_at=row.created_at,
        changed_at=row.changed_at,
        created=rfc3339(row.created_at),
        changed=rfc3339(row.changed_at),
        bytes=row.bytes,
        sha256=row.sha256,
        outcome=row.outcome,
        reason=optional_sentences(row.reason),
        held=row.held,
        file=None if file is None else str(file),
    )

"""A participant that moves to another operator: how far it is on either side, and what both sides sign."""

from collections.abc import Iterable

import msgspec

from connector.continuity.moving.arrival import ArrivalStatus
from connector.continuity.moving.departure import DepartureStatus
from connector.continuity.moving.store import ArrivalRow
from connector.identity.participants.model import Participant
from connector.surfaces.views.fields import Time, time
from connector.surfaces.views.participant import NamesakeView, namesakes


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: prepared, exported, handed or back, null without a move; `participant` is that of the participant.

    `to` is the new DID, `statement` the signed last word about the move. The numbers are what an archive has.
    """

    slug: str
    did: str
    participant: str
    state: str | None
    to: str | None
    fingerprint: str | None
    digest: str | None
    statement: str | None
    since: Time | None
    rows: int
    agreements: int
    records: int
    files: int
    bytes: int


class MoveStatementView(msgspec.Struct, frozen=True):
    """What the other side is to be given."""

    statement: str


class ArrivalView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is expected: `state` is waiting, imported, arrived or given-up. `address` is handed to the present
    operator, `fingerprint` compared with it, `receipt` given to it. `origin` is the DID that it comes from."""

    slug: str
    state: str
    did: str
    root: str
    address: str
    fingerprint: str
    origin: str | None
    name: str | None
    digest: str | None
    receipt: str | None
    since: Time | None
    rows: int = 0
    agreements: int = 0
    records: int = 0
    alike: list[NamesakeView] = []
    """Others here whom people could take for it, once it is known what it is called."""


class ArrivalsView(msgspec.Struct, frozen=True):
    """Places that are kept, and participants that rest here until they are handed over."""

    arrivals: list[ArrivalView]


def move(found: DepartureStatus) -> MoveView:
    row, plan = found.move, found.plan
    return MoveView(
        slug=found.slug,
        did=found.did,
        participant=found.participant,
        state=None if row is None else row.state,
        to=None if row is None else row.target.did,
        fingerprint=None if row is None else row.target.fingerprint,
        digest=None if row is None else row.digest or None,
        statement=None if row is None else row.statement or None,
        since=None if row is None else time(row.began_at),
        rows=plan.rows,
        agreements=plan.agreements,
        records=plan.records,
        files=plan.files,
        bytes=plan.bytes,
    )


def arrival(found: ArrivalRow) -> ArrivalView:
    return ArrivalView(
        slug=found.slug,
        state=found.state,
        did=found.target.did,
        root=found.target.root,
        address=found.target.text,
        fingerprint=found.target.fingerprint,
        origin=found.source.did or None,
        name=found.source.name or None,
        digest=found.digest or None,
        receipt=found.receipt or None,
        since=time(found.began_at),
    )


def arrived(found: ArrivalStatus, alike: Iterable[Participant]) -> ArrivalView:
    """The same with what has come."""
    return msgspec.structs.replace(
        arrival(found.arrival),
        rows=found.rows,
        agreements=found.agreements,
        records=found.records,
        alike=namesakes(alike),
    )

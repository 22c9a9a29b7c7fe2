"""Records of the log: how they compare with those of partners, what is held, what was erased."""

from collections.abc import Mapping

import msgspec

from connector.continuity.privacy.retention_store import Hold
from connector.exchange.reconciliation.compare import Finding
from connector.exchange.reconciliation.store import Compared
from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import Row
from connector.surfaces.views.fields import Time, time
from connector.surfaces.views.members import Members


class ComparisonView(msgspec.Struct, frozen=True, kw_only=True):
    """What both logs say of one agreement; `code` says why it could not be compared, or is empty.

    `compared` is `at`, `due` when it is looked at again (`due_at`), both in milliseconds.
    """

    agreement: str
    counterparty: str
    partner: str
    title: str
    state: str
    findings: tuple[Finding, ...]
    code: str
    at: int
    due_at: int
    compared: Time
    due: Time


class ComparisonsView(msgspec.Struct, frozen=True):
    comparisons: list[ComparisonView]


class HoldView(Hold, frozen=True, kw_only=True):
    """`standing` until it is lifted; `title` is that of the agreement, empty if all records are held."""

    standing: bool
    title: str
    set: Time
    lifted: Time | None


class HoldsView(msgspec.Struct, frozen=True):
    holds: list[HoldView]


class ErasedView(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the log whose content was erased: by whom (a role), why and when (`at` in milliseconds)."""

    type: str
    seq: int
    agreement: str | None
    leaf_index: int | None
    role: str
    ground: str
    at: int
    time: Time


class ClearedView(msgspec.Struct, frozen=True, kw_only=True):
    """How many values were cleared outside of the log, by table and column."""

    at: int
    time: Time
    cleared: dict[str, int]
    role: str
    ground: str


class ErasuresView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    erasures: list[ErasedView]
    clearings: list[ClearedView]


class _Clearing(msgspec.Struct, frozen=True):
    """What the body of such a record says."""

    cleared: dict[str, int]
    role: str
    ground: str


class _Record(msgspec.Struct, frozen=True):
    body: _Clearing


def comparison(members: Members, titles: Mapping[str, str], one: Compared) -> ComparisonView:
    return ComparisonView(
        **msgspec.structs.asdict(one),
        partner=members.name(one.counterparty),
        title=titles.get(one.agreement, ""),
        compared=rfc3339(one.at),
        due=rfc3339(one.due_at),
    )


def hold(titles: Mapping[str, str], one: Hold) -> HoldView:
    return HoldView(
        **msgspec.structs.asdict(one),
        standing=one.lifted_at is None,
        title=titles.get(one.agreement or "", ""),
        set=rfc3339(one.set_at),
        lifted=time(one.lifted_at),
    )


def erased(row: Row) -> ErasedView:
    return ErasedView(**row, time=rfc3339(row["at"]))


def cleared(row: Row) -> ClearedView:
    told = msgspec.json.decode(row["record"], type=_Record).body
    return ClearedView(at=row["at"], time=rfc3339(row["at"]), **msgspec.structs.asdict(told))

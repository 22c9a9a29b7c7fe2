"""For operators: health, questions that wait for a person, the trust list, the process and its clock."""

from collections.abc import Mapping

import msgspec

from connector.foundation.clock import rfc3339
from connector.surfaces.views.fields import Json, Time


class LiveView(msgspec.Struct, frozen=True):
    live: bool


class ReadyView(msgspec.Struct, frozen=True):
    """`checks` that are not true say what is not well."""

    ready: bool
    checks: dict[str, bool]


class StartedUpView(msgspec.Struct, frozen=True):
    started: bool


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """What the connector does not decide by itself: about which process or peer (`subject`), of which kind, with what
    it knows of it; `asked` is `asked_at`, in milliseconds."""

    id: str
    subject: str
    kind: str
    facts: dict[str, Json]
    asked_at: int
    asked: Time


class QuestionsView(msgspec.Struct, frozen=True):
    questions: list[QuestionView]


class AcceptedKeysView(msgspec.Struct, frozen=True):
    """The peer whose new keys count from now on."""

    did: str


class TrustListView(msgspec.Struct, frozen=True):
    """The version of the trust list that is in use."""

    version: int


class DatabaseView(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is path or address without a login."""

    kind: str
    id: str
    place: str


class SettingView(msgspec.Struct, frozen=True, kw_only=True):
    """`origin`: where the value came from; a secret is not shown."""

    value: str
    origin: str


class ProcessView(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    database: DatabaseView
    folder: str
    files: str
    settings: dict[str, SettingView]


class JumpView(msgspec.Struct, frozen=True, kw_only=True):
    """By how much the clock was set last since the start, and when."""

    seconds: float
    at: Time


class SkewView(msgspec.Struct, frozen=True, kw_only=True):
    """By how much our clock is ahead of a peer's."""

    did: str
    seconds: float


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """`doubt`: it was set so lately that nothing irrevocable may rest on it. `database`: by how many seconds our clock
    is ahead of that of the database."""

    now: Time
    doubt: bool
    jump: JumpView | None
    database: float
    peers: list[SkewView]


class LogWaitsView(msgspec.Struct, frozen=True, kw_only=True):
    """Since when states of the log have been waiting for a timestamp, or for that or a witness."""

    unstamped_since: Time | None
    untimed_since: Time | None


class QuotaView(msgspec.Struct, frozen=True):
    """A peer that may begin nothing new for now, because this quota is used up."""

    peer: str
    quota: str


class UndeliveredView(msgspec.Struct, frozen=True, kw_only=True):
    """Statements that an agreement ends which the partner does not have: `waiting` since the `oldest`, or `refused`."""

    waiting: int
    oldest: Time | None
    refused: int


class CountersignByView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that waits for a countersignature, how far that has got, and its deadline."""

    agreement: str
    counterparty: str
    partner: str
    title: str
    until: Time
    step: str


class FalseListView(msgspec.Struct, frozen=True, kw_only=True):
    """A list of a space that was not believed; `code`: trust.list-rollback, -fork or -other-space. With -unshown: one
    that `member` (DID) claims and does not show."""

    space: str
    name: str
    code: str
    member: str
    at: Time | None


class AttentionView(msgspec.Struct, frozen=True, kw_only=True):
    """`seal_until`: end of the seal certificate, null without one. `log_key_listed`: whether the trust list names the
    key that signs the log now, null if it does not name the participant. `seals_missing`: for each contract that waits
    for a seal of ours, the code of the reason. `countersign` is ordered by deadline.
    `false_lists`: of the last 30 days.
    """

    seal_until: Time | None
    log_key_listed: bool | None
    log: LogWaitsView
    seals_missing: list[str]
    over_quota: list[QuotaView]
    endings: UndeliveredView
    countersign: list[CountersignByView]
    false_lists: list[FalseListView]


def question(row: Mapping[str, object]) -> QuestionView:
    return msgspec.convert({**row, "asked": rfc3339(int(str(row["asked_at"])))}, QuestionView)

"""The life of an agreement: how it ends, who succeeded whom, old and new side by side."""

import msgspec

from connector.clock import rfc3339
from connector.contracts.agreement.termination_store import Succession, Termination
from connector.contracts.document.clause_diff import Row
from connector.contracts.model import Agreement, AgreementState
from connector.contracts.signing.progress import Progress
from connector.contracts.termination import statement
from connector.views.fields import Sentences, Time, sentences, time
from connector.views.status import StatusView


class TerminationView(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that it ends: by which side, whether it is `ours`, and how its delivery went (`answer`).

    `notice` is the day that it names, `effective` when it takes effect, `statement` the SHA-256 of what was sealed.
    """

    by: str
    ours: bool
    at: Time
    answer: str
    notice: Time | None
    effective: Time
    reason: Sentences
    statement: str


class SuccessionView(msgspec.Struct, frozen=True, kw_only=True):
    """The DID that stands in for another one, and since when."""

    predecessor: str
    successor: str
    since: Time


class NeighbourView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement before or after this one: since when it has been in force, and until when it was."""

    agreement: str
    digest: str
    since: Time | None
    ended: Time | None


class CountersigningView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the consumer's seal has got, and before when it is taken."""

    step: str
    until: Time | None


class LifeView(msgspec.Struct, frozen=True, kw_only=True):
    """`endings` are the statements of either side; `predecessor` is what this agreement took the place of (`replaces`
    its digest), `successor` what has taken its own."""

    agreement: str
    state: AgreementState
    status: StatusView
    counterparty: str
    partner: str
    dataset: str
    title: str
    expires: Time | None
    ended: Time | None
    replaces: str | None
    endings: list[TerminationView]
    successions: list[SuccessionView]
    predecessor: NeighbourView | None
    successor: NeighbourView | None
    countersigning: CountersigningView


class ClauseComparisonView(msgspec.Struct, frozen=True, kw_only=True, rename={"other": "with"}):
    """Not `complete` if one of the two cannot be said in sentences."""

    agreement: str
    other: str
    complete: bool
    rows: list[Row]


def termination(one: Termination) -> TerminationView:
    return TerminationView(
        by=one.side, ours=one.answer != "theirs", at=rfc3339(one.at), answer=one.answer,
        notice=time(one.notice), effective=rfc3339(one.effective),
        reason=sentences(statement.reason_of(one)), statement=one.sha256,
    )  # fmt: skip


def succession(one: Succession) -> SuccessionView:
    return SuccessionView(predecessor=one.predecessor, successor=one.successor, since=rfc3339(one.since))


def neighbour(agreement: Agreement | None) -> NeighbourView | None:
    return None if agreement is None else NeighbourView(
        agreement=agreement.id, digest=agreement.digest, since=time(agreement.finalized_at),
        ended=time(agreement.ended_at),
    )  # fmt: skip


def countersigning(found: Progress) -> CountersigningView:
    return CountersigningView(step=found.step, until=time(found.until))

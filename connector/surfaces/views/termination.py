"""The life of an agreement: how it ends, who succeeded whom, old and new side by side."""

import msgspec

from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.agreement.termination_store import Succession, Termination
from connector.exchange.contracts.document.clause_diff import Row
from connector.exchange.contracts.model import Agreement, AgreementState
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.signing.progress import Progress, progress
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.statement import Terminations
from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.views.agreement import agreement_status
from connector.surfaces.views.fields import Sentences, Time, sentences, time
from connector.surfaces.views.members import Members, PartOfView
from connector.surfaces.views.status import StatusView


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
    its digest), `successor` what has taken its own. `part_of`: whom the partner is part of by law, if it is."""

    agreement: str
    state: AgreementState
    status: StatusView
    counterparty: str
    partner: str
    part_of: PartOfView | None
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
        by=one.side,
        ours=one.answer != "theirs",
        at=rfc3339(one.at),
        answer=one.answer,
        notice=time(one.notice),
        effective=rfc3339(one.effective),
        reason=sentences(statement.reason_of(one)),
        statement=one.sha256,
    )


def succession(one: Succession) -> SuccessionView:
    return SuccessionView(predecessor=one.predecessor, successor=one.successor, since=rfc3339(one.since))


def neighbour(agreement: Agreement | None) -> NeighbourView | None:
    return (
        None
        if agreement is None
        else NeighbourView(
            agreement=agreement.id,
            digest=agreement.digest,
            since=time(agreement.finalized_at),
            ended=time(agreement.ended_at),
        )
    )


def countersigning(found: Progress) -> CountersigningView:
    return CountersigningView(step=found.step, until=time(found.until))


class Lives:
    """Shows them with the names that the trust list has for partners now."""

    def __init__(self, contracts: Contracts, terminations: Terminations, anchor: Anchor) -> None:
        self._contracts, self._terminations, self._members = contracts, terminations, Members(anchor)

    def one(self, tx: Tx, slug: str, name: str) -> LifeView:
        agreement, stated = self._terminations.of(tx, slug, name)
        old = None if agreement.replaces is None else termination_store.by_digest(tx, slug, agreement.replaces)
        return LifeView(
            agreement=agreement.id,
            state=agreement.state,
            status=agreement_status(tx, agreement, ending=agreement.in_force and bool(stated)),
            counterparty=agreement.counterparty,
            partner=self._members.name(agreement.counterparty),
            part_of=self._members.part_of(agreement.own_did, agreement.counterparty, tx.now),
            dataset=agreement.dataset,
            title=self._contracts.titles(tx, slug, [agreement.id])[agreement.id],
            expires=time(agreement.expires_at),
            ended=time(agreement.ended_at),
            replaces=agreement.replaces,
            endings=[termination(one) for one in stated],
            successions=[succession(one) for one in self._terminations.successions(tx, agreement)],
            predecessor=neighbour(old),
            successor=neighbour(termination_store.successor(tx, slug, agreement.digest)),
            countersigning=countersigning(progress(tx, self._contracts.agreements, agreement)),
        )

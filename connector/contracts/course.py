"""What we say next once a negotiation stands where it stands: the one place where Hanse negotiates.

Asked in the transaction that brought the negotiation there. A provider decides by the policy as it is published now,
and answers a request for other terms once, with its own; a consumer accepts what it asked for and asks a person about
anything else (decision 0012).
"""

from typing import Protocol, assert_never

import msgspec
from msgspec.structs import replace

from connector.catalogue.service import Catalogue
from connector.commit import SETTLING_MS
from connector.contracts.model import Case
from connector.contracts.moves import Moves
from connector.contracts.partner import Partner
from connector.contracts.records import DECISION
from connector.dialects import edc
from connector.errors import Unknown
from connector.policy.judge import Judge
from connector.protocol import messages as m
from connector.protocol.negotiation import State
from connector.protocol.process import Role
from connector.reasons import because
from connector.storage.database import Tx


class Turn(msgspec.Struct, frozen=True):
    """What the peer just said: who it is, the message, and the case before it (None: it is the first message)."""

    partner: Partner
    message: msgspec.Struct
    before: Case | None = None


class Course(Protocol):
    def stands(self, tx: Tx, case: Case, turn: Turn | None) -> Case:
        """The negotiation reached `case.kernel.state`, by the peer's word, or (no `turn`) by its answer to ours."""


class Deliberate:
    """The course of a real connector: everything that needs no person happens at once."""

    def __init__(self, moves: Moves, catalogue: Catalogue, judge: Judge) -> None:
        self._moves, self._catalogue, self._judge = moves, catalogue, judge

    def stands(self, tx: Tx, case: Case, turn: Turn | None) -> Case:
        state = case.kernel.state
        if turn is None or state is None:
            return case
        if case.kernel.role is Role.PROVIDER:
            return self._provides(tx, case, turn, state)
        return self._consumes(tx, case, turn, state)

    def _provides(self, tx: Tx, case: Case, turn: Turn, state: State) -> Case:
        match state:
            case State.REQUESTED | State.ACCEPTED:
                return self._decide(tx, case, turn)
            case State.VERIFIED:
                assert isinstance(turn.message, m.ContractAgreementVerificationMessage)
                seal = turn.message.agreement_signature or ""
                self._moves.errand(tx, case, "check-countersignature", seal=seal)
            case State.OFFERED | State.AGREED | State.FINALIZED | State.TERMINATED:
                pass  # the next word is the consumer's, or none
            case _:
                assert_never(state)
        return case

    def _consumes(self, tx: Tx, case: Case, turn: Turn, state: State) -> Case:
        match state:
            case State.OFFERED:
                return self._offered(tx, case, turn)
            case State.AGREED:
                self._moves.errand(tx, case, "countersign")
            case State.REQUESTED | State.ACCEPTED | State.VERIFIED | State.FINALIZED | State.TERMINATED:
                pass  # the next word is the provider's, or none
            case _:
                assert_never(state)
        return case

    def _decide(self, tx: Tx, case: Case, turn: Turn) -> Case:
        """By the offer as it is published now; a request for other terms gets ours, but only once."""
        try:
            offer, dataset = self._catalogue.published(tx, case.participant, turn.partner.seeker, case.offer)
        except Unknown:
            return self._moves.terminate(tx, case, "offer", because("contracts.offer-gone"))
        decision = self._judge.decide(
            offer.policy, turn.partner.seeker, "negotiation", tx.now, purpose=case.purpose, action=case.action
        )
        self._moves.record(tx, case, DECISION, {**self._judge.record(decision), "offer": offer.id})
        if not decision.permit:
            due_at = tx.now + SETTLING_MS if turn.before is None else None
            return self._moves.terminate(tx, case, "policy", self._judge.reasons(decision), due_at=due_at)
        asked = self._moves.agreements.deal(case.policy)
        if asked == offer.digest:
            return self._moves.agree(tx, case, turn.partner, offer, dataset)
        if asked == self._judge.digest(edc.echo(offer.policy)):
            as_published = replace(case, policy=offer.for_message())
            return self._moves.agree(tx, as_published, turn.partner, offer, dataset)
        if turn.before is None:
            return self._moves.offer(tx, case, offer.for_message())
        return self._moves.terminate(tx, case, "policy", because("contracts.other-policy"))

    def _offered(self, tx: Tx, case: Case, turn: Turn) -> Case:
        """What we asked for ourselves is accepted; whatever else is offered is for a person to read."""
        deal = self._moves.agreements.deal
        if turn.before is not None and deal(case.policy) == deal(turn.before.policy):
            return self._moves.accept(tx, case)
        self._moves.ask(tx, case, "offered" if turn.before is not None else "proposed")
        return case

"""What we may say in a negotiation: one method per message, each of which saves the state and puts the message down.

Nothing here decides whether to say it; the kernel alone refuses what may not be said now (`Illegal`).
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from connector.data.approvals.service import Approvals, Asked
from connector.data.catalogue.model import Dataset, Offer
from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import replacement
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.agreement.log_records import TERMINATION, record
from connector.exchange.contracts.document import draft, second_seal
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation import outgoing
from connector.exchange.contracts.partner import Partner
from connector.exchange.effects import Outbound, commit
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.ids import new_id
from connector.foundation.language.reasons import Reason, because, on_the_wire
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ProcessRef, ask, errand
from connector.identity.participants.service import Participants
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.effects import Effect
from connector.kernel.protocol.negotiation import Kind

SEAL = "seal"
"""Errand: ask whoever keeps our seal key for the seal of a contract that is drawn up; question: it cannot be had."""
_PASSING = frozenset({"signers.busy", "signers.paused"})
"""It is not asked right now; what stands behind that was said when it happened."""


class NegotiationSender:
    """Every method takes the case as it was last saved, or a new one, and gives back the case as it is saved now."""

    def __init__(self, participants: Participants, agreements: Agreements, approvals: Approvals) -> None:
        self._participants, self.agreements, self.approvals = participants, agreements, approvals

    def request(self, tx: Tx, case: NegotiationRow) -> NegotiationRow:
        """As consumer: the first request of a new case; it asks for `case.policy`."""
        case, effects, sent = _say(case, Kind.REQUEST)
        case = store.insert_case(tx, case)
        self.commit(tx, case, effects, {sent: outgoing.request(case, sent, self._base(case))})
        return case

    def propose(self, tx: Tx, case: NegotiationRow) -> NegotiationRow:
        """As provider: the first offer of a new case, to somebody who has not asked."""
        case, effects, sent = _say(case, Kind.OFFER)
        case = store.insert_case(tx, case)
        self.commit(tx, case, effects, {sent: outgoing.proposal(case, sent, self._base(case))})
        return case

    def offer(self, tx: Tx, case: NegotiationRow, policy: dict[str, Any]) -> NegotiationRow:
        """As provider: our terms instead of those that were asked for."""
        case, effects, sent = _say(replace(case, policy=policy, standing=case.policy), Kind.OFFER)
        return self._said(tx, case, effects, {sent: outgoing.offer(case, sent)})

    def counter(self, tx: Tx, case: NegotiationRow, policy: dict[str, Any]) -> NegotiationRow:
        """As consumer: other terms than those that were offered, or the same ones with what we want them for."""
        case, effects, sent = _say(replace(case, policy=policy, standing=case.policy), Kind.REQUEST)
        self.approvals.went_on(tx, case.participant, case.id)
        return self._said(tx, case, effects, {sent: outgoing.counter(case, sent)})

    def accept(self, tx: Tx, case: NegotiationRow) -> NegotiationRow:
        case, effects, sent = _say(case, Kind.ACCEPT)
        self.approvals.went_on(tx, case.participant, case.id)
        return self._said(tx, case, effects, {sent: outgoing.accepted(case, sent)})

    def agree(self, tx: Tx, case: NegotiationRow, partner: Partner, offer: Offer, dataset: Dataset) -> NegotiationRow:
        """As provider: draw up the contract, seal it and send it; a key elsewhere is asked first (`provider_seal`)."""
        agreement_id = new_id()
        drawn, plain = self.agreements.draw_up(tx, case, agreement_id, partner, offer, dataset)
        case = replace(case, agreement=agreement_id)
        if drawn.provider_jws is None:
            case = store.save_case(tx, case)
            self.errand(tx, case, SEAL)
        else:
            case = self.sealed(tx, case, plain, drawn.provider_jws)
        self.agreements.add(tx, drawn)
        return case

    def sealed(self, tx: Tx, case: NegotiationRow, plain: dict[str, Any], seal: str) -> NegotiationRow:
        """As provider: the contract as it was sealed goes to the consumer."""
        case, effects, sent = _say(case, Kind.AGREE)
        return self._said(
            tx, case, effects, {sent: outgoing.agreement(case, sent, plain, seal, self._second(tx, case))}
        )

    def verify(self, tx: Tx, case: NegotiationRow, seal: str | None, *, due_at: int | None = None) -> NegotiationRow:
        """As consumer: the agreement is what we asked for; `seal` is our countersignature. Sent at `due_at` (ms)."""
        case, effects, sent = _say(case, Kind.VERIFY)
        second = None if seal is None else self._second(tx, case)
        message = replace(outgoing.verification(case, sent, seal, second), due_at=due_at)
        return self._said(tx, case, effects, {sent: message})

    def finalize(
        self,
        tx: Tx,
        case: NegotiationRow,
        agreement: Agreement,
        *,
        due_at: int | None = None,
        kept: Mapping[str, EvidenceObject] | None = None,
    ) -> NegotiationRow:
        """As provider. From here on the peer may act on it, so our own view must not lag (spec/protocol.md 3.3).

        `agreement` is saved here, with the countersignature that it has or has not. It is sent at `due_at` (ms). What
        was to take the place of an agreement that another one has replaced meanwhile is terminated instead. `kept` as
        in `Agreements.finalized`.
        """
        if replacement.too_late(tx, agreement):
            self.agreements.countersigned(tx, agreement, agreement.consumer_jws)
            return self.terminate(tx, case, "replaced", because("endings.replaced-otherwise"))
        root = self._participants.held(case.participant).participant.root
        address = draft.evidence_address(root, agreement, agreement.consumer_jws)
        case, effects, sent = _say(case, Kind.FINALIZE)
        case = store.save_case(tx, case)
        self.agreements.finalized(tx, case, agreement, kept)
        self.commit(tx, case, effects, {sent: replace(outgoing.finalized(case, sent, address), due_at=due_at)})
        return case

    def terminate(
        self, tx: Tx, case: NegotiationRow, code: str, reason: Reason, *, due_at: int | None = None
    ) -> NegotiationRow:
        """As either; the agreement, if there is one, never comes into force. The peer hears of it at `due_at` (ms)."""
        case, effects, sent = _say(case, Kind.TERMINATE)
        self.approvals.went_on(tx, case.participant, case.id)
        self.agreements.close(tx, case)
        case = replace(case, reason=reason)
        message = replace(outgoing.termination(case, sent, code, on_the_wire(reason)), due_at=due_at)
        case = self._said(tx, case, effects, {sent: message})
        self.record(tx, case, TERMINATION, {"by": "us", "code": code, "reason": reason["de"]})
        return case

    # Beside the messages

    def ask(self, tx: Tx, case: NegotiationRow, question: str) -> None:
        """A person has to decide; the negotiation waits."""
        ask(tx, case.participant, case.id, question)

    def may_seal(self, tx: Tx, case: NegotiationRow, terms: str) -> bool:
        """As consumer: whether all who have to agree to terms with this digest have; else they are asked, and the
        negotiation waits."""
        asked = Asked(
            subject="offer",
            title=case.title,
            dataset=case.dataset,
            process=case.id,
            counterparty=case.counterparty,
            terms=terms,
            wanted=True,
            drafter="" if case.approval is None else case.approval.pseudonym,
        )
        held = self.approvals.contract(tx, case.participant, asked)
        if held is None or held.ballot.state == "approved":
            return True
        self.ask(tx, case, "approval")
        return False

    def errand(self, tx: Tx, case: NegotiationRow, work: str, *, due_at: int | None = None, **facts: str) -> None:
        errand(tx, process(case), work, due_at=due_at, **facts)

    def record(self, tx: Tx, case: NegotiationRow, type_: str, body: dict[str, object], actor: str = "system") -> None:
        record(tx, self._participants.held(case.participant).participant.did, case, type_, body, actor)

    def commit(
        self, tx: Tx, case: NegotiationRow, effects: tuple[Effect, ...], messages: dict[str, Outbound] | None = None
    ) -> None:
        commit(tx, process(case), effects, messages=messages)

    def _said(
        self, tx: Tx, case: NegotiationRow, effects: tuple[Effect, ...], messages: dict[str, Outbound]
    ) -> NegotiationRow:
        case = store.save_case(tx, case)
        self.commit(tx, case, effects, messages)
        return case

    def _second(self, tx: Tx, case: NegotiationRow) -> str | None:
        """Our second seal over the same, if we have a key for one."""
        if "seal-pq" not in self._participants.held(case.participant).signers:
            return None
        return second_seal.ours(object_store.objects(tx, case.participant, case.id), str(case.kernel.role))

    def _base(self, case: NegotiationRow) -> str:
        return self._participants.held(case.participant).participant.base


def by_us(fault: HanseError) -> bool:
    """Whether our own seal is what is missing, so that a person on our side has to see to it."""
    return isinstance(fault, Mistake) or (fault.code.startswith("signers.") and fault.code not in _PASSING)


def process(case: NegotiationRow) -> ProcessRef:
    return ProcessRef(
        participant=case.participant, noun="negotiation", id=case.id, to=case.counterparty, asked=case.asked
    )


def _say(case: NegotiationRow, kind: Kind) -> tuple[NegotiationRow, tuple[Effect, ...], str]:
    """Raises Illegal if we may not say that now."""
    sent = new_id()
    step = kernel.send(case.kernel, kind, sent)
    return replace(case, kernel=step.negotiation), step.effects, sent

"""Whether bytes may be handed out now: the decision at each data access (spec/data-plane.md 4.3).

Nothing is deferred any more: the policy is asked, and the counter locked and increased, in the transaction that lets
the bytes go (spec/policy.md 7.3, 8), whoever moves them.
"""

from connector.data.dataplane.gate import Access, Decision
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.transfer import store
from connector.exchange.transfer.decision import decision_store, use_counts
from connector.exchange.transfer.decision.agreement_now import History
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.decision.question import RefusedAccess, TransferDecision, decide_access
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.send import DEED, TransferSender
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review
from connector.identity.participants.acting import SERVE
from connector.kernel.protocol import transfer as kernel


class DataAccess:
    """Decides at each access, and counts what it permits as a use."""

    def __init__(self, agreements: Agreements, sender: TransferSender, decisions: TransferDecisions) -> None:
        self._agreements, self._sender, self._decisions = agreements, sender, decisions

    def entitled(self, tx: Tx, slug: str, flow: str, access: Access) -> Decision:
        """The decision at a data access: read, with the counters locked in this transaction, decide, write.

        What a review would hold is held from here on: the list may say something new since the last one.
        """
        process = store.process(tx, slug, flow)
        if process is None or not kernel.flowing(process.kernel):
            return Decision(permit=False, reasons=because("transfer.not-started"))
        row = self._agreements.get(tx, slug, access.agreement, access.counterparty)
        if not row.in_force:
            return Decision(permit=False, reasons=statement.over(tx, row).reason)
        if (refused := self._agreements.unentrusted(tx, slug, SERVE)) is not None:
            return Decision(permit=False, reasons=refused)
        agreement = self._decisions.load(tx, row)
        if agreement.moved_on is not None:
            return Decision(permit=False, reasons=agreement.moved_on)
        first = access.mark(tx)
        history = self._decisions.history(tx, agreement, lock=first)
        decided = decide_access(self._decisions.at_access(agreement, process, history, first), first)
        if isinstance(decided, RefusedAccess):
            if first:
                access.unmark(tx)  # what is refused is no use
            held = not self._decisions.standing(agreement, process, history).permits()
            if held:
                review(tx, slug, row.id, tx.now)
            return Decision(permit=False, held=held, reasons=self._refused(tx, process, decided.decision))
        if decided.use is not None:
            self._count(tx, row, process, decided.use, history)
        return Decision(permit=True, expires_at=decided.ends_at, during=decided.treatments)

    def serves(self, tx: Tx, slug: str) -> bool:
        """Whether anybody may hand out the participant's data now: what is open is cut where nobody may."""
        return self._agreements.served(tx, slug)

    def barred(self, tx: Tx, slug: str) -> Unavailable | None:
        """Why nothing may be handed out from here now whatever the contracts say; None: it may."""
        return self._agreements.barred(tx, slug, SERVE)

    def _refused(self, tx: Tx, process: TransferRow, decision: TransferDecision) -> Reason:
        self._decisions.book(tx, self._sender, process, decision)
        return because("dataplane.void") if decision.permit else self._decisions.reasons(decision)

    def _count(
        self, tx: Tx, agreement: Agreement, process: TransferRow, decision: TransferDecision, history: History
    ) -> None:
        """A use: the counters of the granting permission, the record, and the first of them is a deed."""
        use_counts.count(tx, agreement.participant, agreement.id, decision.decision.counters)
        self._decisions.book(tx, self._sender, process, decision, once=True)
        decision_store.note_use(
            tx, agreement.participant, agreement.id, process.id, process.counterparty, history.deeds
        )
        if self._agreements.accessed(tx, agreement):
            self._sender.record(tx, process, DEED, {"event": "first-access", "at": rfc3339(tx.now)})
            review(tx, agreement.participant, agreement.id, tx.now)  # deadlines may count from here

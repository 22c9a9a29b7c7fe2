"""What the data planes ask of transfers and report to them; each is one transaction (spec/data-plane.md 4.3).

At every data access nothing is deferred any more: the policy is asked, and the counter locked and increased, in the
transaction that lets the bytes go (spec/policy.md 7.3, 8), whoever moves them.
"""

from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Access, Decision
from connector.data.dataplane.receive.inbound import Expected
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.transfer import store
from connector.exchange.transfer.decision import decision_store, use_counts
from connector.exchange.transfer.decision.agreement_now import History
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.decision.question import RefusedAccess, TransferDecision, decide_access
from connector.exchange.transfer.model import Outcome, TransferRow
from connector.exchange.transfer.send import DEED, TRANSFER, TransferSender
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review
from connector.identity.participants.acting import SERVE
from connector.kernel.protocol import transfer as kernel
from connector.kernel.protocol.transfer import State


class Reports:
    """The ports of the planes on transfers."""

    def __init__(self, agreements: Agreements, sender: TransferSender, decisions: TransferDecisions) -> None:
        self._agreements, self._sender, self._decisions = agreements, sender, decisions

    def flow_of(self, tx: Tx, slug: str, process_id: str) -> tuple[TransferRow, flows.Flow] | None:
        """The transfer and its flow while bytes are to be moved from here; None once there is nothing to do."""
        process = store.process(tx, slug, process_id)
        flow = flows.find(tx, slug, process_id)
        if process is None or flow is None or not kernel.flowing(process.kernel) or flow.state != "STARTED":
            return None
        return (process, flow) if process.outcome is None else None

    def idle(self, tx: Tx, slug: str, process_id: str) -> bool:
        """Whether nothing is to be moved from here, locked: what changes it from now on finds our errand done."""
        store.process(tx, slug, process_id, lock=True)
        found = self.flow_of(tx, slug, process_id)
        return found is None or found[1].address is None

    def abandoned(self, tx: Tx, slug: str, process_id: str) -> bool:
        """Whether it has ended without its bytes, so that those that are here are not ours to keep."""
        process = store.process(tx, slug, process_id)
        if process is None or process.outcome == "received":
            return False
        return process.kernel.state is State.TERMINATED or kernel.terminating(process.kernel)

    def wanted(self, tx: Tx, slug: str, process_id: str) -> Expected | None:
        """How many bytes are still waited for; None once the transfer has its outcome."""
        process = store.process(tx, slug, process_id)
        if process is None or process.outcome is not None:
            return None
        agreement = self._agreements.get(tx, slug, process.agreement)
        return Expected(self._agreements.terms(tx, slug, agreement).bytes)

    def received(self, tx: Tx, slug: str, process_id: str, received: int, sha256: str) -> bool:
        """As consumer: all bytes are here and right. False if it had its outcome before."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return False
        process = replace(process, outcome="received", bytes=received, sha256=sha256)
        self._sender.record(tx, process, TRANSFER, {"event": "received", "bytes": received, "sha256": sha256})
        self._finish(tx, process)
        return True

    def sent(self, tx: Tx, slug: str, process_id: str) -> None:
        """As provider of a push: the receiver has said that it has everything."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is not None and process.outcome is None:
            self._finish(tx, replace(process, outcome="delivered"))

    def failed(self, tx: Tx, slug: str, process_id: str, outcome: Outcome, reason: Reason) -> None:
        """The bytes cannot be had, or cannot be delivered: refused by the peer, or not the agreed ones."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return
        process = replace(process, outcome=outcome, reason=reason)
        self._sender.record(tx, process, TRANSFER, {"event": outcome, "reason": reason["de"]})
        if process.kernel.state in kernel.TERMINAL or kernel.terminating(process.kernel):
            store.save(tx, process)
            return
        self._sender.terminate(tx, process, outcome, reason)

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

    def delivered(self, tx: Tx, slug: str, flow: str, sent: int, complete: bool, broken: str | None) -> None:
        """Books one data answer: its bytes, whole or cut."""
        flows.count_bytes(tx, slug, flow, sent, broken=broken is not None)
        process = store.moved(tx, slug, flow, sent)
        if process is None:
            return
        event = "broken" if broken else "sent" if complete else "part"
        self._sender.record(tx, process, TRANSFER, {"event": event, "bytes": sent, "cause": broken or ""})

    def _finish(self, tx: Tx, process: TransferRow) -> None:
        """Whoever moved the bytes says that it is done; while another message is under way the course says it later."""
        if process.kernel.state is State.STARTED and process.kernel.pending is None and not process.owned:
            self._sender.complete(tx, process)
        else:
            store.save(tx, process)

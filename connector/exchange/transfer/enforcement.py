"""What runs under an agreement follows its policy: held while it does not permit it, released once it does again.

Nothing is polled: a review is a timer of the agreement, due at the next instant at which time alone may change the
answer, or at once when something became known (a deed, another trust list). A hold closes the flow in the same
transaction, so that every replica cuts its streams; the peer is told by a suspension with the reason
(spec/policy.md 8.3).
"""

from collections.abc import Sequence, Set

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.transfer import store
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.decision.question import Question, TransferDecision, earliest
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.send import TransferSender
from connector.foundation.errors import Unknown
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review
from connector.kernel.protocol import transfer as kernel

SOON_MS = 1_000
"""How long an edge that should lie ahead and does not may wait: a review must not follow itself at once."""

PORTION = 25
"""Transfers reviewed in one transaction: a peer may have a thousand, and the single writer serves everybody."""


class Enforcement:
    """Reviews of all participants; every method names the participant."""

    def __init__(self, agreements: Agreements, sender: TransferSender, decisions: TransferDecisions) -> None:
        self._agreements, self._sender, self._decisions = agreements, sender, decisions

    def review(self, tx: Tx, slug: str, subject: str) -> None:
        """Judges what we provide under an agreement anew, in portions. Nothing happens where nothing changed.

        Once it is not in force any more all that is open under it ends, in either role.

        `subject` is the agreement, in a timer of a further portion with the last transfer of the one before.
        """
        agreement_id, _, after = subject.partition(" ")
        try:
            agreement = self._agreements.get(tx, slug, agreement_id)
        except Unknown:
            return
        among = store.running if agreement.in_force else store.open_under
        running = among(tx, slug, agreement.id, after, PORTION)
        if len(running) == PORTION:
            review(tx, slug, f"{agreement.id} {running[-1].id}", tx.now)
        if not agreement.in_force:
            self._end(tx, agreement, running)
        elif running and not (agreement.expires_at is not None and agreement.expires_at <= tx.now):
            self._review_each(tx, agreement, running)  # else the timer of its expiry ends it

    def concerned(self, tx: Tx, dids: Set[str]) -> Sequence[str]:
        """Participants with which something runs with one of these peers, in the scope of the worker."""
        return store.providing_to(tx, self._known_as(tx, dids))

    def members_changed(self, tx: Tx, slug: str, dids: Set[str] | None) -> None:
        """The trust list says something else of these peers, or of the participant itself (None), which may share no
        space with anybody now: what runs with them is reviewed at once, and what was tried in vain is tried again."""
        peers = None if dids is None else self._known_as(tx, dids)
        self._try_again(tx, slug, peers)
        for agreement in store.running_with(tx, slug, peers):
            review(tx, slug, agreement, tx.now)

    def _try_again(self, tx: Tx, slug: str, peers: Set[str] | None) -> None:
        """After a long suspension it would wait for minutes yet."""
        if waiting := outbox.put_off(tx, slug):
            transfers = store.unsettled_with(tx, slug, peers)
            for stream in waiting:
                if stream.partition(f"transfer:{slug}:")[2] in transfers:
                    outbox.hurry(tx, slug, stream)

    def _known_as(self, tx: Tx, dids: Set[str]) -> Set[str]:
        """Whoever has taken another's place goes on with what that one began."""
        return {name for did in dids for name in self._agreements.names(tx, did)}

    def _end(self, tx: Tx, agreement: Agreement, running: Sequence[TransferRow]) -> None:
        over = statement.over(tx, agreement)
        for process in running:
            if not _ending(process):
                self._sender.terminate(tx, process, over.code, over.reason)

    def _review_each(self, tx: Tx, row: Agreement, running: Sequence[TransferRow]) -> None:
        """Each anew, and once more when time may change the answer for one of them."""
        agreement = self._decisions.load(tx, row)
        history = self._decisions.history(tx, agreement)
        asked = [
            (process, self._decisions.standing(agreement, process, history))
            for process in running
            if not _ending(process)
        ]
        for process, standing in asked:
            self._apply(tx, process, standing)
        following = earliest(*(standing.next_change() for _, standing in asked))
        if following is not None:
            review(tx, row.participant, row.id, following if following > tx.now else tx.now + SOON_MS)

    def _apply(self, tx: Tx, process: TransferRow, standing: Question) -> None:
        """Most of the time nothing has changed, and nobody asks for reasons."""
        permit = standing.permits()
        if permit and process.held is not None:
            self._release(tx, process, standing.examine())
        elif not permit and kernel.flowing(process.kernel):
            self._hold(tx, process, standing.examine())

    def _hold(self, tx: Tx, process: TransferRow, decision: TransferDecision) -> None:
        if process.held is not None and process.kernel.pending is not None:
            return  # the flow is closed; the peer is told once it has answered what we said before
        self._decisions.book(tx, self._sender, process, decision)
        self._sender.hold(tx, process, decision.held, self._decisions.reasons(decision))

    def _release(self, tx: Tx, process: TransferRow, decision: TransferDecision) -> None:
        """Goes on, unless our suspension is still unanswered: the answer brings us back here."""
        if process.kernel.pending is not None and not kernel.flowing(process.kernel):
            return
        try:
            self._sender.release(tx, process)
        except Unknown:
            return  # its data are gone: it stays held, and what else runs under the agreement is still judged
        self._decisions.book(tx, self._sender, process, decision)


def _ending(process: TransferRow) -> bool:
    return kernel.terminating(process.kernel) or process.kernel.state in kernel.TERMINAL

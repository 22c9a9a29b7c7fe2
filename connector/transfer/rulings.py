"""What the policy of an agreement says of a transfer now: membership and kind are current, also under an old agreement.

At the request some clauses are deferred to the data access (policy.md 3.5 to 3.7); at the access none is.
"""

from typing import Protocol

from connector.contracts.model import Agreement
from connector.policy.evaluate import Decision
from connector.policy.judge import Judge, Seeker
from connector.policy.model import Phase
from connector.reasons import Reason
from connector.storage.database import Tx
from connector.transfer.model import Process


class Claims(Protocol):
    """What the trust list says of a DID now; None once it does not belong any more."""

    def seeker(self, did: str, now: int) -> Seeker | None: ...


class Rulings:
    """Decisions about transfers, with what the log keeps of them and what people are told."""

    def __init__(self, judge: Judge, claims: Claims) -> None:
        self._judge, self._claims = judge, claims

    def at_request(self, tx: Tx, agreement: Agreement, process: Process) -> Decision:
        """Whether it may begin. Of an agreement that has run out no access can come, so nothing is deferred."""
        over = agreement.expires_at is not None and agreement.expires_at <= tx.now
        return self._decide(tx, agreement, process, "access" if over else "transfer", 1)

    def at_access(self, tx: Tx, agreement: Agreement, process: Process, uses: int) -> Decision:
        """Whether bytes may flow; `uses` counts this access if it is the first of its flow."""
        return self._decide(tx, agreement, process, "access", uses)

    def reasons(self, ruling: Decision) -> Reason:
        return self._judge.reasons(ruling)

    def record(self, ruling: Decision) -> dict[str, object]:
        return self._judge.record(ruling)

    def _decide(self, tx: Tx, agreement: Agreement, process: Process, phase: Phase, uses: int) -> Decision:
        did, policy = process.counterparty, agreement.policy
        seeker = self._claims.seeker(did, tx.now) or Seeker(did=did, kind="")
        return self._judge.decide(
            policy, seeker, phase, tx.now, purpose=process.purpose, action=process.action,
            agreement_at=self._judge.signed_at(policy), uses=uses,
        )  # fmt: skip

"""What happens in the moment in which an agreement ends, whatever the cause: once, and in one transaction."""

from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.agreement.log_records import TERMINATION
from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review, timer
from connector.identity.audit import store as audit

DUE = "ending"
"""Timer of an agreement: the day comes for which notice was given, or it is looked at again after its end."""
AGAIN_MS = 30_000
"""Longer than any transaction: one that read the agreement while it was in force has committed by then."""


def end(tx: Tx, did: str, agreement: Agreement, body: dict[str, object]) -> None:
    """Nothing begins under it any more, and what runs is ended by a review that is due now.

    `did` is the participant's, `body` what its log says of the cause. Nothing happens if it was not in force.
    """
    if termination_store.end_agreement(tx, agreement.participant, agreement.id):
        record(tx, did, agreement, body)
        review(tx, agreement.participant, agreement.id, tx.now)
        timer(tx, agreement.participant, DUE, agreement.id, tx.now + AGAIN_MS)


def record(tx: Tx, did: str, agreement: Agreement, body: dict[str, object]) -> None:
    """An entry about the end of the agreement in the log of `did`."""
    whole = {"counterparty": agreement.counterparty, **body}
    audit.append(tx, agreement.participant, TERMINATION, agreement.id, "system", whole, did=did)

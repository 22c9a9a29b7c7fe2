"""SQL for people who look at one contract: what took its place, and what was asked about it. Reads only."""

from connector.contracts import store
from connector.contracts.model import Agreement
from connector.storage.database import Tx


def successor(tx: Tx, participant: str, digest: str) -> Agreement | None:
    """The agreement that came into force in the place of the one with this digest; None while there is none."""
    row = tx.one(
        "SELECT id FROM agreement WHERE participant = :participant AND replaces = :digest AND finalized_at IS NOT NULL"
        " AND state IN ('finalized', 'one-sided', 'ended') ORDER BY finalized_at, id LIMIT 1",
        participant=participant,
        digest=digest,
    )
    return None if row is None else store.agreement(tx, participant, str(row["id"]))


def asked(tx: Tx, participant: str, subject: str) -> frozenset[str]:
    """Kinds of the questions about a process that wait for a person."""
    rows = tx.all(
        "SELECT DISTINCT kind FROM question WHERE participant = :participant AND subject = :subject"
        " AND answered_at IS NULL",
        participant=participant,
        subject=subject,
    )
    return frozenset(str(row["kind"]) for row in rows)

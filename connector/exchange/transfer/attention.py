"""SQL for deliveries that came to nothing, for whoever has to know. Reads only."""

from typing import NamedTuple

from connector.foundation.storage.database import Tx

MOST = 200


class FailedDelivery(NamedTuple):
    """`role` is ours in it; `at` (ms) is when it last changed."""

    transfer: str
    agreement: str
    counterparty: str
    role: str
    at: int


def failed(tx: Tx, participant: str, since: int) -> list[FailedDelivery]:
    """Deliveries that were refused or broke off since then (ms), or that were ended before anything came."""
    rows = tx.all(
        "SELECT id, agreement, counterparty, role, changed_at FROM transfer WHERE participant = :participant"
        " AND changed_at > :since AND (outcome IN ('refused', 'broken')"
        " OR (state = 'TERMINATED' AND outcome IS NULL AND role = 'consumer')) ORDER BY changed_at DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST,
    )
    return [
        FailedDelivery(row["id"], row["agreement"], row["counterparty"], row["role"], int(row["changed_at"]))
        for row in rows
    ]

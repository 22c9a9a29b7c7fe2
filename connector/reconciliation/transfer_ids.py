"""Which transfer of the peer is which of ours: each side's log names a transfer by its own id."""

from collections.abc import Mapping

from connector.storage.database import Tx

MOST = 20_000


def ours_by_theirs(tx: Tx, participant: str, agreement: str) -> Mapping[str, str]:
    """Our ids by the peer's, of the newest `MOST` transfers under an agreement."""
    rows = tx.all(
        "SELECT id, peer_pid FROM transfer WHERE participant = :participant AND agreement = :agreement"
        " AND peer_pid IS NOT NULL ORDER BY created_at DESC LIMIT :limit",
        participant=participant,
        agreement=agreement,
        limit=MOST,
    )
    return {row["peer_pid"]: row["id"] for row in rows}

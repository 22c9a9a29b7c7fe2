"""Transfers of a participant that leaves: all that have not ended, in either role, end in portions (decision 0037)."""

import msgspec

from connector.exchange.transfer.service import Transfers
from connector.foundation.language.reasons import Reason
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.transfer import Transfer, terminating

_OPEN = (
    "SELECT id, kernel FROM transfer WHERE participant = :participant AND state NOT IN ('COMPLETED', 'TERMINATED')"
    " AND id > :after ORDER BY id LIMIT 200"
)


def unended(tx: Tx, slug: str) -> int:
    """How many transfers have not ended and are not being ended."""
    return len(open_transfers(tx, slug))


def end(tx: Tx, transfers: Transfers, slug: str, code: str, reason: Reason, limit: int) -> int:
    """Ends up to `limit` of them: flows close, streams are cut, peers are told; how many there were."""
    found = open_transfers(tx, slug)[:limit]
    for one in found:
        transfers.terminate(tx, slug, one, code, reason)
    return len(found)


def open_transfers(tx: Tx, participant: str) -> list[str]:
    """Ids of transfers that have not ended and that nobody is ending, in either role."""
    found: list[str] = []
    after = ""
    while page := tx.all(_OPEN, participant=participant, after=after):
        after = str(page[-1]["id"])
        found += [str(row["id"]) for row in page if not terminating(msgspec.json.decode(row["kernel"], type=Transfer))]
    return found

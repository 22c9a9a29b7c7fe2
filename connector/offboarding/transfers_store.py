"""SQL of the transfers that a participant that leaves has to end."""

import msgspec

from connector.protocol.transfer import Transfer, terminating
from connector.storage.database import Tx

_OPEN = (
    "SELECT id, kernel FROM transfer WHERE participant = :participant AND state NOT IN ('COMPLETED', 'TERMINATED')"
    " AND id > :after ORDER BY id LIMIT 200"
)


def open_transfers(tx: Tx, participant: str) -> list[str]:
    """Ids of transfers that have not ended and that nobody is ending, in either role."""
    found: list[str] = []
    after = ""
    while page := tx.all(_OPEN, participant=participant, after=after):
        after = str(page[-1]["id"])
        found += [str(row["id"]) for row in page if not terminating(msgspec.json.decode(row["kernel"], type=Transfer))]
    return found

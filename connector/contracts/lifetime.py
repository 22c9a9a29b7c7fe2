"""When an agreement is over, for whoever must know how long something about it is kept.

What was never in force is over since it was drawn up: nothing was owed under it.
"""

from connector.contracts import store
from connector.storage.database import Tx


def ended(tx: Tx, participant: str, agreement_id: str) -> int | None:
    """When it ended (ms); None while it goes on, or if it is not known here: then nothing of it is deleted."""
    found = store.agreement(tx, participant, agreement_id)
    if found is None or found.state == "signed":
        return None
    if found.state == "terminated":
        return found.created_at
    end = found.end
    return end if end is not None and end <= tx.now else None

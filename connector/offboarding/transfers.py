"""Transfers of a participant that leaves: all that have not ended, in either role, end in portions (decision 0037)."""

from connector.language.reasons import Reason
from connector.offboarding import transfers_store as store
from connector.storage.database import Tx
from connector.transfer.service import Transfers


def unended(tx: Tx, slug: str) -> int:
    """How many transfers have not ended and are not being ended."""
    return len(store.open_transfers(tx, slug))


def end(tx: Tx, transfers: Transfers, slug: str, code: str, reason: Reason, limit: int) -> int:
    """Ends up to `limit` of them: flows close, streams are cut, peers are told; how many there were."""
    found = store.open_transfers(tx, slug)[:limit]
    for one in found:
        transfers.terminate(tx, slug, one, code, reason)
    return len(found)

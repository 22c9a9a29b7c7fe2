"""Bytes of which somebody has said that they may be about persons: that stays, whichever dataset has them next.

Else whoever publishes them once more, and says nothing, needs nobody of data protection (spec/approvals.md 3).
"""

import msgspec

from connector.data.catalogue.model import PERSONAL
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.storage.database import Tx


def said(tx: Tx, participant: str, source: Source | None) -> bool:
    """Whether a dataset has or had just these bytes, or this live source, and was published as about persons."""
    if source is None or not source.here:
        return False
    rows = tx.all(
        "SELECT d.document AS document FROM source s JOIN dataset d ON d.participant = s.participant"
        " AND d.source = s.id WHERE s.participant = :participant AND s.location = :location"
        " AND s.parameters = :parameters",
        participant=participant,
        location=source.location,
        parameters=source_store.parameters(source),
    )
    return any(msgspec.json.decode(row["document"]).get(PERSONAL) is True for row in rows)

"""Legal holds: as long as one stands nothing that it covers is erased, whoever asks and whatever is due.

Setting and lifting are records of the log. They belong to no agreement's chain, because bundles go to the partner, and
that we expect a lawsuit is not its business.
"""

from connector.continuity.privacy import log_entries, retention_store
from connector.continuity.privacy.retention_store import Hold
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.audit import store
from connector.identity.audit.entry import HOLD

MOST = 500
"""Shown at once."""
LONGEST_ROLE, LONGEST_GROUND = 80, 500


def put(tx: Tx, slug: str, agreement: str | None, role: str, ground: str, *, did: str) -> Hold:
    """Holds one agreement, or with None all records of the participant; raises Mistake if role or ground is missing.

    Raises Unknown once the participant is being deleted: then it would hold nothing any more.
    """
    store.alone(tx, slug)
    if retention_store.going(tx, slug):
        raise Unknown("participants.unknown", slug=slug[:80])
    hold = Hold(
        id=new_uuid(),
        agreement=agreement,
        role=checked(role, LONGEST_ROLE),
        ground=checked(ground, LONGEST_GROUND),
        set_at=tx.now,
    )
    retention_store.insert_hold(tx, slug, hold)
    _record(tx, slug, hold, "set", hold.role, hold.ground, did)
    return hold


def lift(tx: Tx, slug: str, hold_id: str, role: str, ground: str, *, did: str) -> Hold:
    """Ends a hold; raises Unknown if it does not stand."""
    said_role, said_ground = checked(role, LONGEST_ROLE), checked(ground, LONGEST_GROUND)
    if not retention_store.lift_hold(tx, slug, hold_id, said_role, said_ground):
        raise Unknown("records.no-hold", id=hold_id[:80])
    found = retention_store.hold(tx, slug, hold_id)
    assert found is not None
    _record(tx, slug, found, "lifted", said_role, said_ground, did)
    return found


def checked(text: str, longest: int) -> str:
    """A role or a ground as it may stand in a record for good; raises Mistake, also if it says a pseudonym."""
    plain = " ".join(text.split())
    if not plain or len(plain) > longest or not plain.isprintable():
        raise Mistake("records.text", limit=longest)
    if log_entries.says(plain):
        raise Mistake("records.names")
    return plain


def _record(tx: Tx, slug: str, hold: Hold, event: str, role: str, ground: str, did: str) -> None:
    body = {"event": event, "hold": hold.id, "agreement": hold.agreement, "role": role, "ground": ground}
    store.append(tx, slug, HOLD, None, role, body, did=did)

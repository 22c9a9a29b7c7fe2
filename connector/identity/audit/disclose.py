"""Says in the log how far an agreement is told, before its records are shown to anybody (spec/records.md 5).

The record closes the chain of the agreement as it stands: later ones belong to the next telling. It is true when it is
written, in the same transaction that counts and at the place up to which it has counted; whoever shows less has to log
something untrue at a place that is taken.
"""

from collections.abc import Sequence
from typing import NamedTuple

from connector.foundation.storage.database import Tx
from connector.identity.audit import origins, store
from connector.identity.audit.entry import AGREEMENT, KEY
from connector.verify.checks import disclosure
from connector.verify.checks.records import TERMINATION

FRESH_MS = 3_600_000
"""So long the last telling is good enough while nothing new has happened: partners may ask as often as they like."""
IDLE_MS, IDLE = 20 * FRESH_MS, 3
"""So long once the last few records only say that nothing happened: who asks each hour, for years and about each of
thousands of agreements, must not fill the log. It is less than the day in which a manifest may be sealed behind it."""


class _Place(NamedTuple):
    """A record without what it says; `leaf` is its index, None until it is sealed."""

    type: str
    seq: int
    at: int
    leaf: int | None
    erased: bool


def tell(tx: Tx, participant: str, agreement: str, *, did: str, again: bool = False) -> bool:
    """Appends the record unless the newest one of the agreement is one, and fresh; `again`: in any case.

    False if nothing was added. Raises Conflict where another replica was faster: the unit runs again and finds it.
    """
    own = _places(tx, participant, agreement)
    if not any(one.type == AGREEMENT and not one.erased for one in own):
        return False  # nothing is left to show
    if not again and _good(tx, participant, own):
        return False
    body = disclosure.body(len(own), [one.seq for one in own if one.type == TERMINATION], _keys(tx, participant))
    store.append(tx, participant, disclosure.TOLD, agreement, "system", body, did=did, place=len(own))
    return True


def _keys(tx: Tx, participant: str) -> int:
    row = tx.one(
        "SELECT COUNT(*) AS n FROM audit_entry WHERE participant = :participant AND type = :type AND agreement IS NULL",
        participant=participant,
        type=KEY,
    )
    return 0 if row is None else int(row["n"])


def _places(tx: Tx, participant: str, agreement: str) -> list[_Place]:
    rows = tx.all(
        "SELECT type, seq, at, leaf_index, record IS NULL AS erased FROM audit_entry"
        " WHERE participant = :participant AND agreement = :agreement ORDER BY seq",
        participant=participant,
        agreement=agreement,
    )
    return [_Place(row["type"], row["seq"], row["at"], row["leaf_index"], bool(row["erased"])) for row in rows]


def attest(tx: Tx, participant: str, agreement: str, seq: int, *, did: str) -> None:
    """Before the record at `seq` is erased: a `told` record behind it keeps on saying whether it was an ending."""
    known = tx.one(
        "SELECT 1 FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type = :type"
        " AND seq > :seq LIMIT 1",
        participant=participant,
        agreement=agreement,
        type=disclosure.TOLD,
        seq=seq,
    )
    if known is None:
        tell(tx, participant, agreement, did=did, again=True)


def _good(tx: Tx, participant: str, own: Sequence[_Place]) -> bool:
    """One from the future is of a clock that was wrong. After a restore the log goes on under another origin: what was
    told under the former one is told anew.
    """
    last = own[-1]
    idle = len(own) > IDLE and all(one.type == disclosure.TOLD for one in own[-IDLE:])
    if last.type != disclosure.TOLD or last.erased or abs(tx.now - last.at) > (IDLE_MS if idle else FRESH_MS):
        return False
    if last.leaf is None:
        return True
    state = tx.one(
        "SELECT epoch FROM audit_seal WHERE participant = :participant AND size = :size",
        participant=participant,
        size=last.leaf + 1,
    )
    return state is not None and int(state["epoch"]) == origins.current(tx, participant)

"""How far the quorum of witnesses has come with one of our own logs, and since when (spec/records.md 3.3).

What an auditor would conclude from the published lines, not what we believe of them: the same policy, the same check.
"""

from typing import NamedTuple

from connector.dataspace.witness import cosignatures
from connector.foundation.storage.database import Tx
from connector.identity.audit import origins, sealer
from connector.verify.formats import checkpoint
from connector.verify.formats import cosignature as witness
from connector.verify.formats.cosignature import Policy
from connector.verify.formats.faults import Fault

MOST_STATES = 16
"""Of the newest states cosigned by enough witnesses so many are looked at for a complete quorum."""


class Said(NamedTuple):
    """The newest answer of one witness, by its name: `size` leaves, at `at` (ms)."""

    name: str
    size: int
    at: int


class Restore(NamedTuple):
    """The log went on under a new origin at `at` (ms), because its database had only `size` leaves, or others, where
    `witness` knew of `known`."""

    at: int
    size: int
    known: int
    witness: str


class Progress(NamedTuple):
    """`size` leaves are signed (0: none) since `sealed_at`; the quorum vouched for `quorum` of them at `quorum_at`.

    `quorum_at` is the time that the witnesses state, None while no quorum is complete under the present origin.
    `waiting_since` (ms): when the first state was signed that the quorum has not vouched for, None if it has for all.
    """

    epoch: int
    size: int
    sealed_at: int
    quorum: int
    quorum_at: int | None
    said: tuple[Said, ...]
    restore: Restore | None = None
    waiting_since: int | None = None


def progress(tx: Tx, participant: str, policy: Policy | None) -> Progress:
    """Under the present origin. Without a `policy` nobody can vouch."""
    epoch = origins.current(tx, participant)
    newest = sealer.latest(tx, participant, epoch)
    restore = _restore(tx, participant)
    if newest is None:
        return Progress(epoch, 0, 0, 0, None, (), restore)
    size, moment = (0, None) if policy is None else _quorum(tx, participant, epoch, policy)
    since = _since(tx, participant, epoch, size)
    return Progress(epoch, newest.size, newest.at, size, moment, _said(tx, participant, epoch), restore, since)


def _since(tx: Tx, participant: str, epoch: int, size: int) -> int | None:
    row = tx.one(
        "SELECT at FROM audit_seal WHERE participant = :participant AND epoch = :epoch AND size > :size"
        " AND checkpoint IS NOT NULL ORDER BY size LIMIT 1",
        participant=participant,
        epoch=epoch,
        size=size,
    )
    return None if row is None else int(row["at"])


def _quorum(tx: Tx, participant: str, epoch: int, policy: Policy) -> tuple[int, int | None]:
    rows = tx.all(
        "SELECT size FROM cosignature WHERE participant = :participant AND epoch = :epoch"
        " GROUP BY size HAVING COUNT(*) >= :fewest ORDER BY size DESC LIMIT :most",
        participant=participant,
        epoch=epoch,
        fewest=policy.fewest,
        most=MOST_STATES,
    )
    for row in rows:
        state = sealer.signed(tx, participant, int(row["size"]))
        if state is None or state.checkpoint is None:
            continue
        lines = cosignatures.cosigned(tx, participant, state.size)
        try:
            moment = witness.time_of(checkpoint.parse(state.checkpoint + lines), policy)
        except Fault:
            continue  # a line that does not hold spoils this state for every verifier
        if moment is not None:
            return state.size, moment
    return 0, None


def _said(tx: Tx, participant: str, epoch: int) -> tuple[Said, ...]:
    rows = tx.all(
        "SELECT witness, MAX(size) AS size, MAX(at) AS at FROM cosignature"
        " WHERE participant = :participant AND epoch = :epoch GROUP BY witness ORDER BY witness LIMIT 64",
        participant=participant,
        epoch=epoch,
    )
    return tuple(Said(row["witness"], int(row["size"]), int(row["at"])) for row in rows)


def _restore(tx: Tx, participant: str) -> Restore | None:
    """The last one; an origin that began with a move tells of none, and hides none."""
    row = tx.one(
        "SELECT at, size, known, witness FROM log_epoch WHERE participant = :participant AND former_root IS NULL"
        " ORDER BY epoch DESC LIMIT 1",
        participant=participant,
    )
    return None if row is None else Restore(int(row["at"]), int(row["size"]), int(row["known"]), row["witness"])

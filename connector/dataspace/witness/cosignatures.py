"""What witnesses put under our checkpoints, kept per size; rows are added and never changed (spec/records.md 3.2)."""

from typing import NamedTuple

from connector.foundation.storage.database import Row, Tx
from connector.foundation.storage.due import numbered
from connector.identity.audit import entry, origins
from connector.identity.audit.sealer import Batch, latest


class WitnessProgress(NamedTuple):
    """How far a witness has come with the log under its present origin: `size` leaves (0: none), at `at` (ms).

    `newest` is our newest signed checkpoint there, `agreed` whether it holds an agreement that this witness has not
    vouched for.
    """

    newest: Batch
    size: int
    at: int
    agreed: bool


def keep(tx: Tx, batch: Batch, witness: str, lines: str) -> None:
    """Store the lines of a witness under this checkpoint; the first ones stay, for their time is the earlier one."""
    tx.run(
        "INSERT INTO cosignature (participant, size, witness, epoch, lines, at)"
        " VALUES (:participant, :size, :witness, :epoch, :lines, :at) ON CONFLICT DO NOTHING",
        participant=batch.participant,
        size=batch.size,
        witness=witness,
        epoch=batch.epoch,
        lines=lines,
        at=tx.now,
    )


def cosigned(tx: Tx, participant: str, size: int) -> str:
    """All lines of witnesses under the checkpoint of `size`, to put behind the note; empty if there are none."""
    rows = tx.all(
        "SELECT lines FROM cosignature WHERE participant = :participant AND size = :size ORDER BY witness",
        participant=participant,
        size=size,
    )
    return "".join(row["lines"] for row in rows)


def published(tx: Tx, participant: str, epoch: int) -> str | None:
    """The newest checkpoint under an origin with the lines of its witnesses; None if nothing was signed there."""
    batch = latest(tx, participant, epoch)
    if batch is None or batch.checkpoint is None:
        return None
    return batch.checkpoint + cosigned(tx, participant, batch.size)


NEWEST = "SELECT max(t.size) FROM audit_seal t WHERE t.participant = p.id AND t.checkpoint IS NOT NULL"
WAITING = (
    "EXISTS (SELECT 1 FROM audit_seal s WHERE s.participant = p.id AND s.checkpoint IS NOT NULL AND s.size ="  # noqa: S608 constants
    f" ({NEWEST})"
    " AND (SELECT count(*) FROM cosignature c WHERE c.participant = p.id AND c.size = s.size) < :witnesses)"
)


def waiting(tx: Tx, witnesses: int) -> dict[str, int]:
    """Participants whose newest signed state not so many witnesses have vouched for, and the leaves of that; in the
    scope of the worker."""
    return numbered(tx, NEWEST, WAITING, witnesses=witnesses)


def standing(tx: Tx, participant: str, witness: str) -> WitnessProgress | None:
    """Where this witness stands; None while nothing is signed under the present origin."""
    epoch = origins.current(tx, participant)
    newest = latest(tx, participant, epoch)
    if newest is None:
        return None
    row = _last(tx, participant, witness, epoch)
    size, at = (0, 0) if row is None else (int(row["size"]), int(row["at"]))
    return WitnessProgress(newest, size, at, _agreed(tx, participant, size, newest.size))


def _agreed(tx: Tx, participant: str, after: int, size: int) -> bool:
    """Whether the newest sealed agreement record lies behind the first `after` leaves.

    Looks from the newest on; the plus keeps SQLite from sorting the whole log for it.
    """
    row = tx.one(
        "SELECT leaf_index FROM audit_entry WHERE participant = :participant AND type = :type"
        " AND +leaf_index < :size ORDER BY id DESC LIMIT 1",
        participant=participant,
        type=entry.AGREEMENT,
        size=size,
    )
    return row is not None and int(row["leaf_index"]) >= after


def _last(tx: Tx, participant: str, witness: str, epoch: int) -> Row | None:
    return tx.one(
        "SELECT size, at FROM cosignature WHERE participant = :participant AND witness = :witness AND epoch = :epoch"
        " ORDER BY size DESC LIMIT 1",
        participant=participant,
        witness=witness,
        epoch=epoch,
    )

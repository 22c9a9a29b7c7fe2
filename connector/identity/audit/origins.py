"""The origins of a log: one whose database came back from a backup, or whose participant moved to another operator,
goes on under a new one (spec/records.md 2.5).

Under the old origin others may hold checkpoints of more leaves than the database still has. To sign those sizes again
would be a fork, so nothing more is signed there. The tree itself goes on: what stood in it keeps its place.
"""

from connector.foundation.storage.database import Tx
from connector.identity.audit import store

TYPE = "log-origin"
PAUSE_MS = 3_600_000
"""A log changes its origin at most once an hour, whatever witnesses say."""
OWN = "own"
"""In place of a witness's name: we ourselves knew of more, beside the database (`audit.marks`)."""
DOUBLINGS = 12
"""A size is said without proof: each origin that was opened on one witness's word doubles how long its next word waits,
up to half a year."""


def current(tx: Tx, participant: str) -> int:
    """The epoch that is signed now."""
    row = tx.one("SELECT MAX(epoch) AS epoch FROM log_epoch WHERE participant = :participant", participant=participant)
    return 0 if row is None or row["epoch"] is None else int(row["epoch"])


def open_next(tx: Tx, participant: str, did: str, root: str, known: int, witness: str, *, after: int = 0) -> int | None:
    """Opens the next epoch because `witness` knows `known` leaves under the present origin; None if that is too soon.

    Too soon is within an hour of the last that witnesses wanted, and of the last on this one's word within one that
    doubles each time. `after`: epochs up to this one are known elsewhere, though this database may have lost them.
    """
    epoch = current(tx, participant)
    last = tx.one(
        "SELECT at FROM log_epoch WHERE participant = :p AND epoch = :epoch AND witness <> :own",
        p=participant,
        epoch=epoch,
        own=OWN,
    )
    if last is not None and tx.now - int(last["at"]) < PAUSE_MS:
        return None
    words = tx.one(
        "SELECT COUNT(*) AS n, MAX(at) AS at FROM log_epoch WHERE participant = :p AND witness = :witness",
        p=participant,
        witness=witness,
    )
    if words is not None and words["n"] and tx.now - int(words["at"]) < PAUSE_MS << min(int(words["n"]) - 1, DOUBLINGS):
        return None
    return begin(tx, participant, did, root, known, witness, after=after)


def begin(
    tx: Tx, participant: str, did: str, root: str, known: int, witness: str, *, after: int = 0, left: str | None = None
) -> int | None:
    """Opens the epoch behind the present one and behind `after`, at once; None if another replica was faster.

    The last checkpoint that this database has is recorded in the new log; an unsigned batch moves there. `left`: the
    root that the participant had before, if it has moved: its log does not go on there, and nothing was lost.
    """
    epoch = current(tx, participant)
    opened = max(epoch, after) + 1
    newest = tx.one(
        "SELECT size, checkpoint FROM audit_seal WHERE participant = :p AND checkpoint IS NOT NULL AND epoch = :epoch"
        " ORDER BY size DESC LIMIT 1",
        p=participant,
        epoch=epoch,
    )
    size, note = (0, None) if newest is None else (int(newest["size"]), str(newest["checkpoint"]))
    added = tx.run(
        "INSERT INTO log_epoch (participant, epoch, size, known, witness, note, at, former_root)"
        " VALUES (:participant, :epoch, :size, :known, :witness, :note, :at, :left) ON CONFLICT DO NOTHING",
        participant=participant,
        epoch=opened,
        size=size,
        known=known,
        witness=witness,
        note=note,
        at=tx.now,
        left=left,
    )
    if not added:
        return None
    tx.run(
        "UPDATE audit_seal SET epoch = :epoch WHERE participant = :participant AND checkpoint IS NULL",
        participant=participant,
        epoch=opened,
    )
    body = {
        "origin": origin(root, opened),
        "before": origin(root if left is None else left, epoch),
        "size": size,
        "known": known,
        "witness": witness,
        "checkpoint": note,
    }
    store.append(tx, participant, TYPE, None, "system", body, did=did)
    return opened


def origin(root: str, epoch: int = 0) -> str:
    """The log's name: the participant's root without scheme, then `/log/<epoch>`."""
    return f"{root.removeprefix('https://')}/log/{epoch}"

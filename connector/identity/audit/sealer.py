"""The sealer: takes entries up to a safe horizon into the tree, then signs size and root (spec/records.md 2.3).

Order: assign indices (commit), sign, store the checkpoint (commit), publish. A crash between any two is resumed: a
batch without checkpoint is signed before another is taken, and what is published is always stored. A record that tells
how far an agreement goes (`verify.told`) is the last of its batch. Each checkpoint belongs to the origin that was in
force when it was stored.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from connector.foundation.errors import Defect
from connector.foundation.storage.at_rest import at_rest
from connector.foundation.storage.database import Conflict, Database, Row, Tx, long
from connector.foundation.storage.due import having
from connector.foundation.storage.postgres.horizon import horizon_clause
from connector.identity.audit import merkle, origins, tiles
from connector.identity.audit.merkle import Frontier, Node
from connector.identity.audit.origins import origin as origin
from connector.identity.audit.store import alone
from connector.verify.checks import disclosure
from connector.verify.formats import base64url, checkpoint

log = structlog.get_logger("audit")
MOST = 1_000
"""Entries per batch: one commit, one signature."""
PORTION = 50
"""Entries that one statement numbers."""


class LogSigner(Protocol):
    """A log key: `Ed25519`, or `ML-DSA-44` beside it."""

    @property
    def alg(self) -> str: ...
    @property
    def public_jwk(self) -> dict[str, str]: ...
    def sign(self, data: bytes) -> bytes: ...


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `audit_seal`: the tree of `size` leaves. `checkpoint` is None until it is signed."""

    participant: str
    size: int
    root: bytes
    frontier: Frontier
    checkpoint: str | None
    at: int
    epoch: int = 0


def waiting(tx: Tx) -> list[str]:
    """Participants with entries to seal or a batch to sign; in the worker's scope."""
    rows = tx.all(
        "SELECT participant FROM audit_entry WHERE leaf_index IS NULL"
        " UNION SELECT participant FROM audit_seal WHERE checkpoint IS NULL ORDER BY participant"
    )
    return [row["participant"] for row in rows]


@long
@at_rest
def assign(tx: Tx, participant: str, limit: int = MOST) -> Batch | None:
    """The next batch to sign: an unsigned one if there is one, else the next entries get their indices. None: done.

    Raises Conflict if another sealer was faster.
    """
    alone(tx, participant)  # else two sealers could give one index to different entries
    last = _last(tx, participant)
    if last is not None and last.checkpoint is None:
        return _moved(tx, last)
    waiting = tx.all(
        "SELECT id, leaf, type FROM audit_entry WHERE participant = :participant AND leaf_index IS NULL"  # noqa: S608
        f"{horizon_clause(tx)} ORDER BY id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    if not waiting:
        return None
    entries = _to_told(waiting)
    before = merkle.NOTHING if last is None else last.frontier
    _number(tx, participant, entries, before.size)
    grown: list[Node] = []
    frontier = before.append((merkle.leaf_hash(row["leaf"]) for row in entries), grown)
    tiles.keep(tx, participant, grown)
    return _insert(tx, participant, frontier)


UNSEALED = (
    "EXISTS (SELECT 1 FROM audit_entry e WHERE e.participant = p.id AND e.leaf_index IS NULL)"
    " OR EXISTS (SELECT 1 FROM audit_seal s WHERE s.participant = p.id AND s.checkpoint IS NULL"
    " AND s.size = (SELECT max(t.size) FROM audit_seal t WHERE t.participant = p.id))"
)
"""Entries without a place, or a newest batch that nobody signed."""


def unsealed(tx: Tx) -> list[str]:
    """Participants whose logs have something to seal, in the scope of the worker."""
    return having(tx, UNSEALED)


def sign(batch: Batch, log: str, signers: Sequence[LogSigner]) -> str:
    """The signed note over the batch's tree; `log` is the origin. An own ML-DSA line carries the batch's time."""
    lines = [_line(batch, log, signer) for signer in signers]
    return "".join([checkpoint.text_of(log, batch.size, batch.root), "\n", *lines])


@at_rest
def keep(tx: Tx, participant: str, size: int, note: str, epoch: int = 0) -> None:
    """Store the checkpoint of a batch. The first one stays: two for one size could differ in nothing but time.

    A note under an origin that is no longer in force is dropped; the batch is then signed anew.
    """
    if origins.current(tx, participant) != epoch:
        return
    tx.run(
        "UPDATE audit_seal SET checkpoint = :note"
        " WHERE participant = :participant AND size = :size AND epoch = :epoch AND checkpoint IS NULL",
        participant=participant,
        size=size,
        epoch=epoch,
        note=note,
    )


def latest(tx: Tx, participant: str, epoch: int | None = None) -> Batch | None:
    """The newest signed batch, under any origin or under that of one epoch."""
    which = "" if epoch is None else " AND epoch = :epoch"
    row = tx.one(
        "SELECT * FROM audit_seal WHERE participant = :participant AND checkpoint IS NOT NULL"  # noqa: S608
        f"{which} ORDER BY size DESC LIMIT 1",
        participant=participant,
        **({} if epoch is None else {"epoch": epoch}),
    )
    return None if row is None else _batch(row)


def signed(tx: Tx, participant: str, size: int) -> Batch | None:
    """The signed batch of exactly this size."""
    row = tx.one(
        "SELECT * FROM audit_seal WHERE participant = :participant AND size = :size AND checkpoint IS NOT NULL",
        participant=participant,
        size=size,
    )
    return None if row is None else _batch(row)


def _to_told(entries: Sequence[Row]) -> Sequence[Row]:
    """Up to the first record that says how far something is told: it closes a state of its own (`verify.told`)."""
    ends = next((at for at, row in enumerate(entries, 1) if row["type"] == disclosure.TOLD), len(entries))
    return entries[:ends]


async def seal(database: Database, participant: str, root: str, signers: Sequence[LogSigner]) -> Batch | None:
    """Seal all that waits, batch by batch, under the origin in force below `root`; the newest signed batch."""
    await _complete(database, participant)
    while (batch := await database.write(participant, assign, participant)) is not None:
        note = sign(batch, origin(root, batch.epoch), signers)
        await database.write(participant, keep, participant, batch.size, note, batch.epoch)
    return await database.read(participant, latest, participant)


async def _complete(database: Database, participant: str) -> None:
    """Before a batch adds nodes of its own: a log that was sealed before they were kept gets those of its past."""
    newest = await database.read(participant, _last, participant)
    if newest is None or not await database.read(participant, tiles.lacking, participant, newest.size):
        return
    try:
        while not await database.write(participant, tiles.complete, participant, newest.size):
            pass
    except Defect as gap:  # leaves are gone: tiles and proofs say so; the log itself goes on
        log.error("audit.gap", participant=participant, why=str(gap))


def _last(tx: Tx, participant: str) -> Batch | None:
    row = tx.one(
        "SELECT * FROM audit_seal WHERE participant = :participant ORDER BY size DESC LIMIT 1",
        participant=participant,
    )
    return None if row is None else _batch(row)


def _moved(tx: Tx, batch: Batch) -> Batch:
    """An unsigned batch is signed under the origin in force, whichever was when it was made."""
    epoch = origins.current(tx, batch.participant)
    if epoch == batch.epoch:
        return batch
    tx.run(
        "UPDATE audit_seal SET epoch = :epoch WHERE participant = :p AND size = :size AND checkpoint IS NULL",
        epoch=epoch,
        p=batch.participant,
        size=batch.size,
    )
    return msgspec.structs.replace(batch, epoch=epoch)


def _number(tx: Tx, participant: str, entries: Sequence[Row], start: int) -> None:
    for first in range(0, len(entries), PORTION):
        some = entries[first : first + PORTION]
        numbers = {f"id{n}": row["id"] for n, row in enumerate(some)}
        numbers |= {f"index{n}": start + first + n for n in range(len(some))}
        changed = tx.run(
            "UPDATE audit_entry SET leaf_index = numbered.column2"  # noqa: S608 names
            f" FROM (VALUES {', '.join(f'(:id{n}, :index{n})' for n in range(len(some)))}) AS numbered"
            " WHERE participant = :participant AND id = numbered.column1 AND leaf_index IS NULL",
            participant=participant,
            **numbers,
        )
        if changed != len(some):
            raise Conflict("audit_entry")


def _insert(tx: Tx, participant: str, frontier: Frontier) -> Batch:
    batch = Batch(
        participant=participant,
        size=frontier.size,
        root=frontier.root(),
        frontier=frontier,
        checkpoint=None,
        at=tx.now,
        epoch=origins.current(tx, participant),
    )
    added = tx.run(
        "INSERT INTO audit_seal (participant, size, root, frontier, at, epoch)"
        " VALUES (:participant, :size, :root, :frontier, :at, :epoch) ON CONFLICT DO NOTHING",
        participant=participant,
        size=batch.size,
        root=batch.root,
        frontier=frontier.pack(),
        at=batch.at,
        epoch=batch.epoch,
    )
    if not added:
        raise Conflict("audit_seal")
    return batch


def _batch(row: Row) -> Batch:
    return Batch(
        participant=row["participant"],
        size=row["size"],
        root=row["root"],
        frontier=Frontier.unpack(row["size"], row["frontier"]),
        checkpoint=row["checkpoint"],
        at=row["at"],
        epoch=row["epoch"],
    )


def _line(batch: Batch, log: str, signer: LogSigner) -> str:
    match signer.alg:
        case "Ed25519":
            public = base64url.decode(signer.public_jwk["x"])
            signature = signer.sign(checkpoint.text_of(log, batch.size, batch.root).encode())
            return checkpoint.line_of(log, checkpoint.key_id(log, checkpoint.ED25519, public), signature)
        case "ML-DSA-44":
            public = base64url.decode(signer.public_jwk["pub"])
            seconds = batch.at // 1000
            message = checkpoint.cosigned_message(log, seconds, log, batch.size, batch.root)
            signature = seconds.to_bytes(8) + signer.sign(message)
            return checkpoint.line_of(log, checkpoint.key_id(log, checkpoint.ML_DSA_44, public), signature)
        case other:
            raise Defect("audit.log-key", alg=other)

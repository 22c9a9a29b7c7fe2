"""The sealer: takes entries up to a safe horizon into the tree, then signs size and root (contracts.md 16.2).

Order: assign indices (commit), sign, store the checkpoint (commit), publish. A crash between any two is resumed: a
batch without checkpoint is signed before another is taken, and what is published is always stored.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from connector.audit import merkle
from connector.audit.merkle import Frontier
from connector.errors import Defect
from connector.storage.database import Conflict, Database, Row, Tx
from connector.storage.horizon import horizon_clause
from connector.verify import base64url, checkpoint

MOST = 1_000
"""Entries per batch: one commit, one signature."""


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


def origin(root: str, epoch: int = 0) -> str:
    """The log's name: the participant's root without scheme, then `/log/<epoch>`."""
    return f"{root.removeprefix('https://')}/log/{epoch}"


def waiting(tx: Tx) -> list[str]:
    """Participants with entries to seal or a batch to sign; in the worker's scope."""
    rows = tx.all(
        "SELECT participant FROM audit_entry WHERE leaf_index IS NULL"
        " UNION SELECT participant FROM audit_seal WHERE checkpoint IS NULL ORDER BY participant"
    )
    return [row["participant"] for row in rows]


def assign(tx: Tx, participant: str, limit: int = MOST) -> Batch | None:
    """The next batch to sign: an unsigned one if there is one, else the next entries get their indices. None: done.

    Raises Conflict if another sealer was faster.
    """
    last = _last(tx, participant)
    if last is not None and last.checkpoint is None:
        return last
    entries = tx.all(
        "SELECT id, leaf FROM audit_entry WHERE participant = :participant AND leaf_index IS NULL"  # noqa: S608
        f"{horizon_clause(tx)} ORDER BY id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    if not entries:
        return None
    before = merkle.NOTHING if last is None else last.frontier
    _number(tx, participant, entries, before.size)
    return _insert(tx, participant, before.append(merkle.leaf_hash(row["leaf"]) for row in entries))


def sign(batch: Batch, log: str, signers: Sequence[LogSigner]) -> str:
    """The signed note over the batch's tree; `log` is the origin. An own ML-DSA line carries the batch's time."""
    lines = [_line(batch, log, signer) for signer in signers]
    return "".join([checkpoint.text_of(log, batch.size, batch.root), "\n", *lines])


def keep(tx: Tx, participant: str, size: int, note: str) -> None:
    """Store the checkpoint of a batch. The first one stays: two for one size could differ in nothing but time."""
    tx.run(
        "UPDATE audit_seal SET checkpoint = :note"
        " WHERE participant = :participant AND size = :size AND checkpoint IS NULL",
        participant=participant,
        size=size,
        note=note,
    )


def latest(tx: Tx, participant: str) -> Batch | None:
    """The newest signed batch."""
    row = tx.one(
        "SELECT * FROM audit_seal WHERE participant = :participant AND checkpoint IS NOT NULL"
        " ORDER BY size DESC LIMIT 1",
        participant=participant,
    )
    return None if row is None else _batch(row)


async def seal(
    database: Database, participant: str, log: str, signers: Sequence[LogSigner], *, scope: str | None = None
) -> Batch | None:
    """Seal all that waits, batch by batch; the newest signed batch. `scope` is the participant's unless given."""
    where = participant if scope is None else scope
    while (batch := await database.write(where, assign, participant)) is not None:
        await database.write(where, keep, participant, batch.size, sign(batch, log, signers))
    return await database.read(where, latest, participant)


def _last(tx: Tx, participant: str) -> Batch | None:
    row = tx.one(
        "SELECT * FROM audit_seal WHERE participant = :participant ORDER BY size DESC LIMIT 1",
        participant=participant,
    )
    return None if row is None else _batch(row)


def _number(tx: Tx, participant: str, entries: Sequence[Row], start: int) -> None:
    for index, row in enumerate(entries, start):
        changed = tx.run(
            "UPDATE audit_entry SET leaf_index = :index"
            " WHERE participant = :participant AND id = :id AND leaf_index IS NULL",
            participant=participant,
            id=row["id"],
            index=index,
        )
        if not changed:
            raise Conflict("audit_entry")


def _insert(tx: Tx, participant: str, frontier: Frontier) -> Batch:
    batch = Batch(
        participant=participant,
        size=frontier.size,
        root=frontier.root(),
        frontier=frontier,
        checkpoint=None,
        at=tx.now,
    )
    added = tx.run(
        "INSERT INTO audit_seal (participant, size, root, frontier, at)"
        " VALUES (:participant, :size, :root, :frontier, :at) ON CONFLICT DO NOTHING",
        participant=participant,
        size=batch.size,
        root=batch.root,
        frontier=frontier.pack(),
        at=batch.at,
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

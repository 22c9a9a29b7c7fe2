"""SQL of participants that leave: their state, their last row, and which of their evidence an operator holds."""

import msgspec
from msgspec.structs import asdict

from connector.foundation.storage.at_rest import COLUMNS, SHARED, TURN
from connector.foundation.storage.database import Row, Tx, for_update


class LifecycleState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a participant is on its way out; times in milliseconds. Of a deleted one nothing else is left."""

    id: str
    did: str
    name: str
    state: str
    closing_reason: str | None
    closed_at: int | None
    deleted_at: int | None


def standing(tx: Tx, participant: str) -> LifecycleState | None:
    row = tx.one(f"SELECT {COLUMNS} FROM participant WHERE id = :id", id=participant)  # noqa: S608 constants
    return None if row is None else _standing(row)


def all_dids(tx: Tx, participant: str) -> tuple[str, ...]:
    """The DID that it has, or had, and those of before."""
    row = tx.one("SELECT did, former FROM participant WHERE id = :id", id=participant)
    return () if row is None else (row["did"], *msgspec.json.decode(row["former"], type=tuple[str, ...]))


_TURN = TURN.format(id=":id")
_SHARED = SHARED.format(id=":id")


def held_open(tx: Tx, participant: str) -> LifecycleState | None:
    """The same, and until this unit commits the participant cannot begin to leave: so it is read once in a unit."""
    if participant != tx.scope:
        return _held_open(tx, participant)
    if tx.standing is None:
        found = _held_open(tx, participant)
        tx.standing = None if found is None else asdict(found)
        return found
    return _standing(tx.standing)


def _held_open(tx: Tx, participant: str) -> LifecycleState | None:
    if tx.dialect != "postgres":
        return standing(tx, participant)
    row = tx.one(_SHARED, id=participant)
    return None if row is None else _standing(row)


def alone(tx: Tx, participant: str) -> LifecycleState | None:
    """The same, once every unit has ended that holds it open or adds a row of it; the next ones wait for this one."""
    if tx.dialect == "postgres":
        tx.one(f"SELECT pg_advisory_xact_lock({_TURN})", id=participant)
    statement = f"SELECT {COLUMNS} FROM participant WHERE id = :id"  # noqa: S608 constants
    row = tx.one(statement + for_update(tx), id=participant)
    return None if row is None else _standing(row)


def leaving(tx: Tx) -> list[LifecycleState]:
    """All participants that have begun to leave, those that are gone too."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM participant WHERE state IN ('closing', 'closed', 'deleting', 'deleted')"  # noqa: S608
        " ORDER BY id"
    )
    return [_standing(row) for row in rows]


def begin(tx: Tx, participant: str, reason: str) -> None:
    tx.standing = None
    tx.run(
        "UPDATE participant SET state = 'closing', closing_reason = :reason WHERE id = :id",
        id=participant,
        reason=reason,
    )


def close(tx: Tx, participant: str) -> None:
    tx.standing = None
    tx.run("UPDATE participant SET state = 'closed', closed_at = :now WHERE id = :id", id=participant, now=tx.now)


def begin_deleting(tx: Tx, participant: str) -> None:
    tx.standing = None
    tx.run("UPDATE participant SET state = 'deleting' WHERE id = :id", id=participant)


def mark_deleted(tx: Tx, participant: str) -> None:
    """Keeps of a participant who it was, when it went, and the address that nobody else may get."""
    tx.standing = None
    tx.run(
        "UPDATE participant SET state = 'deleted', deleted_at = :now, kind = '', operator = '', closing_reason = NULL"
        " WHERE id = :id",
        id=participant,
        now=tx.now,
    )


def works(tx: Tx, did: str) -> bool:
    """Whether somebody here has this DID who has neither moved nor left."""
    row = tx.one("SELECT state FROM participant WHERE did = :did", did=did)
    return row is not None and row["state"] not in ("moved", "deleting", "deleted")


def set_state(tx: Tx, participant: str, before: str, after: str) -> bool:
    """False if it is in another state than `before`."""
    tx.standing = None
    changed = tx.run(
        "UPDATE participant SET state = :after WHERE id = :id AND state = :before",
        id=participant,
        before=before,
        after=after,
    )
    return changed == 1


def at_rest_alone(tx: Tx, participant: str) -> None:
    """Once every unit has ended that writes for the participant; later ones see its state (`storage/at_rest.py`)."""
    if tx.dialect == "postgres":
        tx.one("SELECT pg_advisory_xact_lock(hashtextextended(:id, 1))", id=participant)


def remove(tx: Tx, participant: str) -> None:
    """The row of a participant that never arrived."""
    tx.standing = None
    tx.run("DELETE FROM participant WHERE id = :id AND state = 'arriving'", id=participant)


def revoke_tokens(tx: Tx, participant: str) -> None:
    """Nothing that was handed out opens data any more."""
    tx.run("DELETE FROM access_token WHERE participant = :participant", participant=participant)


def handed(tx: Tx, participant: str, agreement: str, sha256: str, records: int) -> None:
    tx.run(
        "INSERT INTO handover (participant, agreement, sha256, records, at)"
        " VALUES (:participant, :agreement, :sha256, :records, :now)"
        " ON CONFLICT (participant, agreement) DO UPDATE SET sha256 = :sha256, records = :records, at = :now",
        participant=participant,
        agreement=agreement,
        sha256=sha256,
        records=records,
        now=tx.now,
    )


def _standing(row: Row) -> LifecycleState:
    return msgspec.convert(dict(row), LifecycleState)

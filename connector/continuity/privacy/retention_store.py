"""SQL of erasure and of legal holds. The one place where a record of the log is emptied: leaf and index stay.

Every function names the participant. `store.alone` comes first in a unit that erases or that sets a hold, so that of
the two one sees the other.
"""

from collections.abc import Sequence

import msgspec

from connector.continuity.privacy.retention import STAYS, Kept
from connector.foundation.storage.database import Row, Tx
from connector.identity.audit.entry import AGREEMENT, CLEARING, KEY

_COLUMNS = "id, type, seq, at, agreement, leaf_index"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `hold`: on one agreement, or on all of the participant's records if `agreement` is None. Times in ms."""

    id: str
    agreement: str | None
    role: str
    ground: str
    set_at: int
    lifted_at: int | None = None
    lifted_role: str | None = None
    lifted_ground: str | None = None


def sealed_size(tx: Tx, participant: str) -> int:
    """How many leaves the newest signed checkpoint covers."""
    row = tx.one(
        "SELECT max(size) AS size FROM audit_seal WHERE participant = :participant AND checkpoint IS NOT NULL",
        participant=participant,
    )
    return 0 if row is None or row["size"] is None else int(row["size"])


def page(tx: Tx, participant: str, after: int, before: int, limit: int) -> list[Kept]:
    """Sealed records that are still there, from before that instant (ms), by id behind `after`."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM audit_entry WHERE participant = :participant AND record IS NOT NULL"  # noqa: S608
        " AND leaf_index IS NOT NULL AND id > :after AND at < :before ORDER BY id LIMIT :limit",
        participant=participant,
        after=after,
        before=before,
        limit=limit,
    )
    return [_kept(row) for row in rows]


def one(tx: Tx, participant: str, entry: int) -> Kept | None:
    """The record of that row, if it is still there."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM audit_entry WHERE participant = :participant AND id = :id"  # noqa: S608
        " AND record IS NOT NULL",
        participant=participant,
        id=entry,
    )
    return None if row is None else _kept(row)


def holding(tx: Tx, participant: str, text: str, after: int, limit: int) -> list[tuple[Kept, bytes]]:
    """Records whose bytes hold this text somewhere, with their bytes, by id behind `after`."""
    found = "instr(record, :text) > 0" if tx.dialect == "sqlite" else "position(:text IN record) > 0"
    rows = tx.all(
        f"SELECT {_COLUMNS}, record FROM audit_entry WHERE participant = :participant"  # noqa: S608 constants
        f" AND record IS NOT NULL AND id > :after AND {found} ORDER BY id LIMIT :limit",
        participant=participant,
        after=after,
        text=text.encode(),
        limit=limit,
    )
    return [(_kept(row), bytes(row["record"])) for row in rows]


def needed(tx: Tx, participant: str, record: Kept) -> bool:
    """Whether something that is kept refers to this record (see `retention`)."""
    match record.type:
        case "agreement":
            return _any(
                tx,
                f"agreement = :agreement AND type NOT IN ({_STAYS}, '{AGREEMENT}')",
                participant,
                agreement=record.agreement,
            )
        case "key":
            newer = _any(tx, f"type = '{KEY}' AND agreement IS NULL AND id > :id", participant, id=record.id)
            return not newer or _any(tx, f"type = '{AGREEMENT}'", participant)
        case _:
            return False


def proven(tx: Tx, participant: str, agreement: str) -> bool:
    """Whether an agreement record of it is still there."""
    return _any(tx, f"agreement = :agreement AND type = '{AGREEMENT}'", participant, agreement=agreement)


_STAYS = ", ".join(f"'{name}'" for name in sorted(STAYS))


def _any(tx: Tx, which: str, participant: str, **values: object) -> bool:
    statement = f"SELECT 1 FROM audit_entry WHERE participant = :participant AND record IS NOT NULL AND {which} LIMIT 1"  # noqa: S608 constants
    return tx.one(statement, participant=participant, **values) is not None


def grouped(tx: Tx, participant: str) -> list[tuple[str, str | None, int, int]]:
    """Type, agreement, how many records that are still there, and when the newest of them is of (ms)."""
    rows = tx.all(
        "SELECT type, agreement, count(*) AS n, max(at) AS newest FROM audit_entry WHERE participant = :participant"
        " AND record IS NOT NULL GROUP BY type, agreement ORDER BY type, agreement",
        participant=participant,
    )
    return [(row["type"], row["agreement"], int(row["n"]), int(row["newest"])) for row in rows]


def younger(tx: Tx, participant: str, type_: str, agreement: str | None, since: int) -> int:
    """How many of these records are there from after that instant (ms)."""
    about = "agreement IS NULL" if agreement is None else "agreement = :agreement"
    row = tx.one(
        "SELECT count(*) AS n FROM audit_entry WHERE participant = :participant AND record IS NOT NULL"  # noqa: S608
        f" AND type = :type AND at > :since AND {about}",
        participant=participant,
        type=type_,
        since=since,
        **({} if agreement is None else {"agreement": agreement}),
    )
    return 0 if row is None else int(row["n"])


def note_erasure(tx: Tx, participant: str, entry: int, role: str, ground: str) -> bool:
    """False if that record was erased before."""
    added = tx.run(
        "INSERT INTO erasure (participant, entry, role, ground, at) VALUES (:participant, :entry, :role, :ground, :now)"
        " ON CONFLICT DO NOTHING",
        participant=participant,
        entry=entry,
        role=role,
        ground=ground,
        now=tx.now,
    )
    return added == 1


def empty(tx: Tx, participant: str, entry: int) -> bool:
    """Deletes record and salt of a sealed entry; False if there was nothing to delete."""
    emptied = tx.run(
        "UPDATE audit_entry SET record = NULL, salt = NULL WHERE participant = :participant AND id = :id"
        " AND leaf_index IS NOT NULL AND record IS NOT NULL",
        participant=participant,
        id=entry,
    )
    return emptied == 1


def tombstones(tx: Tx, participant: str, limit: int) -> list[Row]:
    """The newest erasures: `type`, `seq`, `agreement`, `leaf_index` of what went, with role, ground and time (ms)."""
    return tx.all(
        "SELECT e.type, e.seq, e.agreement, e.leaf_index, x.role, x.ground, x.at FROM erasure x JOIN audit_entry e"
        " ON e.participant = x.participant AND e.id = x.entry WHERE x.participant = :participant"
        " ORDER BY x.at DESC, x.entry DESC LIMIT :limit",
        participant=participant,
        limit=limit,
    )


def clearings(tx: Tx, participant: str, limit: int) -> list[Row]:
    """The newest records of what was cleared outside of the log: `at` (ms) and `record`, its bytes."""
    return tx.all(
        "SELECT at, record FROM audit_entry WHERE participant = :participant AND type = :type AND record IS NOT NULL"
        " ORDER BY id DESC LIMIT :limit",
        participant=participant,
        type=CLEARING,
        limit=limit,
    )


def going(tx: Tx, participant: str) -> bool:
    """Whether it is being, or has been, deleted; for whoever is `alone`, it stays so until the end of the unit."""
    found = tx.one(
        "SELECT 1 FROM participant WHERE id = :participant AND state IN ('deleting', 'deleted')",
        participant=participant,
    )
    return found is not None


def insert_hold(tx: Tx, participant: str, hold: Hold) -> None:
    tx.run(
        "INSERT INTO hold (participant, id, agreement, role, ground, set_at)"
        " VALUES (:participant, :id, :agreement, :role, :ground, :set_at)",
        participant=participant,
        id=hold.id,
        agreement=hold.agreement,
        role=hold.role,
        ground=hold.ground,
        set_at=hold.set_at,
    )


def lift_hold(tx: Tx, participant: str, hold_id: str, role: str, ground: str) -> bool:
    """False if it does not stand (any more)."""
    lifted = tx.run(
        "UPDATE hold SET lifted_at = :now, lifted_role = :role, lifted_ground = :ground"
        " WHERE participant = :participant AND id = :id AND lifted_at IS NULL",
        participant=participant,
        id=hold_id,
        role=role,
        ground=ground,
        now=tx.now,
    )
    return lifted == 1


def hold(tx: Tx, participant: str, hold_id: str) -> Hold | None:
    row = tx.one(
        "SELECT * FROM hold WHERE participant = :participant AND id = :id", participant=participant, id=hold_id
    )
    return None if row is None else _hold(row)


def holds(tx: Tx, participant: str, limit: int) -> list[Hold]:
    """Those that stand first, then the newest."""
    rows = tx.all(
        "SELECT * FROM hold WHERE participant = :participant"
        " ORDER BY CASE WHEN lifted_at IS NULL THEN 0 ELSE 1 END, set_at DESC, id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [_hold(row) for row in rows]


def standing(tx: Tx, participant: str) -> frozenset[str | None]:
    """The agreements under a hold; None among them: everything is."""
    rows: Sequence[Row] = tx.all(
        "SELECT DISTINCT agreement FROM hold WHERE participant = :participant AND lifted_at IS NULL",
        participant=participant,
    )
    return frozenset(row["agreement"] for row in rows)


def _kept(row: Row) -> Kept:
    return Kept(row["id"], row["type"], row["seq"], row["at"], row["agreement"], row["leaf_index"])


def _hold(row: Row) -> Hold:
    return Hold(**{name: row[name] for name in Hold.__struct_fields__})

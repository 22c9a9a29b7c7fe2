"""SQL of what a log shows of chosen records of one agreement, a page at a time."""

from connector.audit.store import Entry, entry_of
from connector.storage.database import Tx


def sealed(
    tx: Tx, participant: str, agreement: str, types: tuple[str, ...], after: int, size: int, limit: int
) -> list[Entry]:
    """Records of these types, erased ones too, that stand behind the index `after` and before `size`, in that order.

    Walks the chain of the agreement from the record at `after` on, which is the order of the log: the plus keeps
    SQLite from walking the log of everybody instead.
    """
    names, values = _named(types)
    rows = tx.all(
        f"SELECT * FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type IN ({names})"  # noqa: S608
        " AND +leaf_index > :after AND +leaf_index < :size AND seq > COALESCE((SELECT seq FROM audit_entry"
        " WHERE participant = :participant AND leaf_index = :after AND agreement = :agreement), -1)"
        " ORDER BY seq LIMIT :limit",
        participant=participant,
        agreement=agreement,
        after=after,
        size=size,
        limit=limit,
        **values,
    )
    return [entry_of(row) for row in rows]


def bodies(tx: Tx, participant: str, agreement: str, types: tuple[str, ...], limit: int) -> list[Entry]:
    """The newest records of these types, sealed or not, in the order of their chain."""
    names, values = _named(types)
    rows = tx.all(
        f"SELECT * FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type IN ({names})"  # noqa: S608
        " ORDER BY seq DESC LIMIT :limit",
        participant=participant,
        agreement=agreement,
        limit=limit,
        **values,
    )
    return [entry_of(row) for row in reversed(rows)]


def waiting(tx: Tx, participant: str, agreement: str, types: tuple[str, ...], size: int) -> int:
    """How many records of these types are not covered by the tree of `size` leaves."""
    names, values = _named(types)
    row = tx.one(
        "SELECT count(*) AS n FROM audit_entry WHERE participant = :participant AND agreement = :agreement"  # noqa: S608
        f" AND type IN ({names}) AND (leaf_index IS NULL OR leaf_index >= :size)",
        participant=participant,
        agreement=agreement,
        size=size,
        **values,
    )
    return 0 if row is None else int(row["n"])


def _named(types: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Placeholders for a list of types, and their values."""
    return ", ".join(f":type{at}" for at in range(len(types))), {f"type{at}": name for at, name in enumerate(types)}

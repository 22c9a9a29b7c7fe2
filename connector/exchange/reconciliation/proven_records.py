"""What a log shows of chosen records: each with its proof to the newest signed checkpoint, page by page, bounded.

Only what is sealed is shown; how many wait is said.
"""

import msgspec

from connector.exchange.contracts.evidence.export import line
from connector.foundation.storage.database import Tx
from connector.identity.audit import tiles
from connector.identity.audit.sealer import Batch, latest
from connector.identity.audit.store import Entry, entry_of
from connector.verify.checks import records

LINES, BYTES = 120, 131_072
"""Of one page; a line goes on the page as long as it is not full."""


class Shown(msgspec.Struct, frozen=True):
    """`lines` are canonical JSON, one record or erased record each; `more`: there are others behind the last index."""

    lines: tuple[bytes, ...]
    more: bool
    waiting: int


class Window:
    """The signed tree of one moment, within one transaction. `note` is None while nothing is signed."""

    def __init__(self, tx: Tx, participant: str) -> None:
        self._tx, self._participant = tx, participant
        self._batch: Batch | None = latest(tx, participant)
        self._proofs = tiles.Proofs(tx, participant)
        self._lines = self._bytes = 0

    @property
    def note(self) -> str | None:
        return None if self._batch is None else self._batch.checkpoint

    @property
    def size(self) -> int:
        return 0 if self._batch is None else self._batch.size

    def consistency(self, old: int) -> list[bytes]:
        """That the signed tree begins with the one of `old` leaves; empty if there is nothing to prove."""
        return self._proofs.consistency(old, self.size) if 0 < old < self.size else []

    def page(self, agreement: str, types: tuple[str, ...], after: int) -> Shown:
        """Records of these types behind the index `after`, in the order of the log."""
        room = max(0, LINES - self._lines)
        found = sealed(self._tx, self._participant, agreement, types, after, self.size, room + 1)
        shown = list[bytes]()
        for one in found[:room]:
            if self._bytes >= BYTES:
                break
            proof = self._proofs.inclusion(one.index or 0, self.size)
            shown.append(records.write([line(one, proof)]).rstrip(b"\n"))
            self._lines, self._bytes = self._lines + 1, self._bytes + len(shown[-1])
        left = waiting(self._tx, self._participant, agreement, types, self.size)
        return Shown(tuple(shown), more=len(shown) < len(found), waiting=left)


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

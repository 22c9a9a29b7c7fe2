"""What a log shows of chosen records: each with its proof to the newest signed checkpoint, page by page, bounded.

Only what is sealed is shown; how many wait is said.
"""

import msgspec

from connector.audit import tiles
from connector.audit.sealer import Batch, latest
from connector.contracts.evidence.export import line
from connector.reconciliation import proven_records_store
from connector.storage.database import Tx
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
        found = proven_records_store.sealed(self._tx, self._participant, agreement, types, after, self.size, room + 1)
        shown = list[bytes]()
        for one in found[:room]:
            if self._bytes >= BYTES:
                break
            proof = self._proofs.inclusion(one.index or 0, self.size)
            shown.append(records.write([line(one, proof)]).rstrip(b"\n"))
            self._lines, self._bytes = self._lines + 1, self._bytes + len(shown[-1])
        waiting = proven_records_store.waiting(self._tx, self._participant, agreement, types, self.size)
        return Shown(tuple(shown), more=len(shown) < len(found), waiting=waiting)

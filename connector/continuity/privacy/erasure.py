"""Erases records of the log: a tombstone in the same transaction, record and salt gone, leaf and index as they were.

So the signed tree stays valid, the chain stays checkable from both sides of the gap, and the log itself says that
something was erased, in whose role and on what ground (spec/records.md 7.3). Each unit judges anew under a lock: what
was read before it counts for nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from connector.continuity.privacy import retention, retention_store
from connector.continuity.privacy.column_scan import overwriting
from connector.continuity.privacy.retention import Facts, Kept, Periods, RetentionReason
from connector.foundation.errors import Defect
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.audit import disclose, store
from connector.identity.audit.entry import AGREEMENT, CLEARING, TOMBSTONE

AT_ONCE = 200
"""Records erased in one transaction: no lock is held for long, and a crash leaves whole portions done."""

End = Callable[[Tx, str, str], int | None]
"""(transaction, participant, agreement) -> when that agreement ended (ms); None: not yet, or it is not known."""


Gone = Callable[[Tx, str, str], None]
"""(transaction, participant, agreement): its last agreement record is erased, so nothing of it can be proven again."""


def _nothing(_tx: Tx, _slug: str, _agreement: str) -> None: ...


class Order(msgspec.Struct, frozen=True):
    """Who erases, as a role and never as a name, and on what ground; both stand in the tombstone."""

    role: str
    ground: str


class Outcome(NamedTuple):
    """What was erased, and what stays for which reason."""

    erased: tuple[Kept, ...]
    stays: tuple[tuple[Kept, RetentionReason], ...]


class Eraser:
    """`end` tells when agreements end; `did` is what the records of a participant say of it.

    `gone` takes away, in the same transaction, what was kept for an agreement's proof alone. `in_time` says whether an
    instant (ms) can be now; while it cannot, no agreement has ended and no period is over, whoever asks.
    """

    def __init__(
        self,
        periods: Periods,
        end: End,
        did: Callable[[str], str],
        gone: Gone = _nothing,
        in_time: Callable[[int], bool] = lambda now: True,
    ) -> None:
        self._periods, self._end, self._did, self._gone, self._in_time = periods, end, did, gone, in_time

    @long
    def due(self, tx: Tx, slug: str, after: int) -> tuple[list[int], int | None]:
        """Ids of records whose time is over, of one page behind the id `after`; where the next begins, None at the end.

        Only reads: `erase` judges again.
        """
        shortest = self._periods.shortest()
        if shortest is None:
            return [], None
        rows = retention_store.page(tx, slug, after, tx.now - shortest, AT_ONCE)
        judged = self._judged(tx, slug, rows, asked=False)
        following = rows[-1].id if len(rows) == AT_ONCE else None
        return [record.id for record, stay in judged if stay is None], following

    def weigh(self, tx: Tx, slug: str, entries: Iterable[int], *, asked: bool) -> Outcome:
        """What `erase` would do now."""
        judged = self._judged(tx, slug, _rows(tx, slug, entries), asked=asked)
        return Outcome(
            tuple(record for record, stay in judged if stay is None),
            tuple((record, stay) for record, stay in judged if stay is not None),
        )

    @long
    def erase(self, tx: Tx, slug: str, entries: Iterable[int], order: Order, *, asked: bool) -> Outcome:
        """Erases those that may go; `asked` by the person concerned, else because their time is over."""
        store.alone(tx, slug)
        erased: list[Kept] = []
        stays: list[tuple[Kept, RetentionReason]] = []
        with overwriting(tx):
            for record in _rows(tx, slug, entries):
                [(_, stay)] = self._judged(tx, slug, [record], asked=asked)  # what went before may have needed it
                if stay is not None:
                    stays.append((record, stay))
                elif self._bury(tx, slug, record, order):
                    erased.append(record)
        return Outcome(tuple(erased), tuple(stays))

    async def forget(self, db: Database, slug: str, entries: Iterable[int], order: Order) -> Outcome:
        """Erases what a person asks for, portion by portion, what others need last; whatever becomes of this process
        between two of them, asked again it goes on with what is left.
        """
        rows = await db.read(slug, _rows, slug, list(entries))
        erased: list[Kept] = []
        stays: list[tuple[Kept, RetentionReason]] = []
        for start in range(0, len(rows), AT_ONCE):
            portion = [record.id for record in rows[start : start + AT_ONCE]]
            done = await db.write(slug, self.erase, slug, portion, order, asked=True)
            erased += done.erased
            stays += done.stays
        return Outcome(tuple(erased), tuple(stays))

    def keeps(self, tx: Tx, slug: str, agreement: str) -> RetentionReason:
        """Why and until when what was signed about an agreement is kept: as long as its record is."""
        end, held = self._end(tx, slug, agreement), retention_store.standing(tx, slug)
        if None in held or agreement in held:
            return RetentionReason("hold")
        if not self._in_time(tx.now):
            return RetentionReason("clock")
        days = self._periods.days_of(AGREEMENT)
        if end is None:
            return RetentionReason("in-force", days=days)
        return RetentionReason("for-ever") if days is None else RetentionReason("period", end + days * retention.DAY_MS)

    def proof(self, tx: Tx, slug: str, agreement: str) -> RetentionReason | None:
        """As `keeps`; None once its time is over and no record is left that could be proven."""
        stay = self.keeps(tx, slug, agreement)
        if stay.why != "period" or stay.until is None or stay.until > tx.now:
            return stay
        return RetentionReason("needed") if retention_store.proven(tx, slug, agreement) else None

    def note(self, tx: Tx, slug: str, cleared: Mapping[str, int], order: Order) -> None:
        """A record of how many places outside of the log were cleared, by `table.column`, never of whom."""
        body = {"cleared": dict(cleared), "ground": order.ground, "role": order.role}
        store.append(tx, slug, CLEARING, None, order.role, body, did=self._did(slug))

    def _bury(self, tx: Tx, slug: str, record: Kept, order: Order) -> bool:
        """The tombstone comes first: it continues the chain by the digest of what is still there."""
        if not retention_store.note_erasure(tx, slug, record.id, order.role, order.ground):
            return False
        if record.agreement is not None:
            disclose.attest(tx, slug, record.agreement, record.seq, did=self._did(slug))
        body = {
            "index": record.place,
            "type": record.type,
            "seq": record.seq,
            "ground": order.ground,
            "role": order.role,
        }
        store.append(tx, slug, TOMBSTONE, record.agreement, order.role, body, did=self._did(slug))
        if not retention_store.empty(tx, slug, record.id):
            raise Defect("audit.not-erased", index=record.place)
        of = record.agreement if record.type == AGREEMENT else None
        if of is not None and not retention_store.proven(tx, slug, of):
            self._gone(tx, slug, of)
        return True

    def _judged(
        self, tx: Tx, slug: str, rows: Iterable[Kept], *, asked: bool
    ) -> list[tuple[Kept, RetentionReason | None]]:
        size, held = retention_store.sealed_size(tx, slug), retention_store.standing(tx, slug)
        ends: dict[str, int | None] = {}
        judged = []
        in_time = self._in_time(tx.now)
        for record in rows:
            if record.agreement is not None and record.agreement not in ends:
                ends[record.agreement] = self._end(tx, slug, record.agreement) if in_time else None
            facts = Facts(
                end=None if record.agreement is None else ends[record.agreement],
                held=None in held or (record.agreement is not None and record.agreement in held),
                needed=retention_store.needed(tx, slug, record),
            )
            sealed = record.place is not None and record.place < size
            seen = record if sealed else record._replace(place=None)
            stay = retention.stays(seen, facts, self._periods, tx.now if in_time else 0, asked=asked)
            timed = stay is not None and stay.why in ("in-force", "period")
            judged.append((record, RetentionReason("clock") if timed and not in_time else stay))
        return judged


@long
def _rows(tx: Tx, slug: str, entries: Iterable[int]) -> list[Kept]:
    found = (retention_store.one(tx, slug, entry) for entry in entries)
    return sorted((record for record in found if record is not None), key=retention.order)

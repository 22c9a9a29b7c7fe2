"""How long a record of the log is kept and what stands against its erasure: pure decisions (spec/records.md 7.1, 7.2).

Nothing is erased that is not sealed, that a legal hold or a retention duty keeps, or that something still needs: an
agreement record is the last of its agreement to go, key events go after the last agreement record. Tombstones, holds,
notes of what was cleared and of how far an agreement was told stay: they say why something is missing, and what. A
person's wish shortens periods, but takes nothing that an agreement in force needs to be performed: that is still
necessary for its purpose (Art. 17 (1) a GDPR).
"""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

import msgspec

from connector.continuity.privacy import pseudonyms
from connector.identity.audit.entry import AGREEMENT, CLEARING, HOLD, KEY, TOMBSTONE
from connector.verify.checks.disclosure import TOLD

DAY_MS = 86_400_000
STAYS = frozenset({TOMBSTONE, HOLD, CLEARING, TOLD})
PERFORMANCE = frozenset({"decision"})

Why = Literal["unsealed", "hold", "clock", "in-force", "needed", "period", "for-ever", "open", "published", "elsewhere"]


class Periods(msgspec.Struct, frozen=True, kw_only=True):
    """Days by record type, `other` for all types that have none of their own; 0 keeps for ever.

    `duties` are the types whose period is a duty to keep: nobody's wish shortens it. `performance` are those besides
    that an agreement needs as long as it goes on: limits are counted by them.
    """

    days: Mapping[str, int]
    other: int
    duties: frozenset[str]
    performance: frozenset[str] = PERFORMANCE

    def of(self, type_: str) -> int | None:
        """The period in milliseconds; None: for ever."""
        days = self.days_of(type_)
        return None if days is None else days * DAY_MS

    def days_of(self, type_: str) -> int | None:
        """The same in days."""
        return None if type_ in STAYS else self.days.get(type_, self.other) or None

    def shortest(self) -> int | None:
        """No record that is younger than this (ms) can be due; None: none ever is."""
        found = [days for days in (*self.days.values(), self.other) if days]
        return min(found) * DAY_MS if found else None


class Kept(NamedTuple):
    """A record that is still there: its row without its content. `place` is its leaf index, None until it is sealed."""

    id: int
    type: str
    seq: int
    at: int
    agreement: str | None
    place: int | None


class Facts(NamedTuple):
    """What the decision on one record needs to know beside the record.

    `end` is when its agreement ended (ms; None: it goes on, or there is none), `held` whether a hold stands on it,
    `needed` whether something that is kept refers to it.
    """

    end: int | None
    held: bool
    needed: bool


class RetentionReason(msgspec.Struct, frozen=True):
    """Why a record is not erased, and until when (ms) as far as that is known.

    `days`: how long after the end of its agreement, where that end is still to come; None: not known, or for ever.
    """

    why: Why
    until: int | None = None
    days: int | None = None


def due_at(record: Kept, periods: Periods, end: int | None) -> int | None:
    """When its period is over (ms): from the agreement's end for what belongs to one, else from the event.

    None: not as far as is known, because the agreement goes on or the type is kept for ever.
    """
    period = periods.of(record.type)
    if period is None or (record.agreement is not None and end is None):
        return None
    return max(record.at, end or record.at) + period


def stays(record: Kept, facts: Facts, periods: Periods, now: int, *, asked: bool) -> RetentionReason | None:
    """None: it may be erased now.

    `asked` by the person concerned: then only a duty to keep is waited for, and an agreement that goes on.
    """
    if record.place is None:
        return RetentionReason("unsealed")
    if record.type in STAYS:
        return RetentionReason("for-ever")
    if facts.held:
        return RetentionReason("hold")
    if asked and _performs(record, facts, periods):
        return RetentionReason("in-force", days=periods.days_of(record.type))
    due = due_at(record, periods, facts.end)
    waits = not asked or record.type in periods.duties
    if waits and (due is None or due > now):
        return RetentionReason("for-ever" if periods.of(record.type) is None else "period", due)
    return RetentionReason("needed") if facts.needed else None


def _performs(record: Kept, facts: Facts, periods: Periods) -> bool:
    """Whether its agreement goes on (or is not known here, which is judged alike) and needs it for that."""
    goes_on = record.agreement is not None and facts.end is None
    return goes_on and record.type in periods.duties | periods.performance


def order(record: Kept) -> tuple[int, int]:
    """In which order records go: what others need goes last."""
    return ({AGREEMENT: 1, KEY: 2}.get(record.type, 0), record.id)


def names(value: object, pseudonym: str) -> bool:
    """Whether a JSON value says this pseudonym anywhere, as a word of its own."""
    level: list[object] = [value]
    while level:
        if any(pseudonyms.says(item, pseudonym) for item in level if isinstance(item, str)):
            return True
        level = [inner for item in level for inner in _inside(item)]
    return False


def _inside(value: object) -> Collection[object]:
    match value:
        case dict():
            return [*value, *value.values()]
        case list():
            return value
        case _:
            return ()

"""Which records are still within their period of retention, by type: asked before a whole log is deleted.

Periods are judged as erasure judges them (`retention.due_at`). What explains gaps in the log has none: it stays as long
as the log does. While the clock may be wrong nothing is said to be over.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from connector.continuity.privacy import retention, retention_store
from connector.continuity.privacy.erasure import End
from connector.continuity.privacy.retention import STAYS, Kept, Periods
from connector.foundation.storage.database import Tx


class Group(NamedTuple):
    """Records of one type about one agreement (None: about none) within their period.

    `until` is when the last of them is over (ms); None: not as far as is known, or they are kept for ever.
    """

    type: str
    agreement: str | None
    records: int
    until: int | None


class Retained(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one type within their period; `loose` of them are in nobody's evidence. `until` as in `Group`."""

    type: str
    count: int
    loose: int
    until: int | None


class Unexpired:
    """Of all participants; `end` tells when agreements end, `in_time` whether an instant (ms) can be now."""

    def __init__(self, periods: Periods, end: End, in_time: Callable[[int], bool]) -> None:
        self._periods, self._end, self._in_time = periods, end, in_time

    def doubted(self, tx: Tx) -> bool:
        """Whether the clock may be wrong, so that nobody can say what is over."""
        return not self._in_time(tx.now)

    def groups(self, tx: Tx, slug: str) -> Iterator[Group]:
        """One after the other: whoever only asks whether there is any need not wait for all."""
        ends: dict[str, int | None] = {}
        for type_, agreement, count, newest in retention_store.grouped(tx, slug):
            if type_ in STAYS:
                continue
            if agreement is not None and agreement not in ends:
                ends[agreement] = self._end(tx, slug, agreement)
            end = None if agreement is None else ends[agreement]
            until = retention.due_at(Kept(0, type_, 0, newest, agreement, 0), self._periods, end)
            if until is not None and until <= tx.now:
                continue
            period = self._periods.of(type_)
            whole = until is None or period is None or (end is not None and end + period > tx.now)
            yield Group(
                type_,
                agreement,
                count if whole else retention_store.younger(tx, slug, type_, agreement, tx.now - (period or 0)),
                until,
            )


def by_type(groups: Iterable[Group], proven: Callable[[Group], bool]) -> tuple[Retained, ...]:
    """By name of the type; `proven` says whether evidence that somebody holds has the records of a group."""
    found: dict[str, Retained] = {}
    for one in groups:
        before = found.get(one.type, Retained(type=one.type, count=0, loose=0, until=0))
        found[one.type] = Retained(
            type=one.type,
            count=before.count + one.records,
            loose=before.loose + (0 if proven(one) else one.records),
            until=None if before.until is None or one.until is None else max(before.until, one.until),
        )
    return tuple(found[name] for name in sorted(found))

"""How much a peer may cause here: bytes and beginnings, counted in the transaction that causes them (decision 0049).

Only what begins something is refused, never what ends it: a termination, a verification, a countersignature. Ends are
bounded all the same, for each needs a beginning, and their bytes count. What has ended counts like what is open.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from itertools import count
from types import TracebackType
from typing import NamedTuple, Self

from connector.foundation.clock import Clock, SystemClock
from connector.foundation.http.refusals import TooMany
from connector.foundation.settings.sections import Quota
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import answered
from connector.foundation.telemetry import Metrics

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEPT_MS = DAY_MS + 2 * HOUR_MS
MIB = 1 << 20
COPIES = 4
"""A message is kept in about so many places: its process, our answer to it, the contract, what is sealed, the log."""
BEGINNING = 24_576
"""Bytes of the rows that one negotiation or transfer leaves whatever its messages say, indexes included (measured).

A further round leaves less than half of it, with a long list of reasons as much.
"""
SLOTS = 8
"""Rows over which one peer's hour is spread on PostgreSQL: units that count into different ones wait for nobody."""
REFRESH_MS = 5_000
"""How old the sum over all peers may be: one query for it all this time, not one for each message."""


class OverQuota(TooMany):
    """A quota of this peer, its operator or the participant is used up: 429, `Retry-After` in `retry_s`."""

    def __init__(self, quota: str, limit: int, retry_s: int) -> None:
        super().__init__(f"quota.{quota}", limit=limit, minutes=-(-retry_s // 60))
        self.quota, self.limit, self.retry_s = quota, limit, retry_s


class Quotas:
    """`operator` says who runs a peer (a DID), by the lists that count for a participant (its short name comes first);
    `refused` hears of each refusal, by the name of the quota."""

    def __init__(
        self,
        limits: Quota,
        operator: Callable[[str, str], str] = lambda slug, did: did,
        clock: Clock | None = None,
        refused: Callable[[str], None] = lambda quota: None,
    ) -> None:
        self.limits, self._operator, self._clock, self._refused = limits, operator, clock or SystemClock(), refused
        self._sums: dict[str, _Sums] = {}

    def begin(self, tx: Tx, slug: str, did: str) -> None:
        """A new negotiation or transfer, or one that goes round once more: raises OverQuota, else counts it."""
        self._require(tx, slug, did)
        _add(tx, slug, did, BEGINNING, 1)

    def _require(self, tx: Tx, slug: str, did: str) -> None:
        """Its own rows are read as they stand; the sum over all peers is a few seconds old at the most."""
        mine, begun, times = _of_peer(tx, slug, did)
        limits, sums, operator = self.limits, self._sum(tx, slug), self._operator(slug, did)
        news = mine - sums.peers.get(did, 0)
        self._within("peer-starts", tx, begun, limits.peer_hour_starts * times)
        self._within("peer-bytes", tx, mine, limits.peer_day_mib * MIB * times)
        used = sums.operators.get(operator, 0) + news
        self._within("operator-bytes", tx, used, limits.operator_day_mib * MIB * times)
        self._within("participant-bytes", tx, sums.all + news, limits.participant_day_mib * MIB)
        self._fair(tx, sums, news, used // times)

    def _fair(self, tx: Tx, sums: "_Sums", news: int, operator: int) -> None:
        """Once the process as a whole has used up its day, each participant has an equal share of it, and within that
        each operator that peers have: who is below one of both goes on, until twice the day is used up (decision 0195).
        Participants at which nothing began since the start are not reckoned."""
        everybody = list(self._sums.values())  # at once: other threads put participants in
        limit, known = self.limits.process_day_mib * MIB, [one for one in everybody if self._counts(one)]
        total = sum(one.all for one in known) + news
        if limit and total >= limit:
            share = limit // max(1, len(known))
            had_its_share = sums.all + news >= share and operator >= share // max(1, len(sums.operators))
            if had_its_share or total >= 2 * limit:
                self._within("process-bytes", tx, total, limit)

    def _counts(self, sums: "_Sums") -> bool:
        return self._clock.steady() - sums.read_at < DAY_MS

    def _within(self, quota: str, tx: Tx, used: int, limit: int) -> None:
        if limit and used >= limit:
            self._refused(quota)
            raise OverQuota(quota, limit // MIB if quota.endswith("bytes") else limit, _next_hour_s(tx.now))

    def _sum(self, tx: Tx, slug: str) -> "_Sums":
        now, known = self._clock.steady(), self._sums.get(slug)
        if known is None or now - known.read_at >= REFRESH_MS:
            known = self._sums[slug] = self._summed(slug, _of_all(tx, slug), now)
        return known

    def _summed(self, slug: str, peers: Mapping[str, int], now: int) -> "_Sums":
        operators: dict[str, int] = {}
        for did, held in peers.items():
            operator = self._operator(slug, did)
            operators[operator] = operators.get(operator, 0) + held
        return _Sums(peers, operators, sum(peers.values()), now)


def counted(metrics: Metrics) -> Callable[[str], None]:
    """Each refusal over a quota counts in a figure."""

    def refused(quota: str) -> None:
        metrics.count("hanse_quota_refused_total", "Messages refused over a quota of their sender.", quota=quota)

    return refused


class _Sums(NamedTuple):
    """Bytes of the last 24 hours by peer, by operator and in all, as read at `read_at` (ms, steady)."""

    peers: Mapping[str, int]
    operators: Mapping[str, int]
    all: int
    read_at: int


class Account:
    """What one unit puts on peers' accounts, written by `book` and not each time.

    `with` it, what is counted in this part of the unit is kept in it; whoever opened it books it, or drops it with a
    part that is undone.
    """

    def __init__(self, tx: Tx) -> None:
        self.tx, self._held = tx, dict[tuple[str, str], tuple[int, int]]()

    def add(self, slug: str, did: str, size: int, begun: int) -> None:
        """So many bytes and beginnings more."""
        before = self.of(slug, did)
        self._held[slug, did] = before[0] + size, before[1] + begun

    def of(self, slug: str, did: str) -> tuple[int, int]:
        """Bytes and beginnings of that peer that are not written yet."""
        return self._held.get((slug, did), (0, 0))

    def book(self) -> None:
        """In one order, so that two replicas wait for each other in one direction."""
        for (slug, did), (size, begun) in sorted(self._held.items()):
            _write(self.tx, slug, did, size, begun)

    def __enter__(self) -> Self:
        self._before = _open.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.reset(self._before)


_open: ContextVar[Account | None] = ContextVar("account", default=None)


def message(tx: Tx, slug: str, did: str, size: int) -> None:
    """The bytes of a message that was taken, whatever it says."""
    _add(tx, slug, did, COPIES * size, 0)


def kept(tx: Tx, slug: str, did: str, size: int) -> None:
    """Bytes that are kept once: what signatures refer to."""
    _add(tx, slug, did, size, 0)


def allow(tx: Tx, slug: str, did: str, times: int) -> None:
    """An operator's word: this peer may have so many times the usual quota."""
    tx.run(
        "INSERT INTO allowance (participant, did, times, entered_at) VALUES (:participant, :did, :times, :now)"
        " ON CONFLICT (participant, did) DO UPDATE SET times = :times, entered_at = :now",
        participant=slug,
        did=did,
        times=times,
        now=tx.now,
    )
    answered(tx, slug, did)


def forget(tx: Tx, slug: str) -> None:
    """Hours that count no more, and questions about a quota that has room again."""
    tx.run(
        "DELETE FROM usage WHERE participant = :participant AND hour < :before",
        participant=slug,
        before=tx.now - KEPT_MS,
    )
    tx.run(
        "UPDATE question SET answered_at = :now, answer = 'went-on' WHERE participant = :participant"
        " AND kind = 'quota' AND answered_at IS NULL AND asked_at < :before",
        participant=slug,
        now=tx.now,
        before=tx.now - DAY_MS,
    )


def _add(tx: Tx, slug: str, did: str, size: int, begun: int) -> None:
    account = _account(tx)
    if account is None:
        _write(tx, slug, did, size, begun)
    else:
        account.add(slug, did, size, begun)


def _account(tx: Tx) -> Account | None:
    account = _open.get()
    return account if account is not None and account.tx is tx else None


def _write(tx: Tx, slug: str, did: str, size: int, begun: int) -> None:
    tx.run(
        "INSERT INTO usage (participant, peer, hour, slot, bytes, begun)"
        " VALUES (:participant, :peer, :hour, :slot, :bytes, :begun) ON CONFLICT (participant, peer, hour, slot)"
        " DO UPDATE SET bytes = usage.bytes + :bytes, begun = usage.begun + :begun",
        participant=slug,
        peer=did,
        hour=_hour(tx.now),
        slot=_slot_of_thread() if tx.dialect == "postgres" else 0,
        bytes=size,
        begun=begun,
    )


class _Slot(threading.local):
    """A number of its own for each thread, in turn; ids of threads are aligned addresses, which all leave one rest."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.number = next(numbers) % SLOTS


_slot = _Slot(count(random.randrange(SLOTS)))  # noqa: S311 nothing secret
"""Each process begins elsewhere, so that the first threads of two replicas, which do most of the work, seldom meet."""


def _slot_of_thread() -> int:
    return _slot.number


def _of_peer(tx: Tx, slug: str, did: str) -> tuple[int, int, int]:
    """Bytes of the last 24 hours, beginnings of this one, and how many times the usual quota the peer may have.

    Hours ahead are those of a clock that was wrong.
    """
    row = tx.one(
        "SELECT COALESCE(SUM(bytes), 0) AS bytes, COALESCE(SUM(CASE WHEN hour = :hour THEN begun ELSE 0 END), 0)"
        " AS begun, (SELECT times FROM allowance WHERE participant = :participant AND did = :peer) AS times"
        " FROM usage WHERE participant = :participant AND peer = :peer AND hour > :since AND hour <= :hour",
        participant=slug,
        peer=did,
        hour=_hour(tx.now),
        since=_hour(tx.now) - DAY_MS,
    )
    account = _account(tx)
    size, new = (0, 0) if account is None else account.of(slug, did)
    if row is None:
        return size, new, 1
    return int(row["bytes"]) + size, int(row["begun"]) + new, int(row["times"] or 1)


def _of_all(tx: Tx, slug: str) -> Mapping[str, int]:
    rows = tx.all(
        "SELECT peer, SUM(bytes) AS bytes FROM usage WHERE participant = :participant AND hour > :since"
        " AND hour <= :hour GROUP BY peer",
        participant=slug,
        hour=_hour(tx.now),
        since=_hour(tx.now) - DAY_MS,
    )
    return {str(row["peer"]): int(row["bytes"]) for row in rows}


def _hour(now: int) -> int:
    return now // HOUR_MS * HOUR_MS


def _next_hour_s(now: int) -> int:
    return max(1, (_hour(now) + HOUR_MS - now) // 1000)

"""Whose clock differs from ours, and by how much: what peers' tokens and their refusals of ours show (decision 0048).

Kept in memory, for people alone; nothing is decided by it. Only members' words come in here, one each.
"""

from collections import OrderedDict
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from connector.foundation.clock import Clock
from connector.foundation.http.outbound import Answer

MOST: Final = 1_000
KEPT_MS: Final = 3_600_000
NOTICED_MS: Final = 20_000
"""Less than the leeway of a token, more than a slow answer takes."""
LARGEST_MS: Final = 10 * 366 * 86_400_000


class Skew(Struct, frozen=True):
    """`ms`: by how much our clock is ahead of the peer's; negative: behind."""

    did: str
    ms: int
    seen: int


class Skews:
    """The newest difference with each peer, for an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Skew] = OrderedDict()

    def note(self, did: str, ms: int) -> None:
        if abs(ms) <= LARGEST_MS:
            self._kept[did] = Skew(did, ms, self._clock.steady())
            self._kept.move_to_end(did)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def agreed(self, did: str) -> None:
        """The peer took a token of ours, or we one of its: the clocks are near enough."""
        self._kept.pop(did, None)

    def all(self) -> list[Skew]:
        """The largest first."""
        since = self._clock.steady() - KEPT_MS
        return sorted((one for one in self._kept.values() if one.seen >= since), key=lambda one: -abs(one.ms))


def of_answer(answer: Answer, now: int) -> int | None:
    """How far (ms) our clock is ahead of the one that wrote `Date`; None if it says nothing or they agree."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() * 1000
    except (ValueError, TypeError, OverflowError):
        return None
    off = now - int(theirs)
    return off if abs(off) >= NOTICED_MS else None

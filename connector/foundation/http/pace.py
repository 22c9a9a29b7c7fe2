"""A token bucket per caller, for what is dear to answer (threat T24). In memory: each replica counts for itself."""

from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from connector.foundation.clock import Clock
from connector.foundation.http.refusals import TooMany

MOST = 10_000
"""Callers remembered; the one not heard for longest is forgotten first, and begins anew with a full bucket."""


class Pace:
    """`burst` calls at once, then `per_s` calls a second; raises TooMany beyond."""

    def __init__(self, clock: Clock, *, burst: int, per_s: int) -> None:
        self._clock, self._burst, self._per_s = clock, burst * 1000, per_s
        self._buckets: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def spend(self, caller: Hashable) -> None:
        """Counts in thousandths, so that nothing is lost to rounding."""
        now = self._clock.steady()
        left, at = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + max(0, now - at) * self._per_s)
        self._buckets[caller] = (left - 1000 if left >= 1000 else left, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        if left < 1000:
            raise TooMany("http.too-many")

    def give_back(self, caller: Hashable) -> None:
        """What was spent turned out to be nothing that has to be bounded."""
        if caller in self._buckets:
            left, at = self._buckets[caller]
            self._buckets[caller] = (min(self._burst, left + 1000), at)


@lru_cache(maxsize=4096)
def place(address: str | None) -> str:
    """Whom an address belongs to as a caller: an IPv6 one to its /64, of which one host has all (threat T168)."""
    try:
        found = ip_address((address or "")[:64].partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found if found.version == 4 else ip_network((found, 64), strict=False))

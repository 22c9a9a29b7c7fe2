"""Which witness is not asked for which log now: it failed, has had enough of us, or nothing is due there yet.

What a witness says to one log that holds for all is not found out by each of five hundred. In the memory of one
process: whoever forgets it asks once too often.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Generic, NamedTuple, TypeVar

from connector.foundation.clock import Clock

FIRST_MS, LONGEST_MS = 15_000, 900_000
CROWD_MS = 200
"""Our own witness takes five requests a second from one address: who comes sooner after a refusal is refused too."""
LATE_MS = 60_000
"""Who has missed its turn by so much, since the witness was away, queues anew: otherwise all would ask at once."""


class _Failure(NamedTuple):
    times: int
    until: int


K = TypeVar("K", bound=Hashable)


class _Backoff(Generic[K]):
    """The longer, the more often it failed in a row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[K, _Failure] = {}

    def holds(self, what: K) -> bool:
        failure = self._failures.get(what)
        return failure is not None and self._clock.steady() < failure.until

    def failed(self, what: K) -> None:
        times = self._failures[what].times if what in self._failures else 0
        wait = min(LONGEST_MS, FIRST_MS << min(times, 8))
        self._failures[what] = _Failure(times + 1, self._clock.steady() + wait)

    def answered(self, what: K) -> None:
        self._failures.pop(what, None)

    def keep(self, known: Callable[[K], bool]) -> None:
        """What is none of these fails no more."""
        self._failures = {what: failure for what, failure in self._failures.items() if known(what)}


class _Rest(NamedTuple):
    """Nothing has to be asked of the state of `size` leaves before `until`; `slot`: then it is the log's turn."""

    size: int
    until: int
    slot: bool = False


class Pauses:
    """Of logs (by short name) and witnesses (by URL). A log is new to a witness that has never vouched for it: our own
    takes few such ones of one operator in a minute, and those it knows must not wait for them.

    `look_ms` is how often each is looked at.
    """

    def __init__(self, clock: Clock, look_ms: int = 0) -> None:
        self._clock, self._late_ms = clock, max(LATE_MS, 3 * look_ms)
        self._new: set[tuple[str, str]] = set()
        self._one, self._of_new = _Backoff[tuple[str, str]](clock), _Backoff[str](clock)
        self._of_all = _Backoff[str](clock)
        self._rests: dict[tuple[str, str], _Rest] = {}
        self._free: dict[str, int] = {}
        """When each witness may be asked next for what has time."""
        self._crowded: dict[str, int] = {}

    def holds(self, log: str, url: str) -> bool:
        """Whether it is left alone with this log, whatever there is to vouch for."""
        refused = (log, url) in self._new and self._of_new.holds(url)
        return refused or self._of_all.holds(url) or self._one.holds((log, url))

    def rests(self, log: str, url: str, size: int) -> bool:
        """Whether it was found that nothing of this state is due yet, or that others have their turn before it."""
        rest = self._rests.get((log, url))
        return rest is not None and rest.size == size and self._clock.steady() < rest.until

    def rest(self, log: str, url: str, size: int, ms: int) -> None:
        """Nothing of this state is due for so long, unless somebody asks for it."""
        self._rests[log, url] = _Rest(size, self._clock.steady() + ms)

    def turn(self, log: str, url: str, size: int, apart_ms: int) -> bool:
        """Whether it is this log's turn to ask for what has time: one every so many milliseconds. Whoever has to wait
        gets a moment of its own, and keeps it however the log grows, unless it has passed long ago."""
        now, known = self._clock.steady(), self._rests.get((log, url))
        if known is not None and known.slot and now - known.until <= self._late_ms:
            at = known.until
        else:
            at = max(now, self._free.get(url, now))
            self._free[url] = at + apart_ms
        self._rests[log, url] = _Rest(size, at, slot=True)
        return at <= now

    def wake(self, log: str) -> None:
        """Its states may not be those that were looked at: one of the same size may be another."""
        self._rests = {place: rest for place, rest in self._rests.items() if place[0] != log}

    def keep(self, logs: Collection[str], urls: Collection[str]) -> None:
        """Of all others nothing is remembered any more. Lists name as many witnesses as they like, so only what is
        remembered is looked at, not each of them with each log."""
        here = frozenset(logs)

        def known(place: tuple[str, str]) -> bool:
            return place[0] in here and place[1] in urls

        self._new = set(filter(known, self._new))
        self._rests = {place: rest for place, rest in self._rests.items() if known(place)}
        self._free = {url: at for url, at in self._free.items() if url in urls}
        self._crowded = {url: until for url, until in self._crowded.items() if url in urls}
        self._one.keep(known)
        for every in (self._of_new, self._of_all):
            every.keep(lambda url: url in urls)

    def crowd(self, url: str) -> None:
        """It has just refused somebody because we ask too often."""
        self._crowded[url] = self._clock.steady() + CROWD_MS

    def crowded(self, url: str) -> bool:
        """Whether that was so lately that it would do so again."""
        return self._clock.steady() < self._crowded.get(url, 0)

    def stands(self, log: str, url: str, *, new: bool) -> None:
        """As was just read: whether the log is new to the witness."""
        (self._new.add if new else self._new.discard)((log, url))

    def failed(self, log: str, url: str, *, everywhere: bool) -> None:
        """`everywhere`: it would have been so with any other log (of those that are new to it, if this one is)."""
        if not everywhere:
            self._one.failed((log, url))
        else:
            (self._of_new if (log, url) in self._new else self._of_all).failed(url)

    def answered(self, log: str, url: str) -> None:
        """What it said counts: whatever failed before is over."""
        if (log, url) in self._new:
            self._new.discard((log, url))
            self._of_new.answered(url)
        self._of_all.answered(url)
        self._one.answered((log, url))
        self._rests.pop((log, url), None)

"""Which units are too long for the event loop: those marked so (`database.long`), and those that showed it.

Nobody knows beforehand how much every town will have. A unit that took longer than `HELD_S` is looked at closely (the
clock of the processor is dearer than all else here); one that held the loop as long as often as `TIMES` running works
on a thread from then on, and is told as the signal `HELD`: a line in the log and a figure.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from connector.foundation.storage.database import HeldLoop, code_of, is_long

HELD_S: Final = 0.010
"""Seconds of the processor, because on a busy machine the clock on the wall says nothing about a unit."""
TIMES: Final = 2
"""Once may have been the collection of garbage."""


class Began(NamedTuple):
    """When a unit began: seconds by a clock that only goes forward, and of this thread's processor time if known."""

    wall: float
    processor: float | None


class Held:
    """`tell` is called once for each unit that leaves the loop."""

    def __init__(self, tell: Callable[[HeldLoop], None]) -> None:
        self._tell = tell
        self._off: set[object] = set()
        self._running: dict[object, int] = {}
        """How often running, of those that took long by the clock on the wall: these alone are looked at closely."""

    def off(self, fn: object) -> bool:
        """Whether this unit works beside the loop."""
        return is_long(fn) or (bool(self._off) and code_of(fn) in self._off)

    def began(self, fn: object) -> Began:
        """A unit begins to work on the loop."""
        close = bool(self._running) and code_of(fn) in self._running
        return Began(time.perf_counter(), time.thread_time() if close else None)

    def ended(self, fn: object, began: Began) -> None:
        """It has worked."""
        if began.processor is not None:
            self.took(fn, time.thread_time() - began.processor)
        elif time.perf_counter() - began.wall >= HELD_S:
            self._running.setdefault(code_of(fn), 0)

    def took(self, fn: object, seconds: float) -> None:
        """It worked on the loop for so long, of the processor's time."""
        code = code_of(fn)
        if seconds < HELD_S:
            self._running.pop(code, None)
            return
        self._running[code] = self._running.get(code, 0) + 1
        if self._running[code] == TIMES:
            del self._running[code]
            self._off.add(code)
            self._tell(HeldLoop(str(getattr(code, "co_qualname", code)), int(seconds * 1000)))

"""The only clock. Times are integer milliseconds since the epoch; text for the wire is made here and only here.

How long something took, or lasts, is measured by `steady`, which no change of the time moves: a cache, a circuit or a
pause that goes by `now` would be held by every jump.
"""

import ctypes
import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Literal, Protocol

State = Literal["", "synchronised", "unsynchronised"]
_ERROR = 5  # TIME_ERROR of adjtimex(2)
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the latter stands still while Linux sleeps
_ROOM = 1024  # more than a struct timex needs on any platform


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""

    def steady(self) -> int:
        """Milliseconds since some instant of the past: it goes on while the machine sleeps, and never jumps."""


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> int:
        return time.clock_gettime_ns(_STEADY) // 1_000_000


def state() -> State:
    """Whether something keeps this machine's clock in step, by the word of its kernel; empty if that says nothing."""
    try:
        answer = int(_libc().adjtimex(ctypes.create_string_buffer(_ROOM)))
    except (OSError, AttributeError):
        return ""
    return "" if answer < 0 else "unsynchronised" if answer == _ERROR else "synchronised"


@cache
def _libc() -> ctypes.CDLL:
    """Opened once: every decision asks, and opening costs more than asking."""
    return ctypes.CDLL(None)


class FakeClock:
    """A clock that tests and benchmarks move by hand; `jump` moves the time alone, as whoever sets a clock does."""

    def __init__(self, at: int = 1_795_000_000_000) -> None:
        self.at = at
        self.jumped = 0

    def now(self) -> int:
        return self.at

    def steady(self) -> int:
        return self.at - self.jumped

    def advance(self, milliseconds: int) -> None:
        self.at += milliseconds

    def jump(self, milliseconds: int) -> None:
        self.at += milliseconds
        self.jumped += milliseconds


def instant(milliseconds: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def rfc3339(milliseconds: int) -> str:
    """`2026-11-24T20:00:03Z`, whole seconds: the form in agreements and records."""
    return _second(milliseconds // 1000)


@lru_cache(maxsize=256)  # a negotiation writes the same few seconds a dozen times
def _second(seconds: int) -> str:
    return instant(seconds * 1000).strftime("%Y-%m-%dT%H:%M:%SZ")

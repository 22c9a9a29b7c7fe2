"""The only clock. Times are integer milliseconds since the epoch; text for the wire is made here and only here."""

import ctypes
import time
from datetime import UTC, datetime
from typing import Literal, Protocol

State = Literal["", "synchronised", "unsynchronised"]
_ERROR = 5  # TIME_ERROR of adjtimex(2)
_ROOM = 1024  # more than a struct timex needs on any platform


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


def state() -> State:
    """Whether something keeps this machine's clock in step, by the word of its kernel; empty if that says nothing."""
    try:
        answer = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ROOM)))
    except (OSError, AttributeError):
        return ""
    return "" if answer < 0 else "unsynchronised" if answer == _ERROR else "synchronised"


class FakeClock:
    """A clock that tests and benchmarks move by hand."""

    def __init__(self, at: int = 1_795_000_000_000) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def advance(self, milliseconds: int) -> None:
        self.at += milliseconds


def instant(milliseconds: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def rfc3339(milliseconds: int) -> str:
    """`2026-11-24T20:00:03Z`, whole seconds: the form in agreements and records."""
    return instant(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")

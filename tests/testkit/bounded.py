"""A guard for what hostile text must not make endless: it ends a search that would go on for hours.

Nothing is measured. What looks at each sign once needs a hundredth of the guard's time, on any machine; what looks at
each sign again for each of a million others needs a thousand times more.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MILLION = 1_000_000
_CPU_S = 10


class Endless(AssertionError):
    """The guard had to end it."""


@contextmanager
def ends() -> Iterator[None]:
    """Raises `Endless` inside, in the main thread, once this process has worked for ten seconds on it."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

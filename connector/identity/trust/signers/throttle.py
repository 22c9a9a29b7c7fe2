"""How many seals may be asked of one place at once, and how soon a place that did not answer is asked again (T60).

Whoever waits for a seal holds one of the worker's places, which all participants of a process share. So one place has a
bounded number of them, and one that was too slow is tried by one seal at a time, after a pause, until it answers.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from connector.foundation.errors import Unavailable

MOST: Final = 32
"""Seals that wait for one place at the same time; a quarter of what the worker does at once by default."""
FIRST_S, LONGEST_S = 1.0, 60.0


class Throttle:
    """Of one place; `now` gives seconds that never run backwards."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._asking = 0
        self._slow = 0
        self._until = 0.0

    @contextmanager
    def taken(self, signer: str) -> Iterator[None]:
        """Held while the place is asked; Unavailable `signers.busy` or `signers.paused` if it is not to be now."""
        if self._asking >= MOST:
            raise Unavailable("signers.busy", signer=signer)
        if self._slow and (self._asking or self._now() < self._until):
            raise Unavailable("signers.paused", signer=signer)
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def answered(self) -> None:
        self._slow = 0

    def too_slow(self) -> None:
        """Those that waited together count as one."""
        if self._now() >= self._until:
            self._slow += 1
            self._until = self._now() + min(LONGEST_S, FIRST_S * 2 ** min(self._slow - 1, 10))

"""A circuit per (participant, peer): after repeated failures nobody calls until it half-opens, or the peer is heard.

Kept in memory: a replica that does not know of an open circuit makes one call and learns it. All instants are of the
clock that never jumps.
"""

from collections.abc import Callable

import msgspec

THRESHOLD = 5
OPEN_MS = 10_000
LONGEST_MS = 120_000


class _Line(msgspec.Struct):
    failures: int = 0
    open_until: int = 0


class Circuits:
    """`blocked_until` > now means: do not call. One trial call is let through when the time has passed."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}
        self._on_close: Callable[[], None] = lambda: None

    def listen(self, on_close: Callable[[], None]) -> None:
        """Who is told that a peer is back: what waits for it may go now."""
        self._on_close = on_close

    def blocked_until(self, participant: str, did: str, now: int) -> int:
        """0 if a call may be made now, else the instant (ms) of the next trial."""
        line = self._lines.get((participant, did))
        if line is None or line.open_until <= now:
            return 0
        return line.open_until

    def next_trial(self, participant: str, did: str, steady: int, now: int) -> int:
        """The same for people, who read the time: `steady` and `now` are one instant by both clocks."""
        until = self.blocked_until(participant, did, steady)
        return until and now + until - steady

    def failed(self, participant: str, did: str, now: int) -> None:
        line = self._lines.setdefault((participant, did), _Line())
        line.failures += 1
        if line.failures >= THRESHOLD:
            spell = min(LONGEST_MS, OPEN_MS * 2 ** min(line.failures - THRESHOLD, 10))
            line.open_until = now + spell

    def heard(self, participant: str, did: str) -> None:
        """The peer answered or called: whatever was wrong is over."""
        line = self._lines.pop((participant, did), None)
        if line is not None and line.open_until:
            self._on_close()

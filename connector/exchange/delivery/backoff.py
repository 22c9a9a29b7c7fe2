"""How long a row waits after a failed attempt: full jitter, so that a peer that comes back is not stormed."""

from random import SystemRandom

_RANDOM = SystemRandom()
FIRST_MS = 200
LONGEST_MS = 300_000


def ceiling(attempts: int) -> int:
    """The longest wait in ms before attempt `attempts` + 1; doubles from 200 ms to five minutes."""
    return int(min(LONGEST_MS, FIRST_MS * 2 ** min(attempts, 20)))


def wait(attempts: int) -> int:
    """A random wait in ms, at least a tenth of the ceiling so that a dead peer is never hammered."""
    top = ceiling(attempts)
    return _RANDOM.randint(top // 10, top)

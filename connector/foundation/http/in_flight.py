"""How many requests with a token are under way to one host: the others wait for their turn, within their own time.

Each needs a connection, and opening one costs both sides more processor than most messages do. Requests without a token
(DID documents, lists of keys) never wait: a host may need one of them answered before it answers what is under way.
Who waits keeps a place of the worker, so few may, and not for long: a host that hangs holds up no other (threat T128).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from connector.foundation.errors import Unavailable

MOST: Final = 32
MOST_WAITING: Final = 32
LONGEST_S: Final = 2.0
"""How long one waits for a turn."""


class Crowded(Unavailable):
    """503: nothing was sent, since others are under way to that host. It says nothing about whom it was for."""


@dataclass(slots=True)
class _Line:
    """Of one host; `here` have a turn or wait for one."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST))
    here: int = 0


class InFlight:
    """Of one client; nothing is remembered of a host to which nothing is under way."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], _Line] = {}

    @asynccontextmanager
    async def turn(self, host: str, port: int, total_s: float) -> AsyncIterator[None]:
        """Holds one of the turns. Raises Crowded for who finds as many waiting already or has waited in vain, and
        TimeoutError if all of it takes longer than `total_s`."""
        if (line := self._lines.get((host, port))) is None:
            line = self._lines[host, port] = _Line()
        if line.here >= MOST + MOST_WAITING:
            raise Crowded("http.crowded", host=host)
        line.here += 1
        try:
            if line.turns.locked():
                async with asyncio.timeout(total_s):
                    await _waited(line.turns, host)
                    try:
                        yield
                    finally:
                        line.turns.release()
            else:
                async with line.turns:
                    yield
        finally:
            line.here -= 1
            if not line.here:
                del self._lines[host, port]


async def _waited(turns: asyncio.Semaphore, host: str) -> None:
    try:
        async with asyncio.timeout(LONGEST_S):
            await turns.acquire()
    except TimeoutError as late:
        raise Crowded("http.crowded", host=host) from late

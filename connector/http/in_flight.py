"""How many requests with a token are under way to one host: the others wait for their turn, within their own time.

Each needs a connection, and opening one costs both sides more processor than most messages do. Requests without a token
(DID documents, lists of keys) never wait: a host may need one of them answered before it answers what is under way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

MOST: Final = 32


class InFlight:
    """Of one client; nothing is remembered of a host to which nothing is under way."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, int], tuple[asyncio.Semaphore, list[None]]] = {}
        """Its turns, and a place for each who has one or waits for it."""

    @asynccontextmanager
    async def turn(self, host: str, port: int, total_s: float) -> AsyncIterator[None]:
        """Holds one of the turns; who has to wait raises TimeoutError if all of it takes longer than `total_s`."""
        if (found := self._hosts.get((host, port))) is None:
            found = self._hosts[host, port] = asyncio.Semaphore(MOST), []
        turns, here = found
        here.append(None)
        try:
            if turns.locked():
                async with asyncio.timeout(total_s), turns:
                    yield
            else:
                async with turns:
                    yield
        finally:
            here.pop()
            if not here:
                del self._hosts[host, port]

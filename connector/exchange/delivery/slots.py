"""Who may move bytes now: so many at once in all, of these so few for one peer, and so few that failed before.

A download lasts as long as its peer likes. Without the two smaller bounds a peer that drips, or some that are gone,
would hold every place and keep the others waiting (threat T15).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

ALL = 32
PER_PEER = 8
AGAIN = 8


class Slots:
    """Places are taken in the order in which they were asked for, as far as the bounds allow."""

    def __init__(self, most: int = ALL, per_peer: int = PER_PEER, again: int = AGAIN) -> None:
        self._all, self._again, self._per_peer = asyncio.Semaphore(most), asyncio.Semaphore(again), per_peer
        self._peers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, peer: str, again: bool) -> AsyncIterator[None]:
        """A place for as long as the context lasts; `again`: it was tried before, and came to nothing."""
        own = self._peers.get(peer)
        if own is None:
            own = self._peers[peer] = asyncio.Semaphore(self._per_peer)
        async with AsyncExitStack() as stack:
            for bound in (own, self._again, self._all) if again else (own, self._all):
                await stack.enter_async_context(bound)
            yield

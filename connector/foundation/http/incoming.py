"""A request's body as it comes: all of it has one deadline, which whoever sends a byte now and then does not move.

It is `BODY_S` seconds, and a second more for every `BODY_RATE` bytes that have come; no pause is longer than `BODY_S`.
A length that is only said earns no time: who says a terabyte and sends nothing is gone after `BODY_S` (spec/trust.md
5.2; threats T15, T141).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from aiohttp import web

from connector.foundation.errors import PeerError
from connector.foundation.http.refusals import TooSlow

BODY_S: Final = 30.0
BODY_RATE: Final = 50_000
"""Bytes a second."""

T = TypeVar("T")


class BodyTime:
    """How long one body may take, from now on; `size` counts what has come of it."""

    def __init__(self, body_s: float | None = None) -> None:
        """`body_s`: instead of `BODY_S`."""
        self._loop, self._body_s, self.size = asyncio.get_running_loop(), body_s or BODY_S, 0
        self._ends = self._loop.time() + self._body_s

    async def piece(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `read` gives, empty at the end. Raises as `part`."""
        piece = await self.part(read())
        self.size += len(piece)
        return piece

    async def part(self, coming: Awaitable[T]) -> T:
        """Something that cannot be counted; raises TooSlow if it comes too late, PeerError if the body breaks off."""
        try:
            async with asyncio.timeout_at(self._until()) as late:
                return await coming
        except TimeoutError as cause:
            if not late.expired():
                raise
            raise TooSlow("http.body-slow") from cause
        except (web.RequestPayloadError, ConnectionError) as cause:
            raise PeerError("http.body-broken") from cause

    def _until(self) -> float:
        return min(self._ends + self.size / BODY_RATE, self._loop.time() + self._body_s)


class Incoming:
    """The body of a request of any size, once; whoever reads it bounds how much it takes."""

    def __init__(self, request: web.Request) -> None:
        self._content, self._time = request.content, BodyTime()

    async def read(self, n: int = -1) -> bytes:
        """Some bytes, at most `n` where that is not negative; none at the end. Raises TooSlow, PeerError."""
        return await self._time.piece(self._content.readany if n < 0 else lambda: self._content.read(n))

    async def pieces(self, size: int) -> AsyncIterator[bytes]:
        """All of it, at most `size` bytes at once. Raises as `read`."""
        while piece := await self.read(size):
            yield piece

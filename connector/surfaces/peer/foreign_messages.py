"""Messages that do not come in the plain form: read beside the event loop, one at a time, and paced per peer.

The work is bounded by what the document may hold (`dialects`); this bounds how often a peer can ask for it (T13). What
does it is loaded with the first odd message: who meets none pays for it neither at the start nor in memory.
"""

import asyncio
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec

from connector.foundation.clock import Clock
from connector.foundation.http.pace import Pace
from connector.foundation.http.refusals import TooMany

M = TypeVar("M", bound=msgspec.Struct)

BURST: Final = 120
PER_S: Final = 20
PIECE: Final = 4096
"""Bytes that cost one unit: some two milliseconds of a thread at the very most."""
PROCESSOR: Final = 16
"""Units more for a document that takes a JSON-LD processor."""
WAIT_S: Final = 5.0


class Foreign:
    """The slow path of one surface."""

    def __init__(self, clock: Clock) -> None:
        self._pace = Pace(clock, burst=BURST, per_s=PER_S)
        self._thread = ThreadPoolExecutor(1, "foreign")

    async def read(self, caller: Hashable, cls: type[M], value: Any, size: int) -> M:
        """The message in `value`, which had `size` bytes; raises `UnreadableMessage` with reasons, TooMany if it is too
        much."""
        for _ in range(cost(value, size)):
            self._pace.spend(caller)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(WAIT_S) as timer:
                return await loop.run_in_executor(self._thread, _read, cls, value)
        except TimeoutError as cause:
            if not timer.expired():
                raise
            raise TooMany("http.too-many") from cause


def cost(value: Any, size: int) -> int:
    """Units of work that reading the document may take."""
    from connector.kernel.dialects.jsonld.reading import needs_processor

    return 1 + size // PIECE + (PROCESSOR if needs_processor(value) else 0)


def _read(cls: type[M], value: Any) -> M:
    from connector.kernel.dialects.jsonld.reading import read

    return read(cls, value)

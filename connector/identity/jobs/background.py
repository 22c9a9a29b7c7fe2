"""A job that waits for others runs beside the clockwork, which has timers to keep to the second.

One round at a time; a round that comes due while another one runs is skipped. Whatever fails is logged, and the next
round begins all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from connector.foundation.errors import HanseError

log = structlog.get_logger("jobs")


class Background:
    """`begin` is what the clockwork calls; it returns at once."""

    def __init__(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        self._name, self._work = name, work
        self._round: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Starts a round unless one is running."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._once(), name=self._name)

    async def stop(self) -> None:
        """What is on its way is given up."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    async def _once(self) -> None:
        try:
            await self._work()
        except HanseError as error:
            log.warning("jobs.failed", job=self._name, why=str(error))
        except Exception:
            # The outermost edge of a round.
            log.exception("jobs.defect", job=self._name)

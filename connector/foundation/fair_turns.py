"""A few places that all participants of a process share: one each at a time, and whoever waits comes in turn (T147).

For work that is bounded for one piece and not for their number: a participant that hands over many pieces waits for its
own, and takes from every other one no more than a single turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairTurns:
    """`places` at once, each for another participant; within one event loop."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._inside: set[str] = set()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Whose turn is next in front; who was served and still waits stands behind all others."""

    @asynccontextmanager
    async def place(self, participant: str) -> AsyncIterator[None]:
        """Waits for a turn, and has a place as long as it lasts. Whoever gives up waiting never had one."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(participant, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was served in the same moment
                self._leave(participant)
            raise
        try:
            yield
        finally:
            self._leave(participant)

    def _leave(self, participant: str) -> None:
        self._inside.discard(participant)
        self._free += 1
        if (turns := self._waiting.pop(participant, None)) is not None:
            self._waiting[participant] = turns
        self._serve()

    def _serve(self) -> None:
        while self._free and (participant := self._next()) is not None:
            turns = self._waiting.pop(participant)
            turn = turns.popleft()
            if turns:
                self._waiting[participant] = turns
            if not turn.done():
                self._inside.add(participant)
                self._free -= 1
                turn.set_result(None)

    def _next(self) -> str | None:
        return next((one for one in self._waiting if one not in self._inside), None)

"""Places at a door where bodies are large: one for each member, and whoever has had one for longest makes room.

A slow sender holds a place for as long as a body may take. So places that only fill up belong to whoever is slow; here
one who comes takes the place of whoever has had the most time of all in the last hour, unless its body is here already
(threat T163).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from connector.foundation.clock import Clock
from connector.foundation.errors import Unavailable
from connector.foundation.http.refusals import TooSlow

OWN_MS: Final = 5_000
"""So much more time than who comes has somebody had who makes room."""
FORGOTTEN_MS: Final = 3_600_000
_MOST: Final = 10_000
"""Members of whom it is known how much time they have had."""


@dataclass
class _Inside:
    timer: asyncio.Timeout
    began: int
    arrived: bool = False


class Places:
    """`places` at once; a body may come for `whole_s` seconds at most. Within one event loop."""

    def __init__(self, clock: Clock, places: int, whole_s: float) -> None:
        self._clock, self._places, self._whole_s = clock, places, whole_s
        self._inside: dict[str, _Inside] = {}
        self._had: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """By member, milliseconds that it has had, and when it left last."""

    @asynccontextmanager
    async def place(self, member: str) -> AsyncIterator[Callable[[], None]]:
        """Gives what is called once the body is here. Raises Unavailable where there is no place, TooSlow for whoever
        has to leave."""
        if member in self._inside or not self._room(member):
            raise Unavailable("peer.busy", status=503)
        try:
            async with asyncio.timeout(self._whole_s) as timer:
                inside = self._inside[member] = _Inside(timer, self._clock.steady())
                try:
                    yield lambda: _arrived(inside)
                finally:
                    self._leave(member, inside)
        except TimeoutError as cause:
            if not timer.expired():
                raise
            raise TooSlow("http.body-slow") from cause

    def _room(self, member: str) -> bool:
        """Whether there is a place; somebody leaves for it if need be."""
        if len(self._inside) < self._places:
            return True
        coming = (one for one, inside in self._inside.items() if not inside.arrived)
        longest = max(coming, key=self._time, default=None)
        if longest is None or self._time(longest) <= self._time(member) + OWN_MS:
            return False
        inside = self._inside[longest]
        self._leave(longest, inside)
        if not inside.timer.expired():
            inside.timer.reschedule(asyncio.get_running_loop().time())
        return True

    def _leave(self, member: str, inside: _Inside) -> None:
        """Once: whoever had to leave may be back before it has noticed."""
        if self._inside.get(member) is inside:
            had = self._time(member)
            del self._inside[member]
            self._had[member] = had, self._clock.steady()
            self._had.move_to_end(member)
            if len(self._had) > _MOST:
                self._had.popitem(last=False)

    def _time(self, member: str) -> int:
        """Milliseconds that a member has had lately, with those of now."""
        now = self._clock.steady()
        had, left = self._had.get(member, (0, now))
        began = self._inside[member].began if member in self._inside else now
        return (had if now - left < FORGOTTEN_MS else 0) + now - began


def _arrived(inside: _Inside) -> None:
    inside.arrived = True
    if not inside.timer.expired():
        inside.timer.reschedule(None)

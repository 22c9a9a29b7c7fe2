"""`?wait=SECONDS`: answers as soon as a process has ended or waits for a person, and no later than asked."""

import asyncio
import math
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from connector.foundation.errors import Mistake
from connector.foundation.http import latency
from connector.foundation.storage.database import Database, ElsewhereChanged
from connector.kernel.protocol.process import RESTS
from connector.surfaces.api.routes import Query

LONGEST_S = 60
LOOK_S = 2.0
"""How soon a change of another replica is found whose signal was lost."""
A_MOMENT_S = 0.002
"""How early a timer of the event loop may fire (libuv counts whole milliseconds): so near the end, time is up."""
REMEMBERED = 4096
"""Processes of which it is known that they move; of any other it is looked up."""
WAIT = Query("wait", f"Answer when it rests, and no later than after so many seconds ({LONGEST_S} at most).", float)
T = TypeVar("T")


class Waiting:
    """Wakes those who wait for a process when it comes to rest, in whichever replica (`storage/postgres/wakeups`).

    On SQLite there is no other replica, and no change is missed: of what moved last nobody looks whether it rests.
    """

    def __init__(self, db: Database, look_s: float = LOOK_S) -> None:
        self._alone = db.dialect == "sqlite"
        self._look_s = LONGEST_S if self._alone else look_s
        self._changed: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._moving: OrderedDict[tuple[str, str], None] = OrderedDict()
        """By participant and process, what did not rest when it changed last; the youngest last."""
        db.listen("negotiation", self._wake)
        db.listen("transfer", self._wake)

    def _wake(self, value: object) -> None:
        """The value is (participant, process, state); None where signals of another replica may have been lost."""
        words = value.words if isinstance(value, ElsewhereChanged) else value
        if not isinstance(words, tuple):
            for process in list(self._changed):
                self._tell(process)
            return
        participant, process, state = words
        if state in RESTS:
            self._moving.pop((participant, process), None)
            self._tell(process)
        elif self._alone:
            self._moving[participant, process] = None
            if len(self._moving) > REMEMBERED:
                self._moving.popitem(last=False)

    def _tell(self, process: str) -> None:
        for event in self._changed.get(process, ()):
            event.set()

    async def until(
        self,
        request: web.Request,
        participant: str,
        process: str,
        look: Callable[[], Awaitable[T]],
        over: Callable[[T], bool],
    ) -> T:
        """What `look` gives of that process once `over` holds for it, else when the time is up."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        end = loop.time() + _seconds(request)
        self._changed[process].add(event)
        try:
            if loop.time() < end and (participant, process) in self._moving:
                await self._rest(request, event, end)
            while True:
                event.clear()
                found = await look()
                if over(found) or loop.time() >= end - A_MOMENT_S:
                    return found
                await self._rest(request, event, end)
        finally:
            self._changed[process].discard(event)
            if not self._changed[process]:
                del self._changed[process]

    async def _rest(self, request: web.Request, event: asyncio.Event, end: float) -> None:
        """Until something has changed, and no longer than to the end, or the next look."""
        loop = asyncio.get_running_loop()
        timer = loop.call_at(min(end, loop.time() + self._look_s), event.set)
        try:
            with latency.held(request):
                await event.wait()
        finally:
            timer.cancel()


def _seconds(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise Mistake("api.wait", value=text[:40])
    return min(max(seconds, 0.0), LONGEST_S)

"""`?wait=SECONDS`: answers as soon as a process has ended or waits for a person, and no later than asked."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from connector.api.routes import Query
from connector.errors import Mistake
from connector.http import latency
from connector.protocol.process import RESTS
from connector.storage.database import Database, ElsewhereChanged

LONGEST_S = 60
LOOK_S = 2.0
"""How soon a change of another replica is found whose signal was lost."""
WAIT = Query("wait", f"Answer when it rests, and no later than after so many seconds ({LONGEST_S} at most).", float)
T = TypeVar("T")


class Waiting:
    """Wakes those who wait for a process when it comes to rest, in whichever replica (`storage/postgres/wakeups`).

    On SQLite there is no other replica, and no change is missed.
    """

    def __init__(self, db: Database, look_s: float = LOOK_S) -> None:
        self._look_s = look_s if db.dialect == "postgres" else LONGEST_S
        self._changed: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        db.listen("negotiation", self._wake)
        db.listen("transfer", self._wake)

    def _wake(self, value: object) -> None:
        """The value is (participant, process, state); None where signals of another replica may have been lost."""
        words = value.words if isinstance(value, ElsewhereChanged) else value
        if isinstance(words, tuple) and words[2] not in RESTS:
            return
        for process in [words[1]] if isinstance(words, tuple) else list(self._changed):
            for event in self._changed.get(process, ()):
                event.set()

    async def until(
        self, request: web.Request, process: str, look: Callable[[], Awaitable[T]], over: Callable[[T], bool]
    ) -> T:
        """What `look` gives of that process once `over` holds for it, else when the time is up."""
        event = asyncio.Event()
        self._changed[process].add(event)
        try:
            async with asyncio.timeout(_seconds(request)):
                while True:
                    event.clear()
                    found = await look()
                    if over(found):
                        return found
                    with latency.held(request):
                        await _soon(event, self._look_s)
        except TimeoutError:
            return await look()
        finally:
            self._changed[process].discard(event)
            if not self._changed[process]:
                del self._changed[process]


async def _soon(event: asyncio.Event, look_s: float) -> None:
    try:
        async with asyncio.timeout(look_s):
            await event.wait()
    except TimeoutError:
        return


def _seconds(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise Mistake("api.wait", value=text[:40])
    return min(max(seconds, 0.0), LONGEST_S)

"""How this process's clock stands to itself, to the database and to peers, for `hanse doctor` (decision 0048)."""

from typing import ClassVar

from aiohttp import web

from connector.foundation.clock import Clock, rfc3339
from connector.identity.jobs.clock_watch import ClockWatch
from connector.identity.trust.clock_skew import Skews
from connector.surfaces.api.routes import PREFIX, Route, get
from connector.surfaces.views.operation import ClockView, JumpView, SkewView


class ClockHandlers:
    def __init__(self, clock: Clock, watch: ClockWatch, skews: Skews) -> None:
        self._clock, self._watch, self._skews = clock, watch, skews

    async def show(self, request: web.Request) -> ClockView:
        """How our clock stands to those of the database and of peers."""
        last = self._watch.last
        return ClockView(
            now=rfc3339(self._clock.now()),
            doubt=self._watch.doubt(),
            jump=None if last is None else JumpView(seconds=last.ms / 1000, at=rfc3339(last.at)),
            database=self._watch.apart / 1000,
            peers=[SkewView(did=one.did, seconds=one.ms / 1000) for one in self._skews.all()],
        )

    routes: ClassVar[tuple[Route, ...]] = (get(f"{PREFIX}/clock", show),)

"""How this process's clock stands to itself, to the database and to peers, for `hanse doctor` (decision 0048)."""

from aiohttp import web

from connector.api import body
from connector.clock import Clock, rfc3339
from connector.jobs.clock_watch import ClockWatch
from connector.trust.clock_skew import Skews


class ClockHandlers:
    def __init__(self, clock: Clock, watch: ClockWatch, skews: Skews) -> None:
        self._clock, self._watch, self._skews = clock, watch, skews

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/clock", self.show)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """`jump`: by how many seconds the clock was set last since the start, null if it was not; `database` and
        `peers`: by how many seconds our clock is ahead of theirs."""
        last = self._watch.last
        return body.answer(
            {
                "now": rfc3339(self._clock.now()),
                "doubt": self._watch.doubt(),
                "jump": None if last is None else {"seconds": last.ms / 1000, "at": rfc3339(last.at)},
                "database": self._watch.apart / 1000,
                "peers": [{"did": one.did, "seconds": one.ms / 1000} for one in self._skews.all()],
            }
        )

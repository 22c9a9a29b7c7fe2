"""For operators: health in three questions, metrics, figures, and looking at the trust list again."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from connector.api import body
from connector.audit.figures import figures
from connector.participants.service import Participants
from connector.storage.database import Database
from connector.storage.effects import questions
from connector.telemetry import Metrics

Probe = Callable[[], Awaitable[Mapping[str, bool]]]
"""Named checks; all True means ready."""


class Acceptance(msgspec.Struct, frozen=True):
    """The peer whose keys were exchanged without overlap."""

    did: str


class OperationHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        metrics: Metrics,
        ready: Probe,
        reload: Callable[[], Awaitable[int]],
        accept: Callable[[str], Awaitable[None]],
        look: Callable[[], Awaitable[None]],
    ) -> None:
        """`look` reads the figures that a scrape is to show."""
        self._db, self._participants, self._metrics, self._look = db, participants, metrics, look
        self._ready, self._reload, self._accept = ready, reload, accept
        self.started = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health/live", self.live),
            web.get("/health/ready", self.ready),
            web.get("/health/started", self.has_started),
            web.get("/metrics", self.metrics),
            web.get("/api/v1/participants/{p}/figures", self.figures),
            web.get("/api/v1/participants/{p}/questions", self.questions),
            web.post("/api/v1/trust/reload", self.reload),
            web.post("/api/v1/trust/accept", self.accept),
        ]

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The process answers; nothing else is asked, so that a slow database does not get it killed."""
        return body.answer({"live": True})

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """503 with what is not well: database, worker, jobs, clock, disk, or that the process is stopping."""
        checks = await self._ready()
        return body.answer({"ready": all(checks.values()), "checks": checks}, 200 if all(checks.values()) else 503)

    async def has_started(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"started": self.started}, 200 if self.started else 503)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        await self._look()
        return web.Response(text=self._metrics.text(), content_type="text/plain", charset="utf-8")

    async def figures(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return body.answer({"figures": await self._db.read(slug, figures, slug)})

    async def questions(self, request: web.Request) -> web.StreamResponse:
        """What the connector does not decide by itself, for instance a message that a peer refused."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return body.answer({"questions": await self._db.read(slug, questions, slug)})

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """An operator has checked a peer's new keys (by telephone, by letter) and ends the hold."""
        wish = await body.read(request, Acceptance)
        await self._accept(wish.did)
        return body.answer({"did": wish.did})

    async def reload(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"version": await self._reload()})

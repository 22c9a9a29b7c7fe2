"""For operators: health in three questions, metrics, figures, and looking at the trust list again."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from connector.api import body
from connector.audit.figures import figures
from connector.participants.service import Participants
from connector.storage.database import Database
from connector.telemetry import Metrics

Probe = Callable[[], Awaitable[Mapping[str, bool]]]
"""Named checks; all True means ready."""


class OperationHandlers:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        metrics: Metrics,
        ready: Probe,
        reload: Callable[[], Awaitable[int]],
    ) -> None:
        self._db, self._participants, self._metrics, self._ready, self._reload = (
            db,
            participants,
            metrics,
            ready,
            reload,
        )
        self.started = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health/live", self.live),
            web.get("/health/ready", self.ready),
            web.get("/health/started", self.has_started),
            web.get("/metrics", self.metrics),
            web.get("/api/v1/participants/{p}/figures", self.figures),
            web.post("/api/v1/trust/reload", self.reload),
        ]

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The process answers; nothing else is asked, so that a slow database does not get it killed."""
        return body.answer({"live": True})

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """503 while the database does not answer, the worker stalls or the process is stopping."""
        checks = await self._ready()
        return body.answer({"ready": all(checks.values()), "checks": checks}, 200 if all(checks.values()) else 503)

    async def has_started(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"started": self.started}, 200 if self.started else 503)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._metrics.text(), content_type="text/plain", charset="utf-8")

    async def figures(self, request: web.Request) -> web.StreamResponse:
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return body.answer({"figures": await self._db.read(slug, figures, slug)})

    async def reload(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"version": await self._reload()})

"""For operators: health in three questions, metrics, and looking at the trust list again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final

import msgspec
from aiohttp import web

from connector.foundation.storage.database import Database
from connector.foundation.storage.work import questions
from connector.foundation.telemetry import Metrics
from connector.identity.participants.service import Participants
from connector.surfaces.api.routes import PARTICIPANT, PREFIX, Route, get, post
from connector.surfaces.views.operation import (
    AcceptedKeysView,
    LiveView,
    QuestionsView,
    ReadyView,
    StartedUpView,
    TrustListView,
    question,
)

Probe = Callable[[], Awaitable[Mapping[str, bool]]]
"""Named checks; all True means ready."""


PROBES: Final = frozenset({"/health/live", "/health/ready", "/health/started", "/metrics"})
"""What machines ask again and again, and nothing but these paths."""


class KeyAcceptance(msgspec.Struct, frozen=True):
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

    async def live(self, request: web.Request) -> LiveView:
        """The process answers; nothing else is asked, so that a slow database does not get it killed."""
        return LiveView(live=True)

    async def ready(self, request: web.Request) -> tuple[ReadyView, int]:
        """503 with what is not well: database, worker, jobs, clock, disk, or that the process is stopping."""
        checks = await self._ready()
        ready = all(checks.values())
        return ReadyView(ready=ready, checks=dict(checks)), 200 if ready else 503

    async def has_started(self, request: web.Request) -> tuple[StartedUpView, int]:
        """503 until everything runs."""
        return StartedUpView(started=self.started), 200 if self.started else 503

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """For Prometheus, as text."""
        await self._look()
        return web.Response(text=self._metrics.text(), content_type="text/plain", charset="utf-8")

    async def questions(self, request: web.Request) -> QuestionsView:
        """What the connector does not decide by itself, for instance a message that a peer refused."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return QuestionsView([question(row) for row in await self._db.read(slug, questions, slug)])

    async def accept(self, request: web.Request, wish: KeyAcceptance) -> AcceptedKeysView:
        """An operator has checked a peer's new keys (by telephone, by letter) and ends the hold."""
        await self._accept(wish.did)
        return AcceptedKeysView(wish.did)

    async def reload(self, request: web.Request) -> TrustListView:
        """Looks at the trust list now."""
        return TrustListView(await self._reload())

    routes: ClassVar[tuple[Route, ...]] = (
        get("/health/live", live),
        get("/health/ready", ready, also=(503,)),
        get("/health/started", has_started, also=(503,)),
        get("/metrics", metrics, media="text/plain"),
        get(f"{PARTICIPANT}/questions", questions),
        post(f"{PREFIX}/trust/reload", reload),
        post(f"{PREFIX}/trust/accept", accept),
    )

"""Figures of a participant for programs: the same that the desk shows."""

from typing import ClassVar

from aiohttp import web

from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.oversight.figures.service import Figures
from connector.surfaces.api.routes import PARTICIPANT, Route, get
from connector.surfaces.views.figures import FiguresView, figure


class FigureHandlers:
    def __init__(self, db: Database, participants: Participants, figures: Figures) -> None:
        self._db, self._participants, self._figures = db, participants, figures

    async def figures(self, request: web.Request) -> FiguresView:
        """Counted from the participant's own log; what that cannot prove has no value."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        found, log = await self._db.read(slug, self._figures.counted, slug)
        return FiguresView([figure(one) for one in found], len(log.events), log.whole)

    routes: ClassVar[tuple[Route, ...]] = (get(f"{PARTICIPANT}/figures", figures),)

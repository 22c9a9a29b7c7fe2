"""Sources over the management surface: what can be registered, what waits to be published, and a new one."""

from typing import ClassVar

from aiohttp import web

from connector.data.catalogue.service import Catalogue
from connector.data.sources.kinds import NewSource, Sources
from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views import sources as views
from connector.surfaces.views.sources import RegisteredSourcesView, SourceKindsView, SourceMadeView


class SourceHandlers:
    def __init__(self, db: Database, participants: Participants, catalogue: Catalogue, sources: Sources) -> None:
        self._db, self._participants, self._catalogue, self._sources = db, participants, catalogue, sources

    async def kinds(self, request: web.Request) -> SourceKindsView:
        """Which kinds of source can be registered, and what each asks for, with words for a form."""
        await self._participants.get(request.match_info["p"])
        return SourceKindsView([views.kind(one) for one in self._sources.asked()])

    async def waiting(self, request: web.Request) -> RegisteredSourcesView:
        """What was handed in or registered and is in no dataset: at most 300; after 30 days it is forgotten."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        return RegisteredSourcesView(
            [views.source(one) for one in await self._db.read(slug, self._catalogue.unpublished, slug)]
        )

    @problem_codes(
        {
            400: (
                "sources.address",
                "sources.kind",
                "sources.missing",
                "sources.parameter",
                "sources.unknown-parameter",
            )
        }
    )
    async def register(self, request: web.Request, wish: NewSource) -> SourceMadeView:
        """A live source; the contract then pins its description, and says so."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        made = self._sources.made(slug, wish)
        await self._db.write(slug, self._catalogue.register, slug, made)
        return SourceMadeView(source=made.id, media_type=made.media_type)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/sources/kinds", kinds),
        get(f"{PARTICIPANT}/sources", waiting),
        post(f"{PARTICIPANT}/sources", register, 201),
    )

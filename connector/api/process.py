"""What this process is: which database it serves, from which folder, with which settings; secrets are never among them.

`hanse doctor` and `hanse backup` ask it, because their own environment may be another one.
"""

from aiohttp import web

from connector.api import body
from connector.resources import release
from connector.settings.load import Settings, database_place, database_url, documented, value_of
from connector.storage import folder_identity
from connector.storage.database import PROCESS, Database


class ProcessHandlers:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._settings = db, settings

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/process", self.process)]

    async def process(self, request: web.Request) -> web.StreamResponse:
        """`database.place` is path or address without a login; `settings` are shown values and origins by key."""
        settings = self._settings
        database = {
            "kind": self._db.dialect,
            "id": await self._db.read(PROCESS, folder_identity.identity),
            "place": database_place(database_url(settings)),
        }
        shown = {
            one.key: {"value": str(value_of(settings, one.key)), "origin": settings.origins[one.key]}
            for one in documented()
        }
        folders = {"folder": str(settings.folder), "files": str(settings.data.files)}
        return body.answer({"version": release(), "database": database, **folders, "settings": shown})

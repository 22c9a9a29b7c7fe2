"""What this process is: which database it serves, from which folder, with which settings; secrets are never among them.

`hanse doctor` and `hanse backup` ask it, because their own environment may be another one.
"""

from typing import ClassVar

from aiohttp import web

from connector.foundation.resources import release
from connector.foundation.settings.load import Settings, database_place, database_url, documented, told, value_of
from connector.foundation.storage import folder_identity
from connector.foundation.storage.database import PROCESS, Database
from connector.surfaces.api.routes import PREFIX, Route, get
from connector.surfaces.views.operation import DatabaseView, ProcessView, SettingView


class ProcessHandlers:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._settings = db, settings

    async def process(self, request: web.Request) -> ProcessView:
        """Release, database, folders and settings of this process."""
        settings = self._settings
        return ProcessView(
            version=release(),
            database=DatabaseView(
                kind=self._db.dialect,
                id=await self._db.read(PROCESS, folder_identity.identity),
                place=database_place(database_url(settings)),
            ),
            folder=str(settings.folder),
            files=str(settings.data.files),
            settings={
                one.key: SettingView(value=told(value_of(settings, one.key)), origin=settings.origins[one.key])
                for one in documented()
            },
        )

    routes: ClassVar[tuple[Route, ...]] = (get(f"{PREFIX}/process", process),)

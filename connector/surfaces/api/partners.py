"""Partners over the management surface: whom leaving a space would leave with contracts that have ended here."""

from typing import ClassVar

from aiohttp import web

from connector.dataspace.spaces.joining.joining import Joining
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.oversight.partners.service import Partners
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get
from connector.surfaces.views.members import LONGEST
from connector.surfaces.views.space import UntoldView


class PartnerHandlers:
    def __init__(self, db: Database, joining: Joining, partners: Partners) -> None:
        self._db, self._joining, self._partners = db, joining, partners

    async def untold(self, request: web.Request) -> UntoldView:
        """Who is known through that space alone, and does not know yet that a contract has ended."""
        slug, space = request.match_info["p"], request.query.get("space", "")
        one = next((one for one in await self._joining.all(slug) if one.space == space), None)
        found = [] if one is None else await self._db.read(slug, self._partners.untold, slug, one)
        return UntoldView([plain(name, LONGEST) for name in found])

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/spaces/untold", untold, Query("space", "IRI of a space that the participant belongs to.")),
    )

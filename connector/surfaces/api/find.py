"""Searching the data space over the management surface (`requests.search`)."""

from typing import ClassVar, Final

from aiohttp import web

from connector.data.catalogue.search.find import LARGEST_PAGE
from connector.identity.participants.service import Participants
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get, problem_codes
from connector.surfaces.requests.search import Searches
from connector.surfaces.views.dataset import FindView

_FILTERS: Final = (
    Query("q", "Words to look for; with `like` a title, and what follows it."),
    Query("from", "Only these members: DID, or name on the trust list; may be repeated."),
    Query("theme", "Code of the EU list of data themes, such as `ENVI`, or its name; may be repeated."),
    Query("field", "Concept of the Musterdatenkatalog, such as `verkehr/kfz/messung`, or its name; may be repeated."),
    Query("format", "Code of the EU list of file types, such as `CSV`, or a media type; may be repeated."),
    Query("licence", "Licence, such as `dl-by-de/2.0`, its name or its IRI; may be repeated."),
    Query(
        "rule",
        "Template of an offer or its title, `other` for foreign rules, `none` without offers; may be repeated.",
    ),
    Query("since", "Modified at this time or later (RFC 3339 or a date)."),
    Query("box", "About a place within `west,south,east,north` (degrees)."),
    Query("period", "About a time within `FIRST/LAST` (dates)."),
    Query("like", "1: find what is like the draft in `q`.", int),
    Query("counts", "1: count the values of each facet.", int),
    Query("live", "1: ask all members now, whatever copies there are.", int),
    Query("page", "The `next` of the page before."),
    Query("limit", f"Datasets of a page, {LARGEST_PAGE} at most."),
)


class FindHandlers:
    def __init__(self, participants: Participants, searches: Searches) -> None:
        self._participants, self._searches = participants, searches

    @problem_codes(
        {
            400: (
                "api.members-alike",
                "api.no-member",
                "api.nobody-called",
                "catalogue.not-listed",
                "policy.template-unknown",
                "search.page",
                "search.value",
            )
        }
    )
    async def find(self, request: web.Request) -> FindView:
        """Searches what members showed us, asks those that were never read, and says what we may have."""
        it = (await self._participants.get(request.match_info["p"])).participant
        return await self._searches.find(it.id, it.did, request.query)

    routes: ClassVar[tuple[Route, ...]] = (get(f"{PARTICIPANT}/find", find, *_FILTERS),)

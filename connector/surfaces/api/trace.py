"""The protocol browser over the management surface: one process, page by page, with cause and next action.

Sentences come in German and English; `body` is a bounded copy without secrets. Nothing here belongs to anybody but the
participant in the path (threat T39).
"""

from typing import ClassVar

from aiohttp import web

from connector.exchange.trace.service import Tracing
from connector.foundation.errors import Mistake
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get, problem_codes
from connector.surfaces.views.members import Members
from connector.surfaces.views.trace import ReachedView, TraceView, reached, trace

PAGE = 100
LARGEST = 500


class TraceHandlers:
    def __init__(self, tracing: Tracing, anchor: Anchor) -> None:
        self._tracing, self._members = tracing, Members(anchor)

    @problem_codes({400: ("trace.page",), 404: ("trace.unknown",)})
    async def trace(self, request: web.Request) -> TraceView:
        """A process with its events, by our pid, the peer's or the agreement's; why it stands there, what to do."""
        slug, pid = request.match_info["p"], request.match_info["pid"]
        after, limit = _number(request, "after", 0), min(_number(request, "limit", PAGE), LARGEST)
        found = await self._tracing.trace(slug, pid, check=request.query.get("check", "") in ("1", "true"))
        return trace(self._members, slug, pid, found, slice(after, after + limit))

    async def reachable(self, request: web.Request) -> ReachedView:
        """Whether our own version document can be had through our public address: our own view."""
        return reached(await self._tracing.reachable(request.match_info["p"]))

    routes: ClassVar[tuple[Route, ...]] = (
        get(
            f"{PARTICIPANT}/trace/{{pid:.+}}",
            trace,
            Query("after", "How many events to leave out.", int),
            Query("limit", f"How many events at most, no more than {LARGEST}.", int),
            Query("check", "`1`: look whether the addresses can be reached."),
        ),
        get(f"{PARTICIPANT}/reachable", reachable),
    )


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Mistake("trace.page", name=name, value=text[:40])
    return int(text)

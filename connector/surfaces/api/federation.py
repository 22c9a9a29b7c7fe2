"""Our copies of members' catalogues over the management surface: how they stand, and reading one now."""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.data.federation.service import FederationService
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.federation import FederationView, RefreshedView, member_copies, refreshed
from connector.surfaces.views.members import Members


class RefreshRequest(msgspec.Struct, frozen=True):
    """The member whose catalogue is read now: its DID, or its name on the trust list."""

    member: Annotated[str, Meta(max_length=512)]


class FederationHandlers:
    def __init__(self, clock: Clock, participants: Participants, federation: FederationService, anchor: Anchor) -> None:
        self._clock, self._participants, self._federation = clock, participants, federation
        self._members = Members(anchor)

    async def status(self, request: web.Request) -> FederationView:
        """How old the copy of each member's catalogue is, and what is amiss with it."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        found, now = await self._federation.status(slug), self._clock.now()
        return FederationView([member_copies(one, self._members.name(one.provider), now) for one in found])

    @problem_codes(
        {
            400: ("api.members-alike", "api.no-member", "api.nobody-called"),
            410: ("leaving.closed",),
            503: ("federation.running",),
        }
    )
    async def refresh(self, request: web.Request, wish: RefreshRequest) -> RefreshedView:
        """Reads the catalogue of one member now; waits for it."""
        hosted = await self._participants.get(request.match_info["p"])
        did = self._members.did(wish.member, hosted.participant.did)
        if hosted.participant.is_me(did) or not self._members.admitted(hosted.participant.did, did, self._clock.now()):
            raise Mistake("api.no-member", did=did[:200])
        return refreshed(await self._federation.refresh(hosted.participant.id, did), self._members.name(did))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/federation", status),
        post(f"{PARTICIPANT}/federation/refresh", refresh),
    )

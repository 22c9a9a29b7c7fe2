"""Lists that an authority signed and its database does not know, over the management surface (spec/spaces.md 4.8).

`who` names the person who decides where nobody is signed in, which is on the operator's socket.
"""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.identity.trust.members.trust_list import LARGEST
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.api.spaces import Who
from connector.surfaces.views import space_recovery as views


class RecoverRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`version`: the newest list that was found, as it was read (0: none). `incomplete`: although not everybody has
    answered."""

    version: Annotated[int, Meta(ge=0, le=LARGEST)]
    incomplete: bool = False
    who: Who = ""


class RecoveryHandlers:
    def __init__(self, spaces: SpaceSlice) -> None:
        self._recovery = spaces.recovery

    @problem_codes({404: ("spaces.none",)})
    async def show(self, request: web.Request) -> views.SpaceRecoveryView:
        """Whether lists stand still because members may hold a newer one, and what that says of whom."""
        return views.recovery(await self._recovery.state(request.match_info["p"]))

    @problem_codes(
        {
            400: ("spaces.not-restored", "spaces.recovery-away", "spaces.recovery-changed"),
            403: ("spaces.who",),
            404: ("spaces.none",),
        }
    )
    async def settle(self, request: web.Request, wish: RecoverRequest) -> views.SpaceRecoveryView:
        """Takes back what the newest list says, and goes on above it."""
        slug = request.match_info["p"]
        await self._recovery.settle(slug, wish.version, wish.who, incomplete=wish.incomplete)
        return views.recovery(await self._recovery.state(slug))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/space/recovery", show),
        post(f"{PARTICIPANT}/space/recovery", settle),
    )

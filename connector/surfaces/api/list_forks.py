"""Two lists of one number that an authority signed, over the management surface: the proof, and what becomes of it
(spec/trust.md 4.8)."""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.foundation.errors import Unknown
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.members import forks
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.fork_proof import proof_of
from connector.identity.trust.members.forks import Case
from connector.identity.trust.members.held_lists import Tell
from connector.surfaces.api.routes import PREFIX, Route, get, post, problem_codes
from connector.surfaces.views import list_forks as views


class SettleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The pair as it was read: the URN of the authority, and the number of both lists."""

    authority: Annotated[str, Meta(min_length=1, max_length=128)]
    version: Annotated[int, Meta(ge=1, le=9_007_199_254_740_991)]


class ListForkHandlers:
    def __init__(self, db: Database, anchors: AnchorOfSpaces, tell: Tell) -> None:
        self._db, self._anchors, self._tell = db, anchors, tell

    async def show(self, request: web.Request) -> views.ListForksView:
        """All that were found, those too that are settled."""
        return views.ListForksView(forks=[views.fork(one, self._anchors) for one in await self._cases()])

    @problem_codes({404: ("trust.no-fork",)})
    async def proof(self, request: web.Request) -> views.ForkProofView:
        """Both lists as they were signed, with the key; also once nobody here goes by that authority any more."""
        authority = request.match_info["authority"]
        pair, pin = await self._db.read(PROCESS, forks.kept, authority), self._anchors.pin_of(authority)
        key = await self._db.read(PROCESS, forks.key_of, authority) or (None if pin is None else pin.jwk)
        if pair is None or key is None:
            raise Unknown("trust.no-fork")
        return views.proof(proof_of(pair, key))

    @problem_codes({404: ("trust.no-fork",)})
    async def settle(self, request: web.Request, wish: SettleRequest) -> views.ListForksView:
        """Somebody has found out what holds: the list in force alone counts again. Then the logs say so, with the next
        look if the process dies in between."""
        if not await self._db.write(PROCESS, forks.settle, wish.authority, wish.version):
            raise Unknown("trust.no-fork")
        await self._tell()
        return await self.show(request)

    async def _cases(self) -> list[Case]:
        return await self._db.read(PROCESS, forks.cases)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PREFIX}/trust/forks", show),
        get(f"{PREFIX}/trust/forks/{{authority}}", proof),
        post(f"{PREFIX}/trust/forks/settle", settle),
    )

"""Tells members at once that there is a newer list, so that nobody waits for the next look (spec/spaces.md 4.5).

A hint says nothing but that it may be worth looking: whoever sends false ones makes a member look at a list that it
looks at anyway, at most once in some seconds. What is not heard is made up for by that look.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from msgspec import Struct

from connector.dataspace.spaces import member_store
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.pace import Pace
from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.identity.trust.did import did as dids
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces

log = structlog.get_logger("spaces")
AT_ONCE = 16
TOTAL_S = 4.0


class Hint(Struct, frozen=True):
    """The IRI of a space whose list is newer than before."""

    space: str


class Hints:
    """`look` looks at the list of an authority now."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        http: SafeClient,
        anchors: AnchorOfSpaces,
        look: Callable[[str], Awaitable[None]],
    ) -> None:
        self._db, self._participants, self._http, self._anchors, self._look = db, participants, http, anchors, look
        self._pace = Pace(clock, burst=5, per_s=1)
        self._untold: dict[str, str] = {}
        self._wanted: set[str] = set()

    def tell(self, slug: str, space: str) -> None:
        """The members of a space are told in the next round."""
        self._untold[slug] = space

    def heard(self, space: str) -> None:
        """A list is looked at in the next round, if it is that of a space that we go by; raises TooMany."""
        named = {one.authority for one in self._anchors.pins() if one.space == space}
        if named:
            self._pace.spend(space)
            self._wanted |= named

    async def work(self) -> None:
        wanted, self._wanted = self._wanted, set()
        for authority in wanted:
            try:
                await self._look(authority)
            except HanseError as error:
                log.info("spaces.hint", authority=authority, why=str(error))
        untold, self._untold = self._untold, {}
        for slug, space in untold.items():
            await self._send(slug, space)

    async def _send(self, slug: str, space: str) -> None:
        members = await self._db.read(slug, member_store.members, slug)
        gate, body = asyncio.Semaphore(AT_ONCE), msgspec.json.encode(Hint(space))
        roots = [
            dids.root_of(dids.Did(one.did)) for one in members if self._participants.document(dids.Did(one.did)) is None
        ]

        async def send(root: str) -> None:
            async with gate:
                try:
                    await self._http.post(
                        f"{root}/space/hint",
                        body,
                        headers={"Content-Type": "application/json"},
                        limit=4_096,
                        total_s=TOTAL_S,
                    )
                except HanseError as error:
                    log.info("spaces.hint", root=root, why=str(error))

        await asyncio.gather(*(send(root) for root in roots))

"""Groups of spaces that a participant joined: how it stands to them, and what it asks their authorities for.

A town agrees, or leaves; who keeps a group adds and removes others, from its own process (spec/spaces.md 7.2).
"""

from collections.abc import Sequence

import msgspec

from connector.errors import PeerError, Unknown
from connector.http import strict
from connector.participants.service import Hosted, Participants
from connector.spaces import grouping, joined_store
from connector.spaces.documents import PATH, GroupStanding, RequestClaims
from connector.spaces.groups import SpaceGroups
from connector.spaces.joining import Joining, refusal
from connector.spaces.model import MOST_GROUPS, Joined
from connector.storage.database import Database

LIMIT = 262_144


class GroupsElsewhere:
    """Of all participants of this process; `groups` are those of spaces that they keep themselves."""

    def __init__(self, db: Database, participants: Participants, joining: Joining, groups: SpaceGroups) -> None:
        self._db, self._participants, self._joining, self._groups = db, participants, joining, groups

    async def all(self, slug: str) -> Sequence[GroupStanding]:
        """The groups of all spaces that it belongs to, as their authorities say now; raises PeerError, Unavailable."""
        hosted = await self._participants.get(slug)
        found: list[GroupStanding] = []
        for one in await self._db.read(slug, joined_store.all_joined, slug):
            if one.state == "member":
                found += await self._of(hosted, one)
        return found

    async def _of(self, hosted: Hosted, one: Joined) -> Sequence[GroupStanding]:
        answer = await self._joining.read(hosted, one, "groups")
        if answer.status != 200:
            raise refusal(answer)
        try:
            read = msgspec.convert(strict.loads(answer.body, limit=LIMIT), list[GroupStanding])
        except msgspec.ValidationError as cause:
            raise PeerError("spaces.statement") from cause
        return [said for said in read[:MOST_GROUPS] if grouping.space_of(said.group) == one.space]

    async def ask(self, slug: str, claims: RequestClaims) -> None:
        """Asks the authority of the space whose group it is; raises Unknown if it did not join that."""
        hosted = await self._participants.get(slug)
        if claims.space == hosted.participant.root + PATH:
            return await self._groups.own(slug, claims)
        one = await self._db.read(slug, joined_store.joined, slug, claims.space)
        if one is None or one.state != "member":
            raise Unknown("spaces.not-joined", space=claims.space[:200])
        return await self._joining.request(hosted, one, claims)

"""What a participant says of its mergers to the authority of a space that it joined, and takes back in time.

Whoever became part of another one says so of itself, whoever takes it in says the same; each may take its own word back
(spec/spaces.md 4.7; threat T122).
"""

from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.documents import RequestClaims
from connector.dataspace.spaces.joining import said_mergers
from connector.dataspace.spaces.joining.joining import Joining
from connector.dataspace.spaces.keeping.authority import record
from connector.dataspace.spaces.model import Joined
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Hosted, Participants


class OwnMergers:
    """What the participants of this process say of their mergers."""

    def __init__(self, db: Database, participants: Participants, joining: Joining) -> None:
        self._db, self._participants, self._joining = db, participants, joining

    async def say(self, slug: str, space: str, member: str, into: str, since: int) -> RequestClaims:
        """Says to the authority that `member` is part of `into` since then (ms), both DIDs, of which one is ours (or
        empty). The other one has to say the same. Raises Unknown, Mistake, or what the authority says.
        """
        hosted, found = await self._member(slug, space)
        member, into = member or hosted.participant.did, into or hosted.participant.did
        if hosted.participant.did not in (member, into) or member == into:
            raise Mistake("spaces.merger-whose")
        said = RequestClaims(space=space, request="merge", member=member, into=into, since=rfc3339(since))
        await self._joining.request(hosted, found, said)
        await self._db.write(slug, self._said, hosted, said)
        for other in await self._participants.all() if member == hosted.participant.did else ():
            if other.participant.did == into:
                await self._db.write(other.participant.id, said_mergers.remember_asked, other, said)
        return said

    def _said(self, tx: Tx, hosted: Hosted, said: RequestClaims) -> None:
        record(
            tx, hosted, "merger said", tx.actor, space=said.space, member=said.member, into=said.into, since=said.since
        )
        said_mergers.remember(tx, hosted, said)

    async def withdraw(self, slug: str, space: str, member: str = "") -> Joined:
        """Takes back what the participant said of itself, or of `member` (a DID), while nobody has decided it.

        The same again is the same. Raises Unknown, or what the authority says.
        """
        hosted, found = await self._member(slug, space)
        said = RequestClaims(space=space, request="merge-withdraw", member=member or hosted.participant.did)
        await self._joining.request(hosted, found, said)
        return await self._db.write(slug, self._withdrawn, hosted, found, said.member)

    def _withdrawn(self, tx: Tx, hosted: Hosted, seen: Joined, member: str) -> Joined:
        record(tx, hosted, "merger taken back", tx.actor, space=seen.space, member=member)
        return said_mergers.forget(tx, seen, member)

    async def _member(self, slug: str, space: str) -> tuple[Hosted, Joined]:
        """The participant in that space; raises Unknown unless it is a member there."""
        hosted = await self._participants.get(slug)
        found = await self._db.read(slug, joined_store.joined, slug, space)
        if found is None or found.state != "member":
            raise Unknown("spaces.not-joined", space=space[:200])
        return hosted, found

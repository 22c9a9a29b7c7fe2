"""Groups that a participant keeps of its partners: changed by its people, with what follows for data that flow.

Whoever is taken out gets no more bytes under a rule that names the group: what runs with it is reviewed by a row of the
same transaction (spec/spaces.md 8.2; threat T107). Whoever is put in gets what is offered to the group: that opens data
as a publication does, and passes the same gate (decision 0162; threat T145).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from connector.data.approvals.widening import Widening
from connector.exchange.transfer.enforcement import Enforcement
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants import groups
from connector.identity.participants.groups import Group, GroupMembership
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants


class GroupMembers(NamedTuple):
    """A group, its IRI, and everybody who is or was in it."""

    group: Group
    iri: str
    members: Sequence[GroupMembership]


class PartnerGroups:
    """Of all participants of this process."""

    def __init__(self, db: Database, participants: Participants, enforcement: Enforcement, widening: Widening) -> None:
        self._db, self._participants, self._enforcement, self._widening = db, participants, enforcement, widening

    async def all(self, slug: str) -> Sequence[GroupMembers]:
        """By name, ended ones too."""
        one = (await self._participants.get(slug)).participant

        def read(tx: Tx) -> Sequence[GroupMembers]:
            return [_filled(tx, one, group.name) for group in groups.groups(tx, slug)]

        return await self._db.read(slug, read)

    async def get(self, slug: str, name: str) -> GroupMembers:
        """Raises Unknown."""
        one = (await self._participants.get(slug)).participant
        return await self._db.read(slug, _filled, one, name)

    async def begin(self, slug: str, name: str, label: Mapping[str, str]) -> GroupMembers:
        """A group without members, or another name for it; the same again is the same. Raises Mistake."""
        return await self._change(slug, name, lambda tx, one: groups.begin(tx, one, name, label))

    async def end(self, slug: str, name: str) -> GroupMembers:
        """Nobody is in it any more; raises Unknown."""

        def unit(tx: Tx, one: Participant) -> None:
            self._enforcement.members_changed(tx, slug, groups.end(tx, one, name))

        return await self._change(slug, name, unit)

    async def add(self, slug: str, name: str, did: str) -> GroupMembers:
        """Raises Unknown, PeerError for what is no DID, and Mistake, also where more people would have to agree if what
        is offered to the group, by an offer or a draft that waits, were published now."""

        def unit(tx: Tx, one: Participant) -> None:
            if groups.add(tx, one, name, did):
                self._require_alone(tx, one, name)
                self._enforcement.members_changed(tx, slug, frozenset((did,)))

        return await self._change(slug, name, unit)

    async def remove(self, slug: str, name: str, did: str) -> GroupMembers:
        """What runs with it is judged anew at once; raises Unknown."""

        def unit(tx: Tx, one: Participant) -> None:
            if groups.remove(tx, one, name, did):
                self._enforcement.members_changed(tx, slug, frozenset((did,)))

        return await self._change(slug, name, unit)

    def _require_alone(self, tx: Tx, one: Participant, name: str) -> None:
        """Raises Mistake in words that are true of a group: it is no draft that others could agree to."""
        try:
            self._widening.require_alone(tx, one.id, [place + name for place in groups.places(one)])
        except Mistake as refused:
            raise Mistake("participants.group-widens", group=name) from refused

    async def _change(self, slug: str, name: str, what: Callable[[Tx, Participant], None]) -> GroupMembers:
        one = (await self._participants.get(slug)).participant

        def unit(tx: Tx) -> GroupMembers:
            what(tx, one)
            return _filled(tx, one, name)

        return await self._db.write(slug, unit)


def _filled(tx: Tx, one: Participant, name: str) -> GroupMembers:
    found = groups.group(tx, one.id, name)
    return GroupMembers(found, groups.place(one.root) + name, groups.members(tx, one.id, name))

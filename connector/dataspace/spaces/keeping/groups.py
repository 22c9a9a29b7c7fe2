"""Groups that a space has: begun and ended by its authority, filled by whoever keeps them, agreed to by each member.

What changes is in the next version of the list, with since and until, so that a decision can be made again later
(spec/spaces.md 7; threat T107). Who is a member of the space no more is in none of its groups. What the authority
offers to a group itself opens to whom its own people let in: that passes the gate of its publications (decision 0190).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from connector.data.approvals.widening import Widening
from connector.dataspace.spaces import group_store, member_store, store
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import GroupStanding, RequestClaims
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.model import (
    MOST_GROUPED,
    MOST_GROUPS,
    MOST_IN_GROUP,
    MOST_OF_MEMBER,
    Group,
    GroupedState,
    GroupMembership,
    Member,
)
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.model import checked_name
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.did import did as dids


class GroupMembers(NamedTuple):
    """A group, its IRI, and everybody who ever was asked to be in it."""

    group: Group
    iri: str
    grouped: Sequence[GroupMembership]


class SpaceGroups:
    """Groups of all spaces that participants of this process keep."""

    def __init__(self, db: Database, participants: Participants, authority: SpaceAuthority, widening: Widening) -> None:
        self._db, self._participants, self._authority, self._widening = db, participants, authority, widening

    # By a person of the authority

    async def put(
        self, slug: str, name: str, label: Mapping[str, str], keeper: str = "", login: str = ""
    ) -> GroupMembers:
        """Begins a group, or gives it another name or keeper; `keeper` is a member's DID, none: the authority.

        Raises Mistake for a name that cannot be or a group that has ended, or where others would have to agree that
        somebody else says who is in it, and Unknown for a keeper that is no member.
        """
        hosted = await self._participants.get(slug)
        called = {lang: checked_name(said.strip()) for lang, said in label.items()}
        grouping.checked_name(name)
        if not called or not all(called.values()):
            raise Mistake("spaces.name")

        def unit(tx: Tx) -> GroupMembers:
            self._authority.held(tx, slug)
            voter, keeps = self._authority.voter(tx, slug, login), keeper or hosted.participant.did
            self._active(tx, slug, keeps)
            known = group_store.group(tx, slug, name)
            if known is None and len(group_store.groups(tx, slug)) >= MOST_GROUPS:
                raise Mistake("spaces.groups-many", most=MOST_GROUPS)
            before = known or Group(participant=slug, name=name, label=called, keeper=keeps, made_at=tx.now)
            grouping.require_going(before)
            after = replace(before, label=called, keeper=keeps)
            if not hosted.participant.is_me(keeps) and (known is None or keeps != before.keeper):
                self._require_alone(tx, slug, name)
            if after != known:
                after = group_store.put_group(tx, after)
                store.changed(tx, slug)
                listing.require_room(tx, slug)
                record(tx, hosted, "group", voter.who, group=name, keeper=keeps)
            return self._filled(tx, slug, after)

        return await self._db.write(slug, unit)

    async def end(self, slug: str, name: str, login: str = "") -> GroupMembers:
        """Nobody is in it any more, and it never comes back; raises Unknown."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> GroupMembers:
            voter, found = self._authority.voter(tx, slug, login), self._group(tx, slug, name)
            if found.ended_at is None:
                found = group_store.put_group(tx, replace(found, ended_at=tx.now))
                group_store.end(tx, slug, name=name)
                store.changed(tx, slug)
                record(tx, hosted, "group ended", voter.who, group=name)
            return self._filled(tx, slug, found)

        return await self._db.write(slug, unit)

    async def ask(self, slug: str, name: str, did: str, login: str = "") -> GroupMembers:
        """A member is asked to be in it; the authority itself is at once. Raises Mistake, also where others would have
        to agree to what opens to it by that."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> GroupMembers:
            voter, found = self._authority.voter(tx, slug, login), self._group(tx, slug, name)
            self._ask(tx, hosted, found, did, hosted.participant.did, voter.who)
            return self._filled(tx, slug, found)

        return await self._db.write(slug, unit)

    async def remove(self, slug: str, name: str, did: str, login: str = "") -> GroupMembers:
        """A member is in it no more, or asked no more; the same again is the same. Raises PeerError for no DID."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> GroupMembers:
            voter, found = self._authority.voter(tx, slug, login), self._group(tx, slug, name)
            self._end(tx, hosted, found, did, voter.who)
            return self._filled(tx, slug, found)

        return await self._db.write(slug, unit)

    async def all(self, slug: str) -> Sequence[GroupMembers]:
        """By name, ended ones too; raises Unknown without a space."""
        await self._participants.get(slug)
        return await self._db.read(slug, self._all, slug)

    def _all(self, tx: Tx, slug: str) -> Sequence[GroupMembers]:
        self._authority.held(tx, slug)
        return [self._filled(tx, slug, one) for one in group_store.groups(tx, slug)]

    # By members

    async def own(self, slug: str, claims: RequestClaims) -> None:
        """What the authority asks for as a member of its own space."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            found = member_store.member(tx, slug, hosted.participant.did)
            assert found is not None
            self.receive(tx, hosted, found, claims)

        await self._db.write(slug, unit)

    def receive(self, tx: Tx, hosted: Hosted, asks: Member, claims: RequestClaims) -> None:
        """What a member signed about a group: its keeper asks or removes somebody, a member agrees or leaves.

        Raises NotKeeper, Unknown for a group or member that is none, PeerError for who agrees without being asked, or
        where others of the authority would have to agree by now to what opens by that.
        """
        slug = hosted.participant.id
        group = self._group(tx, slug, grouping.name_of(self._authority.held(tx, slug).space, claims.group))
        if claims.request == "group-agree":
            self._agree(tx, hosted, group, asks)
        elif claims.request == "group-leave":
            self._end(tx, hosted, group, asks.did, asks.did)
        else:
            grouping.require_keeper(group, asks)
            if claims.request == "group-add":
                self._ask(tx, hosted, group, claims.member, asks.did, asks.did)
            else:
                self._end(tx, hosted, group, claims.member, asks.did)

    async def standing(self, slug: str, did: str) -> Sequence[GroupStanding]:
        """What a member may read: each group, how it stands to it, and whom it asked if it keeps the group."""
        return await self._db.read(slug, self._standing, slug, did)

    def _standing(self, tx: Tx, slug: str, did: str) -> Sequence[GroupStanding]:
        found = []
        for group, iri, grouped in self._all(tx, slug):
            if group.ended_at is None:
                states: dict[str, GroupedState] = {one.did: one.state for one in grouped if one.state != "ended"}
                found.append(
                    GroupStanding(
                        group=iri,
                        name=dict(group.label),
                        keeper=group.keeper,
                        state=states.get(did, ""),
                        members=states if did == group.keeper else {},
                    )
                )
        return found

    # What both do

    def _ask(self, tx: Tx, hosted: Hosted, group: Group, did: str, by: str, who: str) -> None:
        """Who asks itself has agreed. What the authority asks for is the word of its own people."""
        slug = group.participant
        grouping.require_going(group)
        self._active(tx, slug, did)
        within = group_store.grouped(tx, slug, name=group.name)
        if (open_ := next((one for one in within if one.did == did and one.state != "ended"), None)) is not None:
            if did == by:
                self._joins(tx, hosted, group, open_, who)
            return
        if hosted.participant.is_me(by) and not hosted.participant.is_me(did):
            self._require_alone(tx, slug, group.name)
        _require_fewer(within, MOST_IN_GROUP)
        _require_fewer(group_store.grouped(tx, slug, did=did), MOST_OF_MEMBER)
        if group_store.going_on(tx, slug) >= MOST_GROUPED:
            raise Mistake("spaces.groups-many", most=MOST_GROUPED)
        number = 1 + sum(one.did == did for one in within)
        since = tx.now if did == by else None
        group_store.insert_grouped(
            tx,
            GroupMembership(
                participant=slug, name=group.name, did=did, number=number, asked_at=tx.now, asked_by=by, since=since
            ),
        )
        if since is not None:
            store.changed(tx, slug)
            listing.require_room(tx, slug)
        record(tx, hosted, "group asked" if since is None else "group joined", who, group=group.name, did=did)

    def _agree(self, tx: Tx, hosted: Hosted, group: Group, asks: Member) -> None:
        grouping.require_going(group)
        rows = group_store.grouped(tx, group.participant, name=group.name, did=asks.did)
        open_ = next((one for one in rows if one.state != "ended"), None)
        if open_ is None or asks.state != "active":
            raise PeerError("spaces.group-not-asked", group=group.name)
        self._joins(tx, hosted, group, open_, asks.did)

    def _joins(self, tx: Tx, hosted: Hosted, group: Group, asked: GroupMembership, who: str) -> None:
        """Who was asked is in it from now on; who is in it already stays. Whom the authority asked before it offered
        anything to the group was not in it when its people looked at that."""
        if asked.state == "asked":
            ours = hosted.participant.is_me(asked.asked_by) and not hosted.participant.is_me(asked.did)
            if ours and self._widens(tx, asked.participant, group.name):
                raise PeerError("spaces.group-closed")
            group_store.agree(tx, asked)
            store.changed(tx, group.participant)
            listing.require_room(tx, group.participant)
            record(tx, hosted, "group joined", who, group=group.name, did=asked.did)

    def _end(self, tx: Tx, hosted: Hosted, group: Group, did: str, who: str) -> None:
        """Raises PeerError for what is no DID."""
        if group_store.end(tx, group.participant, name=group.name, did=dids.parse(did)):
            store.changed(tx, group.participant)
            record(tx, hosted, "group left", who, group=group.name, did=did)

    def _require_alone(self, tx: Tx, slug: str, name: str) -> None:
        """Raises Mistake in words that are true of a group of the authority itself."""
        if self._widens(tx, slug, name):
            raise Mistake("spaces.group-widens", group=name)

    def _widens(self, tx: Tx, slug: str, name: str) -> bool:
        """Whether more people of the authority would have to agree to what opens to whoever is put in."""
        try:
            self._widening.require_alone(tx, slug, [grouping.iri(self._authority.held(tx, slug).space, name)])
        except Mistake:
            return True
        return False

    def _group(self, tx: Tx, slug: str, name: str) -> Group:
        self._authority.held(tx, slug)
        found = group_store.group(tx, slug, name)
        if found is None:
            raise Unknown("spaces.no-group", group=name[:200])
        return found

    def _active(self, tx: Tx, slug: str, did: str) -> None:
        found = member_store.known(tx, slug, did)
        if found is None or found.state != "active":
            raise Unknown("spaces.no-member", did=did[:200])

    def _filled(self, tx: Tx, slug: str, group: Group) -> GroupMembers:
        space = self._authority.held(tx, slug).space
        return GroupMembers(group, grouping.iri(space, group.name), group_store.grouped(tx, slug, name=group.name))


def _require_fewer(rows: Sequence[GroupMembership], most: int) -> None:
    """Raises Mistake if so many of them go on."""
    if sum(one.state != "ended" for one in rows) >= most:
        raise Mistake("spaces.groups-many", most=most)

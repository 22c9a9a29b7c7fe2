"""Mergers in a space: taken from both members, decided by people of its authority, and in the next list.

Where both towns had a connector, each says it under its own key, so nobody takes another one in, or is taken in, by the
word of somebody else (spec/spaces.md 4.7; threat T122).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from connector.data.approvals import decide as ballots
from connector.dataspace.spaces import member_store, store
from connector.dataspace.spaces.decision import merging
from connector.dataspace.spaces.decision.merging import NOTHING, ShownMerger
from connector.dataspace.spaces.documents import MergerStanding, RequestClaims
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.model import OVER, Member, Merger
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.trust_list import millis


class MemberMerger(NamedTuple):
    """A member, whom it is part of, or says to be, and how that is called; `own`: it is the authority itself, whose
    people need no other word of it."""

    member: Member
    merger: Merger
    into_name: str
    own: bool

    def state(self, now: int) -> Literal["asked", "said", "approved", "refused", "expired", "withdrawn", "lapsed"]:
        """At this time (ms): asked by the member, said by both, taken back by the member, over since either moved, or
        decided."""
        match ballots.expire(self.merger.ballot, now).state:
            case "approved":
                return "approved"
            case "refused":
                return "refused"
            case "withdrawn":
                return "lapsed" if self.merger.lapsed else "withdrawn"
            case "open":
                return "said" if self.merger.agreed or self.own else "asked"
            case _:
                return "expired"

    def missing(self, now: int) -> int:
        """How many people have to agree yet."""
        return max(self.merger.ballot.missing("steward"), 0) if self.state(now) in ("asked", "said") else 0


class Mergers:
    """Mergers of all spaces that participants of this process keep."""

    def __init__(self, db: Database, clock: Clock, participants: Participants, authority: SpaceAuthority) -> None:
        self._db, self._clock, self._participants, self._authority = db, clock, participants, authority

    def receive(self, tx: Tx, hosted: Hosted, found: Member, claims: RequestClaims) -> None:
        """What a member said of itself, or of another one that became part of it; raises PeerError."""
        slug = hosted.participant.id
        space = self._authority.held(tx, slug, lock=True)  # two that are decided at once could make a circle
        members = _members(tx, slug)
        if claims.request == "merge-withdraw":
            after = merging.withdrawn(members.get(claims.member), found.did, tx.now)
            event = "merger withdrawn" if after.did == found.did else "merger agreement withdrawn"
            self._save(tx, hosted, members, after, event)
            return
        try:
            since = millis(claims.since)
        except ValueError as cause:
            raise PeerError("spaces.statement") from cause
        if claims.member == found.did:
            after = merging.asked(found, claims.into, since, space.rules, members, tx.now)
            self._save(tx, hosted, members, after, "merger asked")
        elif claims.into == found.did:
            after = merging.agreed(members.get(claims.member), claims.into, since, members, tx.now)
            self._save(tx, hosted, members, after, "merger agreed")
        else:
            raise PeerError("spaces.statement")

    def moved(self, tx: Tx, hosted: Hosted, before: Member, after: Member) -> None:
        """A member works elsewhere: who said to be part of it says so anew, and so does it."""
        fall(tx, hosted, (before.did,))
        if after.merger is not None and after.merger != before.merger:
            record(tx, hosted, "merger lapsed", did=after.did, into=after.merger.into)

    async def all(self, slug: str) -> Sequence[MemberMerger]:
        """Members that say to be part of another one, by name; raises Unknown without a space."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Sequence[MemberMerger]:
            self._authority.held(tx, slug)
            members = _members(tx, slug)
            return [
                MemberMerger(
                    one, it, members[it.into].name if it.into in members else "", it.into == hosted.participant.did
                )
                for one in members.values()
                if (it := one.merger) is not None and one.state not in OVER
            ]

        return await self._db.read(slug, unit)

    async def standing(self, slug: str, did: str) -> Sequence[MergerStanding]:
        """What a member may read: mergers in which it is either of the two, also by a DID that it had before."""
        found, now = await self.all(slug), self._clock.now()
        known = await self._db.read(slug, _members, slug)
        names = merging.names(did, known)
        return [
            MergerStanding(member=one.member.did, into=it.into, since=it.since, state=one.state(now))
            for one in found
            if names & {one.member.did, (it := one.merger).into}
        ]

    async def approve(self, slug: str, did: str, login: str = "", seen: ShownMerger = NOTHING) -> Member:
        """A person agrees; with the last one that is needed the list says it. Raises Unknown, Mistake, Late, NotYours.

        The same person again changes nothing. Until it is decided the member may say something else: so nobody agrees
        by accident to what is not what she has `seen`.
        """
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Member:
            self._authority.held(tx, slug, lock=True)
            voter, members = self._authority.voter(tx, slug, login), _members(tx, slug)
            own = hosted.participant.did
            after = merging.approved(_named(members, did), voter, members, own, tx.now, seen)
            saved = self._save(tx, hosted, members, after, "merger approved", voter.who)
            if merging.listed(saved) is not None:
                store.changed(tx, slug)
                listing.require_room(tx, slug)
            return saved

        return await self._db.write(slug, unit)

    async def refuse(self, slug: str, did: str, reason: str, login: str = "") -> Member:
        """One no ends it, with the reason; raises Unknown, Mistake, Late or NotYours."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Member:
            self._authority.held(tx, slug, lock=True)
            voter, members = self._authority.voter(tx, slug, login), _members(tx, slug)
            after = merging.refused(_named(members, did), voter, reason, tx.now)
            return self._save(tx, hosted, members, after, "merger refused", voter.who)

        return await self._db.write(slug, unit)

    def _save(
        self, tx: Tx, hosted: Hosted, members: Mapping[str, Member], after: Member, event: str, who: str = ""
    ) -> Member:
        """What changes is an entry of the log; what does not, is not."""
        if after == members[after.did] or after.merger is None:
            return after
        saved = member_store.put_member(tx, after)
        record(tx, hosted, event, *filter(None, (who,)), did=after.did, into=after.merger.into)
        return saved


def fall(tx: Tx, hosted: Hosted, dids: Collection[str]) -> None:
    """These are members no more, or others stand in their place: who said to be part of one waits for nothing."""
    for one, into in merging.lapsed(_members(tx, hosted.participant.id), dids, tx.now):
        member_store.put_member(tx, one)
        record(tx, hosted, "merger lapsed", did=one.did, into=into)


def _members(tx: Tx, slug: str) -> Mapping[str, Member]:
    return {one.did: one for one in member_store.members(tx, slug)}


def _named(members: Mapping[str, Member], did: str) -> Member:
    if did not in members:
        raise Unknown("spaces.no-member", did=did[:200])
    return members[did]

"""Seal certificates above level L1 and stolen keys: what people of an authority decide of them (spec/spaces.md 3.4).

The list says of a certificate that the authority has looked at it, so nobody but people puts one there; and nobody but
they says that a key counted no more before the authority heard of it (threat T152).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from connector.dataspace.spaces import member_store, store
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.documents import CertificateStanding
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.model import Member, Space
from connector.dataspace.spaces.seal_model import AskedSeal
from connector.foundation.errors import Unknown
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import TrustList


class WaitingCertificate(NamedTuple):
    """A certificate of a member that counts once so many people more have agreed; at 0 it was refused."""

    member: Member
    asked: AskedSeal
    missing: int


class Certificates:
    """For all spaces that participants of this process keep."""

    def __init__(self, db: Database, participants: Participants, authority: SpaceAuthority) -> None:
        self._db, self._participants, self._authority = db, participants, authority

    async def all(self, slug: str) -> Sequence[WaitingCertificate]:
        """What waits, by the name of the member; raises Unknown without a space."""
        await self._participants.get(slug)

        def unit(tx: Tx) -> Sequence[WaitingCertificate]:
            rules = self._authority.held(tx, slug).rules
            return [
                WaitingCertificate(one, asked, max(sealing.ballot(asked, rules).missing("steward"), 0))
                for one in member_store.members(tx, slug)
                for asked in sealing.waiting(one)
            ]

        return await self._db.read(slug, unit)

    async def approve(self, slug: str, did: str, sha256: str, login: str = "") -> None:
        """A person agrees; with the last one that is needed the list names it from then on.

        Raises Unknown, Mistake, Late or NotYours.
        """
        await self._change(
            slug,
            did,
            login,
            "certificate approved",
            {"sha256": sha256},
            lambda one, voter, space, now: sealing.approved(one, sha256, voter, space.rules, now),
        )

    async def refuse(self, slug: str, did: str, sha256: str, login: str = "", reason: str = "") -> None:
        """One no ends it: it is asked for anew once the member has named it no more. Raises as `approve` does."""
        await self._change(
            slug,
            did,
            login,
            "certificate refused",
            {"sha256": sha256, "reason": plain(reason, sealing.LONGEST)},
            lambda one, voter, space, now: sealing.refused(one, sha256, voter, space.rules, now, reason),
        )

    async def standing(self, slug: str, did: str) -> Sequence[CertificateStanding]:
        """What a member may read: how its own certificates stand, and nobody else's; raises Unknown."""
        found = await self._db.read(slug, _member, slug, did)
        listed = (CertificateStanding(sha256=one, state="listed") for one in sealing.names(found.keys))
        asked = (
            CertificateStanding(sha256=one.sha256, state="refused" if one.refused else "waiting", reason=one.reason)
            for one in found.keys.asked
        )
        return [*listed, *asked]

    async def strike(self, slug: str, did: str, name: str, since: int, login: str = "") -> None:
        """A certificate (SHA-256) or a key of a witness (thumbprint) of the member, or of who was one, counts no more
        from that time (ms) on. Raises Unknown, Mistake or NotYours."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            self._authority.held(tx, slug, lock=True)
            voter, found = self._authority.voter(tx, slug, login), _member(tx, slug, did)
            newest = store.newest_version(tx, slug, signed=True)
            listed = None if newest is None else msgspec.json.decode(newest.claims, type=TrustList)
            after = sealing.struck(found, name, since, sealing.strikable(found, listed), tx.now)
            if after == found:
                return
            member_store.put_member(tx, after)
            store.changed(tx, slug)
            at = next(one.since for one in after.keys.strikes if one.name == name)
            record(tx, hosted, "struck off", voter.who, did=did, key=name, since=at)

        await self._db.write(slug, unit)

    async def _change(
        self,
        slug: str,
        did: str,
        login: str,
        event: str,
        facts: dict[str, str],
        decided: Callable[..., Member],
    ) -> None:
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            space: Space = self._authority.held(tx, slug, lock=True)
            voter, found = self._authority.voter(tx, slug, login), _member(tx, slug, did)
            after = decided(found, voter, space, tx.now)
            if after == found:
                return
            member_store.put_member(tx, after)
            if after.keys.seal_certificates != found.keys.seal_certificates:
                store.changed(tx, slug)
                listing.require_room(tx, slug)
            record(tx, hosted, event, voter.who, did=did, **facts)

        await self._db.write(slug, unit)


def _member(tx: Tx, slug: str, did: str) -> Member:
    found = member_store.member(tx, slug, did)
    if found is None:
        raise Unknown("spaces.no-member", did=did[:200])
    return found

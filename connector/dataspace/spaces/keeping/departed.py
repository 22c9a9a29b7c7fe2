"""Whoever lost the role of a steward: her yes to what waits in a space that is kept here ends with it, for good.

Applications, mergers and seal certificates wait for people of the authority as drafts and contracts do for those of a
participant, so the same rule holds (spec/approvals.md 2.1; threat T174). Called in the transaction that takes the role.
"""

from msgspec.structs import replace

from connector.data.approvals import decide as ballots
from connector.dataspace.spaces import application_store, member_store
from connector.dataspace.spaces.decision import merging, sealing
from connector.dataspace.spaces.keeping.authority import ROLE, record
from connector.foundation.storage.database import SYSTEM, Tx
from connector.identity.accounts.model import Role
from connector.identity.participants.service import Participants


class SpaceDepartures:
    """Implements `accounts.people.Departures`."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    def lost_role(self, tx: Tx, slug: str, who: str, role: Role) -> None:
        """Yeses that this pseudonym has said to what is not decided yet are taken back."""
        if role != ROLE:
            return
        hosted = self._participants.held(slug)
        for one in application_store.applications(tx, slug, "pending"):
            ballot = ballots.departed(one.ballot, who, role)
            if ballot != one.ballot:
                application_store.save_application(tx, replace(one, ballot=ballot))
                record(tx, hosted, "role-lost", SYSTEM, application=one.id)
        for member in member_store.naming(tx, slug, who):
            after = sealing.departed(merging.departed(member, who, role), who, role)
            if after != member:
                member_store.put_member(tx, after)
                record(tx, hosted, "role-lost", SYSTEM, did=member.did)

    def removed(self, tx: Tx, slug: str, who: str) -> None:
        """Nobody of ours writes what waits here, so nobody is missed as its author."""

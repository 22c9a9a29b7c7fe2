"""Whoever lost a role, or is nobody any more: her yes to what waits ends with the role, for good.

Called in the transaction that takes the role, so nobody sees a yes of somebody who may not say it. Whoever was removed
may come again under another pseudonym; what she wrote has an author of whom nobody can say who she is (2.1).
"""

from msgspec.structs import replace

from connector.accounts.model import Role
from connector.approvals import store
from connector.approvals.decide import ROLE_OF
from connector.approvals.service import log
from connector.participants.service import Participants
from connector.storage.database import SYSTEM, Tx


class Departures:
    """Implements `accounts.people.Departures`."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    def lost_role(self, tx: Tx, slug: str, who: str, role: Role) -> None:
        """Yeses that this pseudonym has said in that role to what is not decided yet are taken back."""
        did = self._participants.held(slug).participant.did
        for one in store.open_with_vote(tx, slug, who):
            left = tuple(vote for vote in one.ballot.votes if vote.who != who or ROLE_OF[vote.part] != role)
            if left != one.ballot.votes:
                saved = store.save(tx, replace(one, ballot=replace(one.ballot, votes=left)))
                log(tx, did, saved, SYSTEM, "role-lost")

    def removed(self, tx: Tx, slug: str, who: str) -> None:
        """Of what waits, nobody knows any more who its author of this pseudonym was."""
        store.forget_author(tx, slug, who)

"""Whoever lost a role, or is nobody any more: her yes to what waits ends with the role, for good.

Called in the transaction that takes the role, so nobody sees a yes of somebody who may not say it. Whoever was removed
may come again under another pseudonym; what she wrote has an author of whom nobody can say who she is (2.1). Whoever
asked for an offer is the first of two only as long as she is a steward.
"""

from collections.abc import Callable

from msgspec.structs import replace

from connector.data.approvals import decide, rule_proposals, store
from connector.data.approvals.model import NOBODY
from connector.data.approvals.service import log
from connector.foundation.storage.database import SYSTEM, Tx
from connector.identity.accounts.model import Role
from connector.identity.participants.service import Participants


class Departures:
    """Implements `accounts.people.Departures`. Each `forget` takes her name from what is not out yet, too."""

    def __init__(self, participants: Participants, *forget: Callable[[Tx, str, str], None]) -> None:
        self._participants, self._forget = participants, forget

    def lost_role(self, tx: Tx, slug: str, who: str, role: Role) -> None:
        """Yeses that this pseudonym has said in that role to what is not decided yet are taken back; so is that she
        asked for an offer."""
        did = self._participants.held(slug).participant.did
        for one in store.open_naming(tx, slug, who):
            asked = one.subject == "offer" and role == "steward" and who in one.ballot.authors
            ballot = decide.departed(one.ballot, who, role)
            ballot = replace(ballot, drafter=NOBODY if asked else ballot.drafter)
            if ballot != one.ballot:
                saved = store.save(tx, replace(one, ballot=ballot))
                log(tx, did, saved, SYSTEM, "role-lost")
        rule_proposals.forget(tx, slug, who, role)

    def removed(self, tx: Tx, slug: str, who: str) -> None:
        """Of what waits, nobody knows any more who its author of this pseudonym was."""
        store.forget_author(tx, slug, who)
        for one in self._forget:
            one(tx, slug, who)

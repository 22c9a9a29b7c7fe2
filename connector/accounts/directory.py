"""Who may do what at a participant, by pseudonym, and what she is called: for slices that act on people's word.

Nothing of it is kept elsewhere: whoever lost a role has lost it in the next transaction.
"""

from connector.accounts import store
from connector.accounts.model import Member
from connector.storage.database import Tx


class Directory:
    """Reads in the caller's transaction, in the participant's scope."""

    def holding(self, tx: Tx, slug: str, role: str) -> frozenset[str]:
        """The pseudonyms of those who have this role."""
        return frozenset(one.pseudonym for one in store.members(tx, slug) if role in one.roles)

    def members(self, tx: Tx, slug: str) -> list[Member]:
        """Everybody with a role, by name."""
        return [one for one in store.members(tx, slug) if one.roles]

    def name(self, tx: Tx, slug: str, pseudonym: str) -> str:
        """What she is called; empty once she is not known any more."""
        found = store.called(tx, slug, pseudonym)
        return "" if found is None else found.name

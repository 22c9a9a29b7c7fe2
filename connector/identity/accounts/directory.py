"""Who may do what at a participant, by pseudonym, and what she is called: for slices that act on people's word.

Nothing of it is kept elsewhere: whoever lost a role has lost it in the next transaction.
"""

from collections.abc import Iterable

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.identity.accounts import store
from connector.identity.accounts.model import Member
from connector.identity.accounts.signing_in import folded


class Directory:
    """Reads in the caller's transaction, in the participant's scope."""

    def holding(self, tx: Tx, slug: str, role: str) -> frozenset[str]:
        """The pseudonyms of those who have this role."""
        return frozenset(one.pseudonym for one in store.members(tx, slug) if role in one.roles)

    def members(self, tx: Tx, slug: str) -> list[Member]:
        """Everybody with a role, by name."""
        return [one for one in store.members(tx, slug) if one.roles]

    def signed_in(self, tx: Tx, slug: str, login: str) -> tuple[str, frozenset[str]] | None:
        """Pseudonym and roles of who signs in with that name and has a role here; nobody, where none can have it."""
        try:
            name = folded(login)
        except Mistake:
            return None
        found = next((one for one in store.members(tx, slug) if one.person.login == name and one.roles), None)
        return None if found is None else (found.pseudonym, frozenset[str](found.roles))

    def roles(self, tx: Tx, slug: str, pseudonym: str) -> frozenset[str]:
        """What somebody may do here."""
        found = (one.roles for one in store.members(tx, slug) if one.pseudonym == pseudonym)
        return frozenset[str](next(found, frozenset()))

    def unconfirmed(self, tx: Tx, slug: str, pseudonyms: Iterable[str]) -> list[str]:
        """Of these the names that nobody but the person herself stands for."""
        return store.unconfirmed(tx, slug, pseudonyms)

    def name(self, tx: Tx, slug: str, pseudonym: str) -> str:
        """What she is called; empty once she is not known any more."""
        found = store.called(tx, slug, pseudonym)
        return "" if found is None else found.name

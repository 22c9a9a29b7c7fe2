"""Sign-in links: one use, a few minutes. Whoever may make one vouches for the person (spec/accounts.md 4.4).

They are the way back for somebody who lost her second factor or whom a stranger's guessing keeps out, and how the
demo shows its desk. Only the operator's command line makes them. Whoever has one could be anybody who got it, so each
use is a record in the log of every participant at which the person has a role.
"""

from collections.abc import Callable

import structlog

from connector.foundation.errors import Unauthenticated
from connector.foundation.storage.database import PROCESS, SYSTEM, Database, Tx
from connector.identity.accounts import secret, session_store, sessions, store
from connector.identity.accounts.roles import OPERATOR
from connector.identity.audit import store as audit

LASTS_MS = 15 * 60_000
RECORD = "sign-in-link"
"""Type of the records that say that somebody came in on the operator's word."""
log = structlog.get_logger("accounts")


class Links:
    """`did` is what the log calls a participant, by its slug."""

    def __init__(self, db: Database, did: Callable[[str], str]) -> None:
        self._db, self._did = db, did

    async def make(self, person: str) -> str:
        """The secret of a new link; one made before for the same person is void."""
        fresh = secret.fresh()

        def unit(tx: Tx) -> None:
            session_store.forget(tx, store.person(tx, person).id, "link")
            session_store.keep(tx, secret.digest(fresh), "link", tx.now + LASTS_MS, person=person)

        await self._db.write(PROCESS, unit)
        return fresh

    async def use(self, link: str, agent: str) -> str:
        """The cookie of a new session that counts as one with a second factor; raises Unauthenticated."""

        def unit(tx: Tx) -> tuple[str, str, list[str]] | None:
            found = session_store.use(tx, secret.digest(link), "link")
            if found is None:
                return None
            cookie = sessions.opened(tx, found["person"], agent, strong=True)
            return cookie, found["person"], sorted(store.roles(tx, found["person"]))

        used = await self._db.write(PROCESS, unit) if secret.shaped(link) else None
        if used is None:
            raise Unauthenticated("accounts.link")
        cookie, person, places = used
        for slug in places:  # before anybody has the cookie
            await self._db.write(slug, self._record, slug, person)
        log.warning("accounts.link-used")  # past password and second factor: an operator wants to see it
        return cookie

    def _record(self, tx: Tx, slug: str, person: str) -> None:
        body = {"person": store.pseudonym(tx, slug, person), "change": "used", "by": OPERATOR}
        audit.append(tx, slug, RECORD, None, SYSTEM, body, did=self._did(slug))

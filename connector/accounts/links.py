"""Sign-in links: one use, a few minutes. Whoever may make one vouches for the person (spec/accounts.md 4.4).

They are the way back for somebody who lost her second factor or whom a stranger's guessing keeps out, and how the
demo shows its desk. Only the operator's command line makes them.
"""

import structlog

from connector.accounts import secret, session_store, sessions, store
from connector.errors import Unauthenticated
from connector.storage.database import PROCESS, Database, Tx

LASTS_MS = 15 * 60_000
log = structlog.get_logger("accounts")


class Links:
    def __init__(self, db: Database) -> None:
        self._db = db

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

        def unit(tx: Tx) -> str | None:
            found = session_store.use(tx, secret.digest(link), "link")
            return None if found is None else sessions.opened(tx, found["person"], agent, strong=True)

        cookie = await self._db.write(PROCESS, unit) if secret.shaped(link) else None
        if cookie is None:
            raise Unauthenticated("accounts.link")
        log.warning("accounts.link-used")  # past password and second factor: an operator wants to see it
        return cookie

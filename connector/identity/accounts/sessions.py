"""Sessions: 256 random bits in a cookie, of which the database knows the SHA-256 (spec/accounts.md 3).

What counts is read anew at each request, so a role that was taken is gone at once, on every replica. A session is never
promoted: signing in, a second factor and a new password each open another one, and what a stranger planted stays worth
nothing (threat T28).
"""

from collections.abc import Callable

from connector.foundation.errors import Unauthenticated
from connector.foundation.storage.database import PROCESS, Database, Row, Still, Tx, by_itself
from connector.identity.accounts import roles as rules
from connector.identity.accounts import secret, session_store, store
from connector.identity.accounts.model import Session, SignedIn

IDLE_MS = 30 * 60_000
LONGEST_MS = 10 * 3_600_000
TOUCH_MS = 60_000
"""A session is noted as used at most this often, so that reading a page writes nothing."""


class SessionOver(Unauthenticated):
    """It has ended since the request came: 401, and nothing of what it asked for is written."""


class Sessions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def session(self, cookie: str) -> SignedIn | None:
        """The person whose cookie this is; None if it is nobody's, or its session is over."""
        if not secret.shaped(cookie):
            return None
        digest = secret.digest(cookie)
        found, stale = await self._db.read(PROCESS, _read, cookie, digest)
        if found is not None and (stale or _nameless(found)):
            with by_itself():  # it may be another one than that of the request
                found = await self._db.write(PROCESS, _touched, cookie, digest)
        return found

    def still(self, cookie: str, permitted: Callable[[SignedIn], None]) -> Still:
        """For `acting`: raises SessionOver once the session has ended or she is called otherwise, and what `permitted`
        raises of her as she is.

        Neither the session nor a role of hers ends before the unit does: what ends with a role is there by then.
        """
        digest = secret.digest(cookie)

        def asked(tx: Tx) -> None:
            row = store.hold_rights(tx, lambda: session_store.held(tx, digest))
            if row is None:
                raise SessionOver("accounts.session-over")
            signed = _signed(tx, row, cookie)
            permitted(signed)
            if not store.named_as_now(tx, signed.pseudonyms):
                raise SessionOver("accounts.session-over")

        return asked

    async def knows(self, browser: str) -> bool:
        """Whether somebody has signed in before in the browser that has this secret."""
        if not secret.shaped(browser):
            return False
        return await self._db.read(PROCESS, session_store.look, secret.digest(browser), "browser") is not None

    async def own(self, person: str) -> list[Session]:
        return await self._db.read(PROCESS, session_store.sessions, person, IDLE_MS)

    async def end(self, person: str, session: str) -> bool:
        """Ends one of the person's own sessions."""
        return await self._db.write(PROCESS, session_store.end, person, session)

    async def end_others(self, signed: SignedIn) -> int:
        """All but the one that asks."""

        def unit(tx: Tx) -> int:
            others = [one.id for one in session_store.sessions(tx, signed.person, IDLE_MS) if one.id != signed.session]
            return sum(session_store.end(tx, signed.person, one) for one in others)

        return await self._db.write(PROCESS, unit)


def opened(tx: Tx, person: str, agent: str, *, strong: bool) -> str:
    """A new session; its cookie is shown to nobody else, and not kept."""
    cookie = secret.fresh()
    session_store.open_session(tx, secret.digest(cookie), person, agent, tx.now + LONGEST_MS, strong=strong)
    store.seen(tx, person)
    return cookie


def _nameless(signed: SignedIn) -> bool:
    """Whether there is a participant with a role of hers and no pseudonym yet."""
    return bool((signed.roles.keys() | signed.withheld.keys()) - {""} - signed.pseudonyms.keys())


def _read(tx: Tx, cookie: str, digest: str) -> tuple[SignedIn | None, bool]:
    row = session_store.session(tx, digest, IDLE_MS)
    if row is None:
        return None, False
    return _signed(tx, row, cookie), tx.now - int(row["touched_at"]) >= TOUCH_MS


def _signed(tx: Tx, row: Row, cookie: str) -> SignedIn:
    return rules.signed(
        store.person(tx, row["person"]),
        store.roles(tx, row["person"]),
        store.pseudonyms(tx, row["person"]),
        cookie,
        row["digest"][: session_store.SHOWN],
        strong=bool(row["strong"]),
    )


def _touched(tx: Tx, cookie: str, digest: str) -> SignedIn | None:
    """Noted as used, with the pseudonyms that were missing."""
    found, stale = _read(tx, cookie, digest)
    if found is None:
        return None
    if stale:
        session_store.touch(tx, digest)
    for slug in store.roles(tx, found.person):
        store.pseudonym(tx, slug, found.person)
    return _read(tx, cookie, digest)[0]

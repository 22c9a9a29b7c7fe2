"""Signing in with password and second factor, and what one changes about them oneself (spec/accounts.md 4).

Whatever goes wrong with name or password is answered with one sentence and costs the same work. Every success opens a
new session; nothing that was there before is promoted (threats T28, T87).
"""

import structlog
from msgspec import Struct

from connector.foundation.errors import Mistake, Unauthenticated
from connector.foundation.normal_form import normal_form
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.accounts import attempts, second_factor, secret, session_store, sessions, store
from connector.identity.accounts.attempts import Lane
from connector.identity.accounts.model import LOGIN_MOST, NAME_MOST, Person, SignedIn
from connector.identity.accounts.password import Passwords, checked, spelt
from connector.identity.participants.model import checked_name
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats import names

SECOND_MS = 5 * 60_000
"""Between password and code."""
BROWSER_MS = 180 * 86_400_000
"""For so long a browser is known in which somebody signed in."""

log = structlog.get_logger("accounts")


class Browser(Struct, frozen=True, kw_only=True):
    """Where somebody signs in: `address` is the peer of the connection, `known` the secret of an earlier time."""

    address: str
    agent: str
    known: str = ""


class OpenedSession(Struct, frozen=True, kw_only=True):
    """What the browser keeps from now on: `cookie` of the session, `known` for the next time (empty: as before)."""

    cookie: str
    known: str = ""


class SecondWanted(Struct, frozen=True, kw_only=True):
    """The password was right; `ticket` is for the page that asks for the code."""

    ticket: str


def folded(login: str) -> str:
    """The name to sign in with, as it is compared; raises Mistake if it cannot be one."""
    name = normal_form("NFKC", login).strip().casefold()
    if not name or len(name) > LOGIN_MOST or not name.isprintable() or " " in name or names.hides(name):
        raise Mistake("accounts.login")
    return name


def shown(name: str) -> str:
    """The name of a person as others read it; raises Mistake."""
    plain = checked_name(" ".join(name.split()))
    if not plain or len(plain) > NAME_MOST:
        raise Mistake("accounts.name", most=NAME_MOST)
    return plain


class SigningIn:
    def __init__(self, db: Database, vault: Vault, passwords: Passwords) -> None:
        self._db, self._vault, self._passwords = db, vault, passwords
        self._recovery = vault.derive("recovery-codes")

    async def password(self, login: str, password: str, browser: Browser) -> OpenedSession | SecondWanted:
        """Raises Unauthenticated, TooMany, or Unavailable if too many sign in at once."""
        name = _folded(login)
        lanes, known = await self._db.read(PROCESS, self._open_lanes, name, browser)
        async with self._passwords.turn(known) as turn:  # whoever finds no place has not tried
            person, encoded = await self._db.write(PROCESS, _tried, name, lanes)
            if not await turn.right(encoded, password) or person is None:
                raise Unauthenticated("accounts.sign-in")
            fresh = await turn.hashed(spelt(password)) if self._passwords.outdated(encoded) else ""
        return await self._db.write(PROCESS, self._known, person, lanes, browser, encoded, fresh)

    async def second(self, ticket: str, code: str, browser: Browser) -> OpenedSession:
        """With a code of the telephone or one from paper; raises Unauthenticated, TooMany."""
        digest = secret.digest(ticket)

        def attempt(tx: Tx) -> tuple[str, tuple[Lane, ...]]:
            found = session_store.look(tx, digest, "second")
            if found is None:
                raise Unauthenticated("accounts.second-over")
            person = str(found["person"])
            hers = _is_hers(tx, person, browser)
            lanes = attempts.of_second_in(secret.digest(browser.known)) if hers else attempts.of_second(person)
            attempts.reserve(tx, lanes)
            return person, lanes

        person, lanes = await self._db.write(PROCESS, attempt)

        def unit(tx: Tx) -> OpenedSession:
            if not self._code_counts(tx, person, code) or session_store.use(tx, digest, "second") is None:
                raise Unauthenticated("accounts.code")
            attempts.right(tx, lanes)
            return opened_in(tx, person, browser, strong=True)

        return await self._db.write(PROCESS, unit)

    async def sign_out(self, signed: SignedIn) -> None:
        await self._db.write(PROCESS, session_store.end, signed.person, signed.session)

    # What one changes oneself

    async def change_password(self, signed: SignedIn, old: str, new: str, browser: Browser) -> OpenedSession:
        """Ends all sessions and opens a new one; whoever came by a link chooses the first one without an old one.

        Raises Mistake, Unauthenticated, TooMany.
        """
        person = await self._db.read(PROCESS, store.person, signed.person)
        if person.external:
            raise Mistake("accounts.external")
        plain = checked(new, person.login)
        lanes = attempts.of_own(person.id)
        await self._db.read(PROCESS, attempts.require_open, lanes)
        async with self._passwords.turn(person.id) as turn:
            await self._db.write(PROCESS, attempts.reserve, lanes)
            before = str((await self._db.read(PROCESS, store.secrets_of, person.id))["password"])
            first = not before and signed.strong
            if not await turn.right(before, old) and not first:
                raise Unauthenticated("accounts.old-password")
            encoded = await turn.hashed(plain)

        def unit(tx: Tx) -> OpenedSession:
            if store.secrets_of(tx, person.id, lock=True)["password"] != before:
                raise Unauthenticated("accounts.old-password")
            attempts.right(tx, lanes)
            store.set_password(tx, person.id, encoded)
            return self._anew(tx, person.id, browser, strong=signed.strong)

        return await self._db.write(PROCESS, unit)

    async def set_up_second(
        self, signed: SignedIn, totp: str, code: str, browser: Browser
    ) -> tuple[OpenedSession, list[str]]:
        """The new session, and the recovery codes, which are shown now and never again.

        One who has a second factor replaces it only in a session that showed one. Raises Mistake.
        """
        codes = second_factor.recovery_codes()

        def unit(tx: Tx) -> OpenedSession:
            person = store.person(tx, signed.person)
            if person.external:
                raise Mistake("accounts.external")
            if person.second and not signed.strong:
                raise Mistake("accounts.second-first")
            step = second_factor.step_of(totp, code, tx.now)
            if step is None:
                raise Mistake("accounts.code-new")
            digests = [second_factor.recovery_digest(self._recovery, person.id, one) for one in codes]
            store.set_totp(tx, person.id, self._vault.seal(_context(person.id), totp.encode()), step, digests)
            return self._anew(tx, person.id, browser, strong=True)

        opened = await self._db.write(PROCESS, unit)
        log.info("accounts.second", person=signed.person)
        return opened, codes

    async def describe(self, signed: SignedIn, name: str, language: str) -> None:
        """Her name as others read it, and the language of pages and messages (`de`, `en`, empty: as the browser)."""
        if language not in ("", "de", "en"):
            raise Mistake("accounts.language")
        await self._db.write(PROCESS, store.set_details, signed.person, shown(name), language)

    async def person(self, signed: SignedIn) -> Person:
        return await self._db.read(PROCESS, store.person, signed.person)

    async def codes_left(self, signed: SignedIn) -> int:
        return await self._db.read(PROCESS, store.recovery_codes, signed.person)

    # Units

    def _open_lanes(self, tx: Tx, login: str, browser: Browser) -> tuple[tuple[Lane, ...], str]:
        """In which the attempt will be counted, and whose browser it is, empty: nobody knows; raises TooMany if one of
        the lanes rests."""
        person = store.by_login(tx, login) if login else None
        lanes, known = attempts.of_name(login, browser.address), ""
        if person is not None and _is_hers(tx, person.id, browser):
            lanes, known = attempts.of_browser(secret.digest(browser.known)), person.id
        attempts.require_open(tx, lanes)
        return lanes, known

    def _known(
        self, tx: Tx, person: str, lanes: tuple[Lane, ...], browser: Browser, encoded: str, fresh: str
    ) -> OpenedSession | SecondWanted:
        """`encoded` is the hash that it was the password of; it may have been changed meanwhile, or the person removed.

        Tickets that are open stay: who has the password as well must not keep her from typing her code.
        """
        if store.password_of(tx, person, lock=True) != encoded:
            raise Unauthenticated("accounts.sign-in")
        attempts.right(tx, lanes)
        if fresh:
            store.set_password(tx, person, fresh)
        if not store.person(tx, person).second:
            return opened_in(tx, person, browser, strong=False)
        ticket = secret.fresh()
        session_store.keep(tx, secret.digest(ticket), "second", tx.now + SECOND_MS, person=person)
        return SecondWanted(ticket=ticket)

    def _code_counts(self, tx: Tx, person: str, code: str) -> bool:
        row = store.secrets_of(tx, person, lock=True)
        if row["totp"] is None:
            return False
        totp = self._vault.open(_context(person), bytes(row["totp"])).decode()
        step = second_factor.step_of(totp, code, tx.now)
        if step is not None:
            return store.use_step(tx, person, step)
        return store.use_recovery_code(tx, person, second_factor.recovery_digest(self._recovery, person, code))

    def _anew(self, tx: Tx, person: str, browser: Browser, *, strong: bool) -> OpenedSession:
        """Whoever knew what counted before has nothing left of it: no known browser either, each a lane for guesses."""
        session_store.end_all(tx, person)
        session_store.forget(tx, person, "second")
        session_store.forget(tx, person, "browser")
        return opened_in(tx, person, browser, strong=strong)


def _tried(tx: Tx, login: str, lanes: tuple[Lane, ...]) -> tuple[str | None, str]:
    """Counts the attempt; the person, if that name is known, and the hash to compare with."""
    attempts.reserve(tx, lanes)
    person = store.by_login(tx, login) if login else None
    return (None, "") if person is None else (person.id, str(store.secrets_of(tx, person.id)["password"]))


def _is_hers(tx: Tx, person: str, browser: Browser) -> bool:
    """Whether she has signed in before in this browser."""
    found = session_store.look(tx, secret.digest(browser.known), "browser") if secret.shaped(browser.known) else None
    return found is not None and found["person"] == person


def opened_in(tx: Tx, person: str, browser: Browser, *, strong: bool) -> OpenedSession:
    """A new session in a browser that is known as hers from now on."""
    cookie = sessions.opened(tx, person, browser.agent, strong=strong)
    found = session_store.look(tx, secret.digest(browser.known), "browser")
    if found is not None and found["person"] == person:
        return OpenedSession(cookie=cookie)
    known = secret.fresh()
    session_store.keep(tx, secret.digest(known), "browser", tx.now + BROWSER_MS, person=person)
    return OpenedSession(cookie=cookie, known=known)


def _folded(login: str) -> str:
    """A name that cannot be one belongs to nobody, and is told so no sooner than any other."""
    try:
        return folded(login[: 2 * LOGIN_MOST])
    except Mistake:
        return ""


def _context(person: str) -> str:
    return f"person/{person}/totp"

"""Puts the slice together: persons, their sessions, and what signs them in."""

from msgspec import Struct

from connector.foundation.settings.load import web_origin
from connector.foundation.storage.database import PROCESS
from connector.identity.accounts import session_store, token_store
from connector.identity.accounts.links import Links
from connector.identity.accounts.oidc.flow import ExternalSignIn
from connector.identity.accounts.oidc.provider import Provider
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import Departures, People
from connector.identity.accounts.sessions import Sessions
from connector.identity.accounts.signing_in import SigningIn
from connector.identity.accounts.tokens import Tokens
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants

ANSWER = "/sign-in/external/answer"
"""Where the identity provider sends people back to, below the desk's address."""
SWEEP_S = 600.0
ATTEMPTS_MS = 86_400_000
"""For so long attempts to sign in are remembered."""
KEYS_MS = 30 * 86_400_000
"""For so long the list shows keys for programs that are over."""


class AccountSlice(Struct, frozen=True, kw_only=True):
    """`sessions` knows who is signed in, `links` and `signing_in` make it so; `people` says who may do what."""

    sessions: Sessions
    links: Links
    signing_in: SigningIn
    people: People
    tokens: Tokens
    external: ExternalSignIn | None
    work: Work


def assemble(infra: Infra, participants: Participants, *departures: Departures) -> AccountSlice:
    """`departures` hear of each role that is taken."""
    db, passwords = infra.db, Passwords()
    people = People(db, participants, passwords, *departures)

    async def sweep() -> None:
        await db.write(PROCESS, lambda tx: session_store.sweep(tx, tx.now - ATTEMPTS_MS))
        await db.write(PROCESS, lambda tx: token_store.sweep(tx, tx.now - KEYS_MS))

    def did(slug: str) -> str:
        return participants.held(slug).participant.did

    return AccountSlice(
        sessions=Sessions(db),
        links=Links(db, did),
        signing_in=SigningIn(db, infra.vault, passwords),
        people=people,
        external=_external(infra, people),
        tokens=Tokens(db, participants),
        work=Work(every={"sign-in": (SWEEP_S, sweep)}),
    )


def _external(infra: Infra, people: People) -> ExternalSignIn | None:
    """None without an identity provider in the settings."""
    settings = infra.settings.oidc
    if not settings.issuer:
        return None
    provider = Provider(settings, infra.http, infra.clock)
    redirect = f"{web_origin(infra.settings)}{ANSWER}"
    return ExternalSignIn(infra.db, infra.vault, infra.clock, provider, people, settings, redirect)

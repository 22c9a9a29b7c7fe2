"""Puts the slice together: persons, their sessions, and what signs them in."""

from msgspec import Struct

from connector.accounts import session_store
from connector.accounts.links import Links
from connector.accounts.sessions import Sessions
from connector.infra import Infra
from connector.jobs.work import Work
from connector.storage.database import PROCESS

SWEEP_S = 600.0
ATTEMPTS_MS = 86_400_000
"""For so long attempts to sign in are remembered."""


class AccountSlice(Struct, frozen=True, kw_only=True):
    """`sessions` knows who is signed in; the others sign in."""

    sessions: Sessions
    links: Links
    work: Work


def assemble(infra: Infra) -> AccountSlice:
    async def sweep() -> None:
        await infra.db.write(PROCESS, lambda tx: session_store.sweep(tx, tx.now - ATTEMPTS_MS))

    return AccountSlice(
        sessions=Sessions(infra.db), links=Links(infra.db), work=Work(every={"sign-in": (SWEEP_S, sweep)})
    )

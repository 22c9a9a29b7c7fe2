"""Persons for tests: two of Musterstadt and one of Nachbardorf, with passwords that cost little to check."""

from connector.foundation.errors import HanseError
from connector.foundation.storage import PROCESS, Database
from connector.identity.accounts import second_factor, sessions, store
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.sessions import Sessions
from connector.identity.accounts.signing_in import Browser, OpenedSession, SecondWanted, SigningIn
from connector.identity.trust.keys.vault import Vault

TOWN, VILLAGE = "musterstadt", "nachbardorf"
PETRA, OLAF = "petra@musterstadt.de", "olaf@nachbardorf.de"
PASSWORD, WRONG = "Kastanie im Nebel", "Kastanie im Regen"
DESK = Browser(address="192.0.2.17", agent="Firefox")
STRANGER = Browser(address="198.51.100.66", agent="")
KEY = bytes(range(32))


def signing_in(db: Database) -> SigningIn:
    """The service with hashes of 8 KiB instead of 64 MiB."""
    return SigningIn(db, Vault(KEY), Passwords(memory_kib=8))


async def person(db: Database, login: str = PETRA, *, operator: bool = False, password: str = PASSWORD) -> str:
    encoded = await Passwords(memory_kib=8).hashed(password, login)
    name = login.partition("@")[0].title() + " Muster"
    return await db.write(PROCESS, lambda tx: store.add(tx, login, name, password=encoded, operator=operator))


def code(totp: str, now: int, steps: int = 0) -> str:
    """What a telephone shows at that time, or so many steps later."""
    import pyotp

    return pyotp.TOTP(totp).generate_otp(now // second_factor.STEP_MS + steps)


async def now(db: Database) -> int:
    """The time of the database: PostgreSQL has its own."""
    return await db.read(PROCESS, lambda tx: tx.now)


async def given(db: Database, who: str, slug: str, *roles: str) -> None:
    for role in roles:
        await db.write(PROCESS, store.grant, slug, who, role, "")


async def opened(db: Database, who: str, *, strong: bool = True) -> str:
    return await db.write(PROCESS, sessions.opened, who, "Firefox", strong=strong)


async def names(db: Database) -> dict[str, str]:
    """What the participants call the one person of a test."""
    rows = await db.read(PROCESS, lambda tx: tx.all("SELECT participant, pseudonym FROM person_pseudonym"))
    return {row["participant"]: row["pseudonym"] for row in rows}


async def aged(db: Database, column: str, ms: int) -> None:
    """As if that had been so much earlier: the two databases have clocks of their own."""
    await db.write(PROCESS, lambda tx: tx.run(f"UPDATE desk_session SET {column} = {column} - :ms", ms=ms))


async def came_in(
    it: SigningIn, login: str = PETRA, browser: Browser = DESK, password: str = PASSWORD
) -> OpenedSession:
    opened = await it.password(login, password, browser)
    assert isinstance(opened, OpenedSession)
    return opened


async def outcome(it: SigningIn, browser: Browser, password: str = WRONG, login: str = PETRA) -> str:
    try:
        return type(await it.password(login, password, browser)).__name__
    except HanseError as error:
        return error.code


async def with_second(
    it: SigningIn, db: Database, opened: OpenedSession | None = None
) -> tuple[str, list[str], OpenedSession]:
    """Petra sets up her telephone, in a new session or this one: its secret, her codes on paper, her session."""
    signed = await Sessions(db).session((opened or await came_in(it)).cookie)
    assert signed is not None
    totp = second_factor.fresh()
    opened, codes = await it.set_up_second(signed, totp, code(totp, await now(db)), DESK)
    return totp, codes, opened


async def ticket(it: SigningIn, browser: Browser = DESK, password: str = PASSWORD) -> str:
    wanted = await it.password(PETRA, password, browser)
    assert isinstance(wanted, SecondWanted)
    return wanted.ticket

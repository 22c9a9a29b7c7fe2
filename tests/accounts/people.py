"""Persons for tests: two of Musterstadt and one of Nachbardorf, with passwords that cost little to check."""

from connector.accounts import second_factor, sessions, store
from connector.accounts.password import Passwords
from connector.accounts.signing_in import Browser, SigningIn
from connector.storage import PROCESS, Database
from connector.trust.keys.vault import Vault

TOWN, VILLAGE = "musterstadt", "nachbardorf"
PETRA, OLAF = "petra@musterstadt.de", "olaf@nachbardorf.de"
PASSWORD = "Kastanie im Nebel"
DESK = Browser(address="192.0.2.17", agent="Firefox")
STRANGER = Browser(address="198.51.100.66", agent="")
KEY = bytes(range(32))


def signing_in(db: Database) -> SigningIn:
    """The service with hashes of 8 KiB instead of 64 MiB."""
    return SigningIn(db, Vault(KEY), Passwords(memory_kib=8))


async def person(db: Database, login: str = PETRA, *, operator: bool = False, password: str = PASSWORD) -> str:
    encoded = await Passwords(memory_kib=8).hashed(password)
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


async def aged(db: Database, column: str, ms: int) -> None:
    """As if that had been so much earlier: the two databases have clocks of their own."""
    await db.write(PROCESS, lambda tx: tx.run(f"UPDATE desk_session SET {column} = {column} - :ms", ms=ms))

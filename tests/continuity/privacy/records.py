"""A log with records of one agreement and of persons, and whoever erases in it."""

from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.retention import Periods
from connector.foundation.storage import Database, Tx
from connector.identity.audit import sealer, store
from tests.verify.forge import PROVIDER, LogKey, root_of

TOWN, OTHER = "musterstadt", "nachbardorf"
AGREEMENT = "urn:uuid:1"
ROOT = root_of(PROVIDER)
KEYS = [LogKey()]
DAY = 86_400_000
ORDER = Order("retention", "retention-period")
PERIODS = Periods(
    days={"agreement": 20, "key": 20, "decision": 5, "transfer": 10},
    other=5,
    duties=frozenset({"agreement", "transfer"}),
)


def eraser(ended: int | None = 0) -> Eraser:
    """Every agreement ended at that instant; None: it goes on."""
    return Eraser(PERIODS, lambda tx, slug, agreement: ended, lambda slug: PROVIDER)


def add(tx: Tx, type: str, agreement: str | None, at: int, actor: str = "system", **body: object) -> None:
    store.append(tx, TOWN, type, agreement, actor, body, did=PROVIDER, at=at)


async def filled(db: Database, age_days: int = 30) -> int:
    """One agreement with four records, key events, and events of no agreement, all of the same age; sealed."""
    now = await db.read(TOWN, lambda tx: tx.now)
    at = now - age_days * DAY
    await db.write(TOWN, add, "key", None, at, document="a")
    for type_ in ("decision", "agreement", "transfer", "decision"):
        await db.write(TOWN, add, type_, AGREEMENT, at, actor="p-7f3a91", what=type_)
    await db.write(TOWN, add, "publication", None, at, dataset="x", action="published")
    await db.write(TOWN, add, "key", None, at, document="b")
    await sealer.seal(db, TOWN, ROOT, KEYS)
    return now

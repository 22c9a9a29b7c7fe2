"""Units that wait for a lock of PostgreSQL, by what it says of its own queue: whoever comes later is behind them."""

from connector.foundation.storage import Database
from connector.foundation.storage.database import PROCESS
from tests.testkit.patience import eventually_said

_WAITING = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def waiting(db: Database, count: int = 1) -> None:
    """Returns once so many wait."""

    async def so_many() -> bool:
        return bool(await db.read(PROCESS, lambda tx: tx.all(_WAITING)[0]["n"] == count))

    await eventually_said(so_many)

"""Jobs for one replica (crawl, seal, expiry): a fenced lease by name, on database time (spec/architecture.md 3.3)."""

from connector.foundation.storage.database import Tx, for_update

SLACK_MS = 60_000
_TAKE = """
INSERT INTO lease (name, owner, until, fence) VALUES (:name, :owner, :until, 1)
ON CONFLICT (name) DO UPDATE SET owner = :owner, until = :until,
  fence = CASE WHEN lease.owner = :owner AND lease.until > :now THEN lease.fence ELSE lease.fence + 1 END
WHERE lease.owner = :owner OR lease.until <= :now OR lease.until > :latest
RETURNING fence"""


def take(tx: Tx, name: str, owner: str, ms: int) -> int | None:
    """Take or renew the lease for `ms` milliseconds: its fence (a renewal keeps it), None if another has it.

    One that ends later than any such lease can was taken by a clock that was ahead: it is free (decision 0048).
    """
    latest = tx.now + ms + SLACK_MS
    row = tx.one(_TAKE, name=name, owner=owner, until=tx.now + ms, now=tx.now, latest=latest)
    return None if row is None else int(row["fence"])


def release(tx: Tx, name: str, owner: str, fence: int) -> bool:
    """Give it back before its time. False: it was lost already."""
    statement = "UPDATE lease SET until = 0 WHERE name = :name AND owner = :owner AND fence = :fence"
    return tx.run(statement, name=name, owner=owner, fence=fence) == 1


def forget(tx: Tx, name: str, owner: str, fence: int) -> bool:
    """Give back a lease whose name will not be needed again. False: it was lost already."""
    statement = "DELETE FROM lease WHERE name = :name AND owner = :owner AND fence = :fence"
    return tx.run(statement, name=name, owner=owner, fence=fence) == 1


def holds(tx: Tx, name: str, owner: str, fence: int) -> bool:
    """Whether the lease is still ours; if so nobody else can take it until this transaction ends."""
    statement = "SELECT fence FROM lease WHERE name = :name AND owner = :owner AND fence = :fence AND until > :now"
    return tx.one(statement + for_update(tx), name=name, owner=owner, fence=fence, now=tx.now) is not None

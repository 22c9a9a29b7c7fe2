"""How far a sealer may go: rows of transactions that were over before the oldest one still running.

PostgreSQL gives out ids before commit, so by id alone a lower one that commits later would be skipped for ever.
"""

from connector.foundation.storage.database import Tx


def horizon_clause(tx: Tx) -> str:
    """A condition on `audit_entry` to append to a WHERE: empty on SQLite, whose one writer commits in order."""
    return " AND tx < pg_snapshot_xmin(pg_current_snapshot())" if tx.dialect == "postgres" else ""

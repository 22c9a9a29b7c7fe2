"""What survives: the database port on SQLite and PostgreSQL, migrations, outbox, leases (spec/architecture.md 2, 3)."""

from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import PROCESS, WORKER, Conflict, Database, Row, Tx, for_update
from connector.foundation.storage.migrate import sqlite_path, upgrade
from connector.foundation.storage.sqlite.database import Sqlite

__all__ = [
    "PROCESS",
    "WORKER",
    "Conflict",
    "Database",
    "Row",
    "Tx",
    "for_update",
    "open_database",
    "sqlite_path",
    "upgrade",
]


def open_database(url: str, *, worker_url: str = "", clock: Clock | None = None) -> Database:
    """The database at `sqlite:///path` or `postgresql://…`, not yet started.

    `worker_url` is PostgreSQL's login with the role `hanse_worker`; `clock` is SQLite's time (PostgreSQL has its own).
    """
    if url.startswith("sqlite:"):
        return Sqlite(sqlite_path(url), clock)
    if not url.startswith(("postgresql://", "postgres://")):
        raise Mistake("storage.url", url=url.split(":", 1)[0])
    from connector.foundation.storage.postgres.database import Postgres  # psycopg is loaded only where it is used

    return Postgres(url, worker_url)

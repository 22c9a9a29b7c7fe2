"""Makes a used PostgreSQL database as fresh as a migrated one, in a fraction of the time that a new one takes.

All rows go but seeded ones, and identities count from one again. A database whose schema or seeded rows were changed is
not mended: whoever used it gets rid of it.
"""

import time
from typing import Any, NamedTuple

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid"
_SCHEMA = """
SELECT concat('class ', oid, ' ', xmin) AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT concat('column ', attrelid, ' ', attnum, ' ', xmin) FROM pg_attribute WHERE attrelid >= 16384
UNION ALL SELECT concat('constraint ', oid, ' ', xmin) FROM pg_constraint WHERE oid >= 16384
UNION ALL SELECT concat('policy ', oid, ' ', xmin) FROM pg_policy
UNION ALL SELECT concat('trigger ', oid, ' ', xmin) FROM pg_trigger
UNION ALL SELECT concat('function ', oid, ' ', xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
"""Every statement that changes the schema writes the rows that describe it anew."""
KEPT = "kept"
"""The `application_name` of connections that outlive a test: idle by then, as their pool has them back."""
_OTHERS_END = f"""
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND NOT (application_name = '{KEPT}' AND state = 'idle')"""
_IDENTITIES_RESTART = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL"""


class Fresh(NamedTuple):
    """What a database is like that was just migrated, and how another one becomes like it."""

    state: str
    reading: str
    deletion: str


def remembered(connection: Connection) -> Fresh:
    """Of a database that was just migrated."""
    tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
    seeded = [name for name in tables if connection.execute(f'SELECT FROM "{name}" LIMIT 1').fetchone() is not None]
    parts = [_SCHEMA, *(f"SELECT concat('row {name} ', t) FROM \"{name}\" t" for name in seeded)]
    reading = f"SELECT sum(hashtextextended(part, 0)) FROM ({' UNION ALL '.join(parts)}) AS parts"
    emptied_too = [f'"of {name}" AS (DELETE FROM "{name}")' for name in tables if name not in seeded]
    return Fresh(_one(connection, reading), reading, f"WITH {', '.join(emptied_too)} SELECT")


def emptied(connection: Connection, fresh: Fresh) -> bool:
    """Whether it is fresh again; nobody else is connected to it any more."""
    connection.execute("SET session_replication_role = replica")  # a superuser: neither triggers nor references count
    while _one(connection, _OTHERS_END) != "0":  # PostgreSQL itself would look again only after 100 ms
        time.sleep(0.002)
    for statement in (fresh.deletion, _IDENTITIES_RESTART):
        connection.execute(statement, prepare=True)
    return _one(connection, fresh.reading) == fresh.state


def _one(connection: Connection, query: str) -> str:
    row = connection.execute(query, prepare=True).fetchone()
    assert row is not None
    return str(row[0])

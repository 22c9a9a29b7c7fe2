"""A database that a test has used is as fresh as a migrated one for the next test, or is not used again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from connector.foundation.errors import Unavailable
from connector.foundation.storage import open_database
from connector.foundation.storage.database import PROCESS, Tx
from tests.postgres import Cluster, Urls
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
IDENTITIES = "SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename"
LEASE = "INSERT INTO lease (name, owner, until, fence) VALUES ('a', '', 0, 0)"


@pytest.fixture(autouse=True)
def _none_used_yet(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept: list[Any] = []
    monkeypatch.setattr(cluster, "_idle", [])
    monkeypatch.setattr(cluster, "_idle_opened", kept)
    yield
    for pool in [pool for _, pools in kept for pool in pools]:
        pool.end()


def database(urls: Urls) -> str:
    return urls.admin.rpartition("/")[2]


def contents(urls: Urls) -> dict[str, Any]:
    """Every row of every table, and how far each identity has counted."""
    with psycopg.connect(urls.admin) as connection:
        found: dict[str, Any] = {"identities": connection.execute(IDENTITIES).fetchall()}
        for (table,) in connection.execute(TABLES).fetchall():
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            found[table] = sorted(rows, key=repr)
    return found


async def used(urls: Urls, folder: Path) -> None:
    """A contract and a transfer between two participants: rows in half of the tables."""
    opened = open_database(urls.app, worker_url=urls.worker)
    await opened.start()
    towns = Towns(opened, folder)
    await towns.add(TOWN, VILLAGE)
    await towns.publish(TOWN)
    await towns.fetch(VILLAGE, TOWN, await towns.concluded(VILLAGE, TOWN))
    await towns.run()
    await opened.close()


async def test_what_was_used_is_as_fresh_as_what_was_migrated(cluster: Cluster, tmp_path: Path) -> None:
    """>> a contract and its data << many rows; then the same database with the rows of a migrated one and no other."""
    with cluster.database() as urls:
        migrated = contents(urls)
    with cluster.database() as urls:
        first = database(urls)
        await used(urls, tmp_path)
        filled = contents(urls)
    assert sum(filled[table] != rows for table, rows in migrated.items()) > 15
    with cluster.database() as urls:
        assert database(urls) == first
        assert contents(urls) == migrated
        await used(urls, tmp_path / "again")
        assert contents(urls)["identities"] == filled["identities"]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE lease ADD COLUMN more TEXT",
        "ALTER TABLE lease ALTER COLUMN until DROP NOT NULL",
        "ALTER TABLE participant NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE ending DISABLE TRIGGER USER",
        "CREATE TABLE more (id BIGINT)",
        "CREATE INDEX more ON lease (until)",
        "DROP TABLE lease",
        "DROP POLICY own_rows ON peer",
        "CREATE OR REPLACE FUNCTION only_unproven() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "GRANT SELECT ON key TO hanse_worker",
        "UPDATE database_identity SET id = 'another'",
        "DELETE FROM schema_version",
    ],
)
def test_a_changed_schema_or_seed_is_not_used_again(cluster: Cluster, statement: str) -> None:
    """>> one statement << the next test gets another database."""
    with cluster.database() as urls, psycopg.connect(urls.admin, autocommit=True) as connection:
        first = database(urls)
        connection.execute(statement)
    with cluster.database() as urls:
        assert database(urls) != first


def test_whoever_is_still_connected_is_cut_off(cluster: Cluster) -> None:
    """>> a transaction that never ended << the next test neither waits for it nor sees its rows."""
    with cluster.database() as urls:
        left = psycopg.connect(urls.admin)
        left.execute(LEASE)
    with cluster.database() as urls:
        assert contents(urls)["lease"] == []
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()


def test_two_at_once_are_two(cluster: Cluster) -> None:
    with cluster.database() as one, cluster.database() as other:
        assert database(one) != database(other)


def leased(tx: Tx) -> tuple[int, int]:
    """The process at the other end, and how many leases there were; one more now."""
    row = tx.one("SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM lease) AS count")
    assert row is not None
    tx.run(LEASE)
    return row["pid"], row["count"]


def kept(urls: Urls, *, end: bool = False) -> set[int]:
    """The processes at the other end of what is kept; ended on demand."""
    said = "pg_terminate_backend(pid, 5000)" if end else "true"
    query = f"SELECT pid, {said} FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'kept'"
    with psycopg.connect(urls.admin, autocommit=True) as connection:
        return {pid for pid, _ in connection.execute(query).fetchall()}


async def test_connections_are_kept_and_no_row(cluster: Cluster) -> None:
    """>> a row; the next test << a connection of before without it; ended by that test, the third gets another."""
    known = set[int]()
    for before in (False, True, False):
        with cluster.opened() as opened:
            await opened.start()
            pid, count = await opened.write(PROCESS, leased)
            await opened.close()
            with pytest.raises(Unavailable):
                await opened.write(PROCESS, leased)
        assert (pid in known, count) == (before, 0)
        known |= kept(cluster.urls(cluster._idle_opened[0][0]), end=before)
        assert pid in known


async def test_a_kept_connection_that_is_not_idle_is_cut_off_as_well(cluster: Cluster) -> None:
    """>> a transaction of the pool itself that never ended << the next test does not wait for it."""
    with cluster.opened() as opened:
        await opened.start()
        held = opened._service.connection()
        left = held.__enter__()
        left.execute("BEGIN")
        left.execute(LEASE)
        await opened.close()
    with cluster.opened() as opened:
        await opened.start()
        assert (await opened.write(PROCESS, leased))[1] == 0
        await opened.close()
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    held.__exit__(None, None, None)


async def test_two_opened_at_once_are_two(cluster: Cluster) -> None:
    with cluster.opened() as one, cluster.opened() as other:
        names = []
        for each in (one, other):
            await each.start()
            names.append(await each.read(PROCESS, lambda tx: tx.all("SELECT current_database() AS name")[0]["name"]))
            await each.close()
    assert len(set(names)) == 2

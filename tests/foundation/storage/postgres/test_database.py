"""What only PostgreSQL can get wrong: row-level security, roles, the sealer's horizon, lost notifications."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from connector.foundation.errors import Defect, Mistake, Unavailable
from connector.foundation.storage import PROCESS, WORKER, Database, Tx, open_database, outbox
from connector.foundation.storage.database import RERUNS, ElsewhereChanged
from connector.foundation.storage.postgres.horizon import horizon_clause
from connector.foundation.storage.postgres.wakeups import LONGEST
from tests.testkit.patience import PATIENCE_S, eventually

TOWN, VILLAGE = "musterstadt", "nachbardorf"


def put(tx: Tx) -> int:
    return outbox.put(tx, participant=tx.scope, stream=tx.scope, kind="Send", body=b"{}")


@asynccontextmanager
async def replica(urls) -> AsyncIterator[Database]:
    database = open_database(urls.app, worker_url=urls.worker)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


async def test_only_the_worker_claims_across_participants(postgres_db: Database) -> None:
    """Under row-level security a claim by the wrong role is empty without any error: the trap, and the way round it."""
    for town in (TOWN, VILLAGE):
        await postgres_db.write(town, put)
    assert await postgres_db.write(PROCESS, outbox.claim, "w", 10, 60_000) == []
    own = await postgres_db.write(TOWN, outbox.claim, "w", 10, 0)
    assert [row.participant for row in own] == [TOWN]
    rows = await postgres_db.write(WORKER, outbox.claim, "w", 10, 60_000)
    assert [row.participant for row in rows] == [TOWN, VILLAGE]


@pytest.mark.threat("T18")
async def test_rows_of_another_participant_are_out_of_reach(postgres_db: Database) -> None:
    """The second lock: statements that forgot their WHERE read, change and delete nothing of the neighbour's."""
    insert = "INSERT INTO peer (participant, did, root, entered_at) VALUES (:p, 'did:web:x', 'https://x', 1)"
    await postgres_db.write(TOWN, lambda tx: tx.run(insert, p=TOWN))
    for scope in (VILLAGE, PROCESS):
        assert await postgres_db.read(scope, lambda tx: tx.all("SELECT * FROM peer")) == []
        assert await postgres_db.write(scope, lambda tx: tx.run("UPDATE peer SET root = 'https://evil'")) == 0
        assert await postgres_db.write(scope, lambda tx: tx.run("DELETE FROM peer")) == 0
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.write(scope, lambda tx: tx.run(insert, p=TOWN))
    assert await postgres_db.read(TOWN, lambda tx: tx.one("SELECT root FROM peer")) == {"root": "https://x"}


@pytest.mark.threat("T18")
async def test_every_table_of_a_participant_is_locked(cluster, postgres_db: Database) -> None:
    """A table that a later migration adds without FORCE ROW LEVEL SECURITY fails here."""
    sql = (
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        " AND (a.attname = 'participant' OR c.relname = 'participant')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    with cluster.database() as urls, psycopg.connect(urls.admin) as connection:
        assert connection.execute(sql).fetchall() == []
        (count,) = connection.execute("SELECT count(*) FROM pg_class WHERE relforcerowsecurity").fetchone()
    assert count >= 20


@pytest.mark.threat("T18")
async def test_the_scope_ends_with_its_transaction(postgres_db: Database) -> None:
    """A pooled connection does not carry the last participant over to the next unit."""
    await postgres_db.write(TOWN, put)
    counts = await asyncio.gather(
        *(
            postgres_db.read(scope, lambda tx: tx.one("SELECT count(*) AS n FROM outbox"))
            for scope in [TOWN, PROCESS, VILLAGE] * 20
        )
    )
    assert [row["n"] for row in counts] == [1, 0, 0] * 20


async def test_the_worker_sees_nothing_else(postgres_db: Database) -> None:
    """Keys, contracts and tokens are closed to the role that works for all."""
    for table in ("key", "agreement", "access_token", "source"):
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.read(WORKER, lambda tx, table=table: tx.all(f"SELECT * FROM {table}"))
    assert len(await postgres_db.read(WORKER, lambda tx: tx.all("SELECT id FROM participant"))) == 2


async def test_the_directory_is_readable_and_only_ones_own_entry_changes(postgres_db: Database) -> None:
    """Every door looks up participants; none renames its neighbour."""
    assert len(await postgres_db.read(PROCESS, lambda tx: tx.all("SELECT id FROM participant"))) == 2
    update = "UPDATE participant SET name = 'x' WHERE id = :id"
    assert await postgres_db.write(VILLAGE, lambda tx: tx.run(update, id=TOWN)) == 0
    assert await postgres_db.write(TOWN, lambda tx: tx.run(update, id=TOWN)) == 1


ENTRY = "INSERT INTO audit_entry (participant, type, seq, at, record, leaf) VALUES (:p, 't', 0, 1, :leaf, :leaf)"


async def test_audit_is_append_only(postgres_db: Database) -> None:
    """Entries get a place in the log and are otherwise never changed or deleted, whoever asks."""
    await postgres_db.write(TOWN, lambda tx: tx.run(ENTRY, p=TOWN, leaf=b"a"))
    for scope in (TOWN, WORKER):
        for sql in ("UPDATE audit_entry SET record = NULL", "DELETE FROM audit_entry", "DELETE FROM audit_seal"):
            with pytest.raises(Defect, match=r"storage\.foreign-row"):
                await postgres_db.write(scope, lambda tx, sql=sql: tx.run(sql))
    assert await postgres_db.write(TOWN, lambda tx: tx.run("UPDATE audit_entry SET leaf_index = 0")) == 1


async def test_the_sealer_never_skips_a_late_commit(cluster) -> None:
    """A lower id that commits after a higher one: by id it would be lost, behind the horizon it is only late."""

    def sealable(tx: Tx, horizon: bool) -> list[bytes]:
        clause = horizon_clause(tx) if horizon else ""
        rows = tx.all(f"SELECT leaf FROM audit_entry WHERE leaf_index IS NULL{clause} ORDER BY id")
        return [row["leaf"] for row in rows]

    with cluster.database() as urls:
        async with replica(urls) as db:
            inserted, go = threading.Event(), threading.Event()

            def slow(tx: Tx) -> None:
                tx.run(ENTRY, p=TOWN, leaf=b"low")
                inserted.set()
                assert go.wait(PATIENCE_S)

            task = asyncio.create_task(db.write(TOWN, slow))
            assert await asyncio.to_thread(inserted.wait, PATIENCE_S)
            await db.write(TOWN, lambda tx: tx.run(ENTRY, p=TOWN, leaf=b"high"))
            assert await db.write(TOWN, sealable, horizon=False) == [b"high"]
            assert await db.write(TOWN, sealable, horizon=True) == []
            go.set()
            await task
            assert await db.write(TOWN, sealable, horizon=True) == [b"low", b"high"]


@pytest.mark.parametrize(
    ("app", "worker", "code"),
    [
        ("admin", "worker", "storage.role-too-strong"),
        ("app", "admin", "storage.role-too-strong"),
        ("owner", "worker", "storage.role-too-strong"),
        ("worker", "worker", "storage.role-wrong"),
        ("app", "app", "storage.role-wrong"),
    ],
)
async def test_wrong_roles_are_refused_at_the_start(cluster, app: str, worker: str, code: str) -> None:
    """Superuser and owner see too much; a worker login without its role would claim nothing for ever."""
    with cluster.database() as urls, pytest.raises(Mistake) as caught:
        await open_database(getattr(urls, app), worker_url=getattr(urls, worker)).start()
    assert caught.value.code == code


async def test_bypassrls_is_refused(cluster) -> None:
    """The attribute alone is enough to switch the second lock off."""
    with cluster.database() as urls:
        cluster.admin("ALTER ROLE {} BYPASSRLS", "hanse")
        try:
            with pytest.raises(Mistake, match=r"storage\.role-too-strong"):
                await open_database(urls.app, worker_url=urls.worker).start()
        finally:
            cluster.admin("ALTER ROLE {} NOBYPASSRLS", "hanse")


def test_a_worker_login_is_needed() -> None:
    """Said before anything is opened."""
    with pytest.raises(Mistake, match=r"storage\.worker-missing"):
        open_database("postgresql://localhost/hanse")


async def test_a_deadlock_is_a_conflict(postgres_db: Database) -> None:
    """Two units that lock two rows in opposite order both succeed: one of them runs again.

    Whoever lost may be back before the other has its row, and lose once more.
    """
    meet, runs = threading.Barrier(2), []

    def lock(tx: Tx, first: str, second: str) -> None:
        runs.append(first)
        for n, name in enumerate((first, second)):
            tx.run("UPDATE lease SET fence = fence + 1 WHERE name = :name", name=name)
            if n == 0 and len(runs) <= 2:
                meet.wait(PATIENCE_S)

    insert = "INSERT INTO lease (name, owner, until, fence) VALUES ('a', '', 0, 0), ('b', '', 0, 0)"
    await postgres_db.write(PROCESS, lambda tx: tx.run(insert))
    await asyncio.gather(postgres_db.write(PROCESS, lock, "a", "b"), postgres_db.write(PROCESS, lock, "b", "a"))
    rows = await postgres_db.read(PROCESS, lambda tx: tx.all("SELECT fence FROM lease"))
    assert [row["fence"] for row in rows] == [2, 2]
    assert 3 <= len(runs) <= 2 + 2 * RERUNS


async def test_a_swallowed_error_is_not_a_success(postgres_db: Database) -> None:
    """PostgreSQL answers COMMIT with a silent rollback then; the caller must hear of it."""

    def swallowing(tx: Tx) -> None:
        put(tx)
        try:
            tx.run("SELECT no_such_column")
        except Defect:
            return

    with pytest.raises(Defect, match=r"storage\.statement"):
        await postgres_db.write(TOWN, swallowing)
    assert await postgres_db.write(WORKER, outbox.claim, "w", 1, 1) == []


async def heard(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await event.wait()
    event.clear()


async def test_a_commit_here_wakes_the_other_replica(cluster) -> None:
    """LISTEN/NOTIFY; the replica that commits hears its own signal once."""
    with cluster.database() as urls:
        async with replica(urls) as here, replica(urls) as there:
            woken, own = asyncio.Event(), []
            there.listen("topic", lambda value: woken.set())
            here.listen("topic", own.append)
            await here.write(PROCESS, lambda tx: tx.signal("topic", "value"))
            await heard(woken)
            await eventually(lambda: bool(own))
            await asyncio.sleep(0.05)
            assert own == ["value"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (("musterstadt", "x", "FINALIZED"), ElsewhereChanged(("musterstadt", "x", "FINALIZED"))),
        (("Ä ' \" \\ %s {}", ""), ElsewhereChanged(("Ä ' \" \\ %s {}", ""))),
        (("x" * LONGEST,), None),
        (("x", 1), None),
        ("word", None),
        (None, None),
    ],
    ids=["words", "odd-words", "too-long", "a-number", "no-tuple", "nothing"],
)
async def test_words_reach_the_other_replica_and_nothing_else_does(cluster, value: object, told: object) -> None:
    with cluster.database() as urls:
        async with replica(urls) as here, replica(urls) as there:
            heard = list[object]()
            there.listen("topic", heard.append)
            await here.write(PROCESS, lambda tx: tx.signal("topic", value))
            await eventually(lambda: bool(heard))
            assert heard == [told]


@pytest.mark.parametrize("listens", [True, False])
async def test_a_signal_that_is_for_here_leaves_only_where_nobody_listens(cluster, listens: bool) -> None:
    """>> a signal for this process alone, then one for all << the other replica hears of the first only where this
    process has no listener, as one without a worker."""

    def news(tx: Tx) -> None:
        tx.signal("topic", 1, here=True)

    with cluster.database() as urls:
        async with replica(urls) as here, replica(urls) as there:
            heard, own = list[object](), list[object]()
            there.listen("topic", heard.append)
            there.listen("last", heard.append)
            if listens:
                here.listen("topic", own.append)
            await here.write(PROCESS, news)
            await here.write(PROCESS, lambda tx: tx.signal("last", ("last",)))
            last = ElsewhereChanged(("last",))
            await eventually(lambda: last in heard)
            assert heard == ([last] if listens else [None, last])
            assert own == ([1] if listens else [])


async def test_a_signal_in_another_form_makes_everybody_look(cluster) -> None:
    """>> a NOTIFY that no replica of this release sends << each listener hears that something may have changed."""
    with cluster.database() as urls:
        async with replica(urls) as db:
            heard = list[object]()
            db.listen("topic", heard.append)
            with psycopg.connect(urls.app, autocommit=True) as stranger:
                stranger.execute("SELECT pg_notify('hanse', 'somebody topic')")
            await eventually(lambda: bool(heard))
            assert heard == [None]


async def test_a_lost_connection_is_replaced(cluster) -> None:
    """After the server has cut all connections units work again, and listeners are told that signals may be missing."""
    with cluster.database() as urls:
        async with replica(urls) as db:
            woken = asyncio.Event()
            db.listen("topic", lambda value: woken.set())
            await db.read(PROCESS, lambda tx: tx.one("SELECT 1 AS one"))
            with psycopg.connect(urls.admin, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert await db.read(PROCESS, lambda tx: tx.one("SELECT 1 AS one")) == {"one": 1}
            await heard(woken)


async def test_a_server_that_is_not_there_is_unavailable(cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says so instead of waiting for ever."""
    monkeypatch.setattr("connector.foundation.storage.postgres.database._WAIT_S", 0.1)
    urls = cluster.urls("hanse")
    nowhere = urls.app.replace(f":{cluster.port}/", ":1/")
    with pytest.raises(Unavailable, match=r"storage\.unreachable"):
        await open_database(nowhere, worker_url=nowhere).start()


async def test_sqlite_never_loads_psycopg() -> None:
    """PostgreSQL's driver is imported only where it is used (spec/architecture.md 4.4)."""
    import subprocess
    import sys

    code = "import sys, connector.foundation.storage; print('psycopg' in sys.modules)"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False"

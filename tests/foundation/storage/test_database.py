"""The database port: the same promises on SQLite and PostgreSQL."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from connector.foundation.errors import Defect, PeerError, Unavailable
from connector.foundation.storage import PROCESS, Conflict, Database, Tx
from connector.foundation.storage.database import SYSTEM, acting, long
from connector.foundation.storage.nested import nested
from tests.foundation.storage.counters import TOWN, add, names
from tests.testkit.patience import PATIENCE_S, eventually


async def test_a_unit_is_all_or_nothing(any_db: Database) -> None:
    """What a failing unit wrote is gone, and its own error reaches the caller."""

    def half(tx: Tx) -> None:
        add(tx, "first")
        raise LookupError("second")

    with pytest.raises(LookupError, match="second"):
        await any_db.write(TOWN, half)
    assert await any_db.read(TOWN, names) == []


async def test_a_committed_unit_is_visible_at_once(any_db: Database) -> None:
    """Whoever has been answered reads what was written, arguments and value pass through."""
    await any_db.write(TOWN, add, "x", uses=7)
    row = await any_db.read(TOWN, lambda tx: tx.one("SELECT uses FROM counter WHERE participant = :p", p=TOWN))
    assert row == {"uses": 7}


async def test_a_conflict_undoes_the_unit_and_runs_it_again(any_db: Database) -> None:
    """Two conflicts, then success: only the third run leaves a row."""
    runs: Iterator[int] = iter(range(10))

    def unit(tx: Tx) -> int:
        run = next(runs)
        add(tx, f"run {run}")
        if run < 2:
            raise Conflict
        return run

    assert await any_db.write(TOWN, unit) == 2
    assert await any_db.read(TOWN, names) == ["run 2"]


async def test_endless_conflicts_become_unavailable(any_db: Database) -> None:
    """Twenty runs, then the caller may try later."""
    runs = []

    def unit(tx: Tx) -> None:
        runs.append(1)
        raise Conflict

    with pytest.raises(Unavailable, match=r"storage\.contended"):
        await any_db.write(TOWN, unit)
    assert len(runs) == 20


async def test_signals_come_once_and_only_after_commit(any_db: Database) -> None:
    """A listener hears nothing of a unit that failed, conflicted or is still open."""
    heard: list[object] = []
    any_db.listen("topic", heard.append)
    open_, go, tried = threading.Event(), threading.Event(), []

    def failing(tx: Tx) -> None:
        tx.signal("topic", "failed")
        raise LookupError

    @long
    def slow(tx: Tx) -> None:
        tx.signal("topic", f"run {len(tried)}")
        tried.append(1)
        if len(tried) == 1:
            raise Conflict
        open_.set()
        assert go.wait(PATIENCE_S)

    with pytest.raises(LookupError):
        await any_db.write(TOWN, failing)
    task = asyncio.create_task(any_db.write(TOWN, slow))
    assert await asyncio.to_thread(open_.wait, PATIENCE_S)
    await asyncio.sleep(0.05)
    assert heard == []
    go.set()
    await task
    await eventually(lambda: bool(heard))
    assert heard == ["run 1"]


async def test_reading_units_cannot_write(any_db: Database) -> None:
    """A unit given to `read` that writes is our defect."""
    with pytest.raises(Defect, match=r"storage\.statement"):
        await any_db.read(TOWN, add, "x")


async def test_a_broken_constraint_is_a_defect_and_spares_the_neighbours(any_db: Database) -> None:
    """Of three units that run together the one with the duplicate key fails alone."""
    await any_db.write(TOWN, add, "b")
    results = await asyncio.gather(*(any_db.write(TOWN, add, n) for n in "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Defect, type(None)]
    assert await any_db.read(TOWN, names) == ["a", "b", "c"]


async def test_foreign_keys_hold(any_db: Database) -> None:
    """A row of a participant that does not exist is refused."""
    statement = "INSERT INTO peer (participant, did, root, entered_at) VALUES (:p, 'd', 'r', 1)"
    with pytest.raises(Defect, match=r"storage\.constraint"):
        await any_db.write("niemand", lambda tx: tx.run(statement, p="niemand"))


async def test_placeholders_bytes_and_booleans(any_db: Database) -> None:
    """Colons and per cent signs in literals stay, bytes come back as bytes, booleans are 0 and 1."""
    await any_db.write(TOWN, add, "wahr", uses=True)
    sql = "SELECT uses, 'urn:uuid:x %s' AS text FROM counter WHERE participant = :p AND name LIKE 'wa%' AND :n = uses"
    assert await any_db.read(TOWN, lambda tx: tx.one(sql, p=TOWN, n=1)) == {"uses": 1, "text": "urn:uuid:x %s"}
    insert = "INSERT INTO object (participant, sha256, media_type, body) VALUES (:p, 'h', 'm', :body) RETURNING body"
    row = await any_db.write(TOWN, lambda tx: tx.one(insert, p=TOWN, body=b"\x00\xff"))
    assert row == {"body": b"\x00\xff"}
    assert type(row["body"]) is bytes


async def test_wrong_types_show_on_both(any_db: Database) -> None:
    """SQLite's tables are strict, so that text in a number column is not found on PostgreSQL only."""
    with pytest.raises(Defect):
        await any_db.write(TOWN, lambda tx: tx.run("UPDATE participant SET created_at = 'x' WHERE id = :p", p=TOWN))


async def test_cancelled_callers_do_not_disturb_the_others(any_db: Database) -> None:
    """A unit that was submitted still commits, and later units are answered."""
    task = asyncio.create_task(any_db.write(TOWN, add, "x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await any_db.write(TOWN, add, "y")
    assert "y" in await any_db.read(TOWN, names)


@pytest.mark.threat("T05")
async def test_of_fifty_uses_of_one_token_exactly_one_wins(any_db: Database) -> None:
    """Replay: the same (participant, issuer, jti) in parallel is new only once, for every participant by itself."""

    def see(tx: Tx) -> int:
        sql = (
            "INSERT INTO seen_token (participant, issuer, jti, expires_at) VALUES (:p, 'did:web:a', 'j', :at)"
            " ON CONFLICT DO NOTHING"
        )
        return tx.run(sql, p=tx.scope, at=tx.now)

    wins = await asyncio.gather(*(any_db.write(TOWN, see) for _ in range(50)))
    assert sum(wins) == 1
    assert await any_db.write("nachbardorf", see) == 1


async def test_a_closed_database_says_so(any_db: Database) -> None:
    """After `close` everything is `Unavailable`, nothing hangs."""
    await any_db.close()
    with pytest.raises(Unavailable, match=r"storage\.closed"):
        await any_db.write(TOWN, add, "x")
    with pytest.raises(Unavailable, match=r"storage\.closed"):
        await any_db.read(PROCESS, names)


async def test_a_nested_part_fails_by_itself(any_db: Database) -> None:
    """Its rows and signals are gone, what came before and after stays; an error of ours ends the whole unit."""
    heard: list[object] = []
    any_db.listen("topic", heard.append)

    def part(tx: Tx, error: Exception) -> None:
        add(tx, "part")
        tx.signal("topic", "part")
        raise error

    def unit(tx: Tx, error: Exception) -> object:
        add(tx, "before")
        result = nested(tx, part, error)
        add(tx, "after")
        tx.signal("topic", "unit")
        return result

    with pytest.raises(Defect):
        await any_db.write(TOWN, unit, Defect("storage.statement", reason="x"))
    assert await any_db.read(TOWN, names) == []
    problem = PeerError("x")
    assert await any_db.write(TOWN, unit, problem) is problem
    assert await any_db.read(TOWN, names) == ["after", "before"]
    await eventually(lambda: bool(heard))
    assert heard == ["unit"]


@pytest.mark.parametrize("wrote", [False, True])
async def test_only_after_a_part_that_wrote_a_unit_runs_again_with_savepoints(any_db: Database, wrote: bool) -> None:
    """>> a part fails << nothing is sent but what it does itself; if it wrote, all of the unit once more, carefully."""
    careful: list[bool] = []

    def part(tx: Tx) -> None:
        if wrote:
            tx.one(
                "INSERT INTO counter (participant, agreement, name, period, uses)"
                " VALUES (:p, 'a', 'part', '', 1) RETURNING name",
                p=tx.scope,
            )
        names(tx)
        raise PeerError("x")

    def unit(tx: Tx) -> object:
        careful.append(tx.careful)
        add(tx, "before")
        return nested(tx, part)

    assert isinstance(await any_db.write(TOWN, unit), PeerError)
    assert await any_db.read(TOWN, names) == ["before"]
    assert careful == ([False, True] if wrote else [False])


async def test_a_unit_knows_who_acts(any_db: Database) -> None:
    """>> a person acts at one participant << there her pseudonym, elsewhere and afterwards the system."""

    def who(tx: Tx) -> str:
        return tx.actor

    other = "nachbardorf"
    with acting({TOWN: "p-7f3a91"}):
        assert await any_db.write(TOWN, who) == "p-7f3a91"
        assert await any_db.read(TOWN, who) == "p-7f3a91"
        assert await any_db.write(other, who) == SYSTEM
        assert await any_db.write(PROCESS, who) == SYSTEM
    assert await any_db.write(TOWN, who) == SYSTEM

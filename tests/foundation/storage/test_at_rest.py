"""A participant at rest: the database port refuses every unit that writes for it, whatever asked."""

import asyncio
import threading

import pytest

from connector.foundation.storage import outbox
from connector.foundation.storage.at_rest import STATES, AtRest, at_rest
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from tests.testkit.locks import waiting
from tests.testkit.patience import PATIENCE_S

TOWN, VILLAGE = "musterstadt", "nachbardorf"
PEER = "INSERT INTO peer (participant, did, root, entered_at) VALUES (:p, :did, 'https://x.example', 1)"


def enter(tx: Tx, slug: str, did: str = "did:web:x.example") -> int:
    return tx.run(PEER, p=slug, did=did)


@at_rest
def lay(tx: Tx, state: str) -> None:
    tx.run("UPDATE participant SET state = :state WHERE id = :id", state=state, id=tx.scope)


@at_rest
def enter_in_spite(tx: Tx, slug: str) -> int:
    return tx.run(PEER, p=slug, did="did:web:y.example")


def peers(tx: Tx, slug: str) -> int:
    row = tx.one("SELECT count(*) AS n FROM peer WHERE participant = :p", p=slug)
    return 0 if row is None else int(row["n"])


@pytest.mark.threat("T110")
async def test_only_units_of_the_move_write_for_it(any_db: Database) -> None:
    """>> a unit for a town at rest, for its neighbour, one of the move << refused; done; done. Reading goes on."""
    await any_db.write(TOWN, lay, "moving")
    with pytest.raises(AtRest) as refused:
        await any_db.write(TOWN, enter, TOWN)
    assert (refused.value.status, refused.value.code) == (503, "moving.at-rest")
    assert await any_db.write(VILLAGE, enter, VILLAGE) == 1
    assert await any_db.write(TOWN, enter_in_spite, TOWN) == 1
    assert await any_db.read(TOWN, peers, TOWN) == 1
    await any_db.write(TOWN, lay, "active")
    assert await any_db.write(TOWN, enter, TOWN) == 1


async def test_every_state_of_rest_is_refused_and_no_other(sqlite_db: Database) -> None:
    assert STATES == ("moving", "moved", "arriving")
    await sqlite_db.write(TOWN, lay, "moving")
    await sqlite_db.write(TOWN, lay, "moved")
    with pytest.raises(AtRest):
        await sqlite_db.write(TOWN, enter, TOWN)
    assert await sqlite_db.write(PROCESS, lambda tx: tx.now) > 0


async def test_its_messages_are_not_claimed(any_db: Database) -> None:
    """>> a row of each town, one is laid to rest << the worker gets the other's alone, and both once it is back."""

    def put(tx: Tx) -> int:
        return outbox.put(tx, participant=tx.scope, stream=tx.scope, kind="dsp", body=b"{}")

    for town in (TOWN, VILLAGE):
        await any_db.write(town, put)
    await any_db.write(TOWN, lay, "moving")
    claimed = await any_db.write(WORKER, outbox.claim, "me", 10, 1)
    assert [row.participant for row in claimed] == [VILLAGE]
    await any_db.write(TOWN, lay, "active")
    claimed = await any_db.write(WORKER, outbox.claim, "me", 10, 1_000)
    assert TOWN in [row.participant for row in claimed]


async def test_whoever_lays_it_to_rest_waits_for_units_that_began_before(postgres_db: Database) -> None:
    """>> a unit is in the middle, the town is laid to rest, another unit comes << the first is seen by the second, the
    third is refused: nothing slips in behind, on whichever replica."""
    inside, goes_on = threading.Event(), threading.Event()
    order: list[str] = []

    def slow(tx: Tx) -> None:
        inside.set()
        assert goes_on.wait(PATIENCE_S)
        enter(tx, TOWN)
        order.append("slow")

    @at_rest
    def rests(tx: Tx) -> int:
        tx.one("SELECT pg_advisory_xact_lock(hashtextextended(:id, 1))", id=TOWN)
        lay(tx, "moving")
        order.append("rest")
        return peers(tx, TOWN)

    running = asyncio.ensure_future(postgres_db.write(TOWN, slow))
    assert await asyncio.to_thread(inside.wait, PATIENCE_S)
    resting = asyncio.ensure_future(postgres_db.write(TOWN, rests))
    await waiting(postgres_db)
    assert not resting.done()
    late = asyncio.ensure_future(postgres_db.write(TOWN, enter, TOWN, "did:web:late.example"))
    goes_on.set()
    await running
    assert (await resting, order) == (1, ["slow", "rest"])
    with pytest.raises(AtRest):
        await late

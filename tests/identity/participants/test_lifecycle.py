"""Who may go on while somebody wants to be alone with a participant: turns as they come, on PostgreSQL.

Units hold it open until they are told; what PostgreSQL says of its own queue tells who waits.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage import Database, Tx, at_rest
from connector.foundation.storage.nested import nested
from connector.identity.participants import lifecycle, lifecycle_store, store
from tests.testkit.locks import waiting
from tests.testkit.patience import PATIENCE_S

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
pytestmark = pytest.mark.threat("T58")


class Open:
    """A unit that holds the participant open, as every request of a peer does, until `done` is set."""

    def __init__(self, db: Database, slug: str = TOWN) -> None:
        self.there, self.done = threading.Event(), threading.Event()
        self.unit = asyncio.ensure_future(db.write(slug, self._hold, slug))

    def _hold(self, tx: Tx, slug: str) -> None:
        lifecycle.require_not_deleting(tx, slug)
        self.there.set()
        assert self.done.wait(PATIENCE_S)

    async def __aenter__(self) -> "Open":
        assert await asyncio.to_thread(self.there.wait, PATIENCE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.done.set()
        await self.unit


@at_rest.holds_open
def told(tx: Tx, slug: str) -> None:
    """As a door for peers does: asked with the beginning of the unit."""
    lifecycle.require_not_deleting(tx, slug)


def noted(order: list[str], name: str, fn: Callable[[Tx, str], Any]) -> Callable[[Tx], None]:
    def unit(tx: Tx) -> None:
        try:
            fn(tx, TOWN)
        finally:
            order.append(name)

    return unit


async def test_bug_a_stream_of_requests_kept_a_participant_from_leaving(postgres_db: Database) -> None:
    """>> a request runs, somebody wants to leave, more requests come << it has its turn before those that came later.

    They passed it before: under a steady load it waited for minutes, and for as long as a partner wished.
    """
    order = list[str]()

    @at_rest.holds_open
    def asks_first(tx: Tx) -> None:
        noted(order, "comes", lifecycle.require_not_deleting)(tx)

    async with Open(postgres_db):
        leaves = asyncio.ensure_future(postgres_db.write(TOWN, noted(order, "leaves", lifecycle.alone)))
        await waiting(postgres_db, 1)
        comes = [
            asyncio.ensure_future(postgres_db.write(TOWN, noted(order, "comes", hold)))
            for hold in (lifecycle.require_not_deleting, lifecycle.require_active)
        ]
        comes.append(asyncio.ensure_future(postgres_db.write(TOWN, asks_first)))
        await waiting(postgres_db, 4)
        assert order == []
    await asyncio.gather(leaves, *comes)
    assert order == ["leaves", "comes", "comes", "comes"]


@pytest.mark.parametrize("asks", [lifecycle.require_not_deleting, told])
async def test_whoever_waited_meanwhile_sees_that_it_is_being_deleted(
    postgres_db: Database, asks: Callable[[Tx, str], None]
) -> None:
    """>> a request comes while the first transaction of the deletion runs << it is told so, not what was before."""
    begun, go = threading.Event(), threading.Event()

    def deletes(tx: Tx) -> None:
        lifecycle.alone(tx, TOWN)
        begun.set()
        assert go.wait(PATIENCE_S)
        lifecycle_store.begin_deleting(tx, TOWN)

    await postgres_db.write(TOWN, lifecycle_store.begin, TOWN, "Fusion")
    await postgres_db.write(TOWN, lifecycle_store.close, TOWN)
    deleting = asyncio.ensure_future(postgres_db.write(TOWN, deletes))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    comes = asyncio.ensure_future(postgres_db.write(TOWN, asks, TOWN))
    await waiting(postgres_db, 1)
    go.set()
    await deleting
    with pytest.raises(Unknown, match=r"peer\.nothing-here"):
        await comes


async def test_requests_go_side_by_side_and_neighbours_never_wait(postgres_db: Database) -> None:
    """>> one request runs << another of the same participant, and a neighbour that leaves, go on at once."""
    async with Open(postgres_db), Open(postgres_db):
        await postgres_db.write(NEIGHBOUR, lifecycle.alone, NEIGHBOUR)


async def test_bug_a_stream_of_requests_kept_a_stolen_key_in_use(postgres_db: Database) -> None:
    """>> a request runs << keys are exchanged meanwhile, one change after the other."""
    async with Open(postgres_db):
        async with asyncio.timeout(PATIENCE_S):
            await postgres_db.write(TOWN, store.lock_keys, TOWN)


class Counting:
    """A unit's transaction that counts the statements that return one row."""

    def __init__(self, tx: Tx) -> None:
        self.ones, self._one = 0, tx.one
        tx.one = self.one  # type: ignore[method-assign]

    def one(self, sql: str, /, **values: object) -> Any:
        self.ones += 1
        return self._one(sql, **values)


async def test_a_unit_reads_once_how_far_its_participant_is(any_db: Database) -> None:
    """>> a unit takes in a message that begins something << one statement; none where the database port has read the
    same before the unit."""

    def unit(tx: Tx) -> int:
        counting = Counting(tx)
        lifecycle.require_not_deleting(tx, TOWN)
        lifecycle.require_active(tx, TOWN)
        assert not lifecycle.is_deleting(tx, TOWN)
        return counting.ones

    @at_rest.holds_open
    def marked(tx: Tx) -> int:
        return unit(tx)

    assert await any_db.write(TOWN, unit) == (0 if any_db.dialect == "sqlite" else 1)
    assert await any_db.write(TOWN, marked) == 0


async def test_a_marked_unit_of_nobody_finds_nobody(any_db: Database) -> None:
    """>> the participant is not there << as everybody else is told."""
    with pytest.raises(Unknown, match=r"peer\.nothing-here"):
        await any_db.write("nobody", told, "nobody")


async def test_a_unit_that_lets_its_participant_leave_sees_that(any_db: Database) -> None:
    """>> in one unit: open, closing, deleting; a part that undoes its own step << each is told as it is then."""

    def fails(tx: Tx) -> None:
        lifecycle_store.begin(tx, TOWN, "Fusion")
        with pytest.raises(lifecycle.Leaving):
            lifecycle.require_active(tx, TOWN)
        raise Mistake("leaving.reason", limit=1)

    def unit(tx: Tx) -> None:
        lifecycle.require_active(tx, TOWN)
        assert isinstance(nested(tx, fails), Mistake)
        lifecycle.require_active(tx, TOWN)
        lifecycle_store.begin(tx, TOWN, "Fusion")
        with pytest.raises(lifecycle.Leaving):
            lifecycle.require_active(tx, TOWN)
        lifecycle.require_not_deleting(tx, TOWN)
        lifecycle_store.close(tx, TOWN)
        lifecycle_store.begin_deleting(tx, TOWN)
        assert lifecycle.is_deleting(tx, TOWN)

    await any_db.write(TOWN, unit)
    with pytest.raises(Unknown, match=r"peer\.nothing-here"):
        await any_db.write(TOWN, lifecycle.require_not_deleting, TOWN)

"""Rows of the crawler: who is due, what is set aside, and that nothing of them is seen for another participant."""

from connector.data.catalogue.search import store as copies
from connector.data.catalogue.search.copies import copy_of
from connector.data.federation import store
from connector.data.federation.model import CrawlState, SetAside
from connector.foundation.storage import Database, Tx
from tests.conftest import TOWNS
from tests.data.federation.stage import entry

HERE, THERE = TOWNS
A, B, C = "did:web:a.example", "did:web:b.example", "did:web:c.example"


async def test_who_is_due_is_asked_in_the_order_in_which_it_became_so(any_db: Database) -> None:
    """>> one due long ago, one just now, one later, one put down by a clock that was years ahead << all but the one
    later; nobody of them for the other town."""

    def put(tx: Tx) -> None:
        store.enrol(tx, HERE, {A: tx.now - 1_000, B: tx.now - 2_000, C: tx.now + 60_000, "did:web:d": tx.now + 10**11})

    def due(tx: Tx, town: str, limit: int) -> list[str]:
        return store.due(tx, town, tx.now + 3_600_000, limit)

    await any_db.write(HERE, put)
    assert await any_db.read(HERE, due, HERE, 10) == [B, A, "did:web:d"]
    assert await any_db.read(HERE, due, HERE, 1) == [B]
    assert await any_db.read(THERE, due, THERE, 10) == []
    if any_db.dialect == "postgres":
        assert await any_db.read(THERE, due, HERE, 10) == []


async def test_enrolling_again_changes_nothing_and_forgets_who_left(any_db: Database) -> None:
    """>> enrolled with a copy and one set aside; again without it << the known one keeps its time, the other is gone
    with all that it showed."""
    await any_db.write(HERE, store.enrol, HERE, {A: 1, B: 1})
    await any_db.write(HERE, copies.replace_entry, HERE, B, copy_of(entry("x")), "t")
    await any_db.write(HERE, store.set_aside, HERE, B, [SetAside(dataset="y", told="t", code="federation.entry-name")])
    assert await any_db.write(HERE, store.enrol, HERE, {A: 7}) == 1
    assert [(one.provider, one.due_at) for one in await any_db.read(HERE, store.states, HERE)] == [(A, 1)]
    assert await any_db.read(HERE, copies.shown_by, HERE) == {}
    assert await any_db.read(HERE, store.all_aside, HERE) == {}


async def test_a_state_is_kept_as_it_is(any_db: Database) -> None:
    state = CrawlState(
        provider=A,
        form="inventory",
        digest="d",
        due_at=5,
        failures=3,
        code="federation.slow",
        facts={"seconds": "1"},
        doubted_at=4,
    )
    await any_db.write(HERE, store.save, HERE, state)
    await any_db.write(HERE, store.postpone, HERE, A, 9)
    found = await any_db.read(HERE, store.state, HERE, A)
    assert (found.due_at, found.digest, found.failures, found.facts, found.doubted_at) == (
        9,
        "d",
        3,
        {"seconds": "1"},
        4,
    )
    assert await any_db.read(THERE, store.state, THERE, A) == CrawlState(provider=A)


async def test_only_so_many_are_set_aside(any_db: Database) -> None:
    """>> more than are kept << the first of them; those that are usable again make room."""
    every = [SetAside(dataset=f"{n:05}", told="t", code="federation.entry-form") for n in range(store.MOST_ASIDE + 5)]
    await any_db.write(HERE, store.set_aside, HERE, A, every)
    found = await any_db.read(HERE, store.aside, HERE, A)
    assert len(found) == store.MOST_ASIDE
    await any_db.write(HERE, store.readmit, HERE, A, [one.dataset for one in found[:10]])
    await any_db.write(HERE, store.set_aside, HERE, A, every[-2:])
    assert len(await any_db.read(HERE, store.aside, HERE, A)) == store.MOST_ASIDE - 8


async def test_bytes_and_datasets_are_counted_for_each(any_db: Database) -> None:
    copy = copy_of(entry("x"))
    for town in TOWNS:
        await any_db.write(town, copies.replace_entry, town, A, copy, "t")
    await any_db.write(HERE, copies.replace_entry, HERE, A, copy_of(entry("y")), "t")
    assert await any_db.read(THERE, store.held_bytes, THERE, A) == len(copy.entry)
    assert await any_db.read(HERE, store.held_bytes, HERE, A) == 2 * len(copy.entry)
    assert await any_db.read(HERE, copies.shown_by, HERE) == {A: 2}

"""Snapshots are made when somebody asks and something public has changed; what was shown once is shown for a day."""

import asyncio
from typing import Any

import pytest

from connector.data.catalogue.snapshots import making, store
from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.model import PageAsked, Snapshot
from connector.data.catalogue.snapshots.pages import Gone, Pages
from connector.foundation.errors import Refusal, Unavailable
from connector.foundation.storage.database import Database, Tx, acting
from tests.data.catalogue.snapshots.shelf import CATALOGUE, Shelf, about, iri

TOWN = "musterstadt"


def made(db: Database, *shelves: Shelf) -> Snapshots:
    return Snapshots(db, shelves, about)


async def shown(db: Database, snapshot: Snapshot) -> list[str]:
    """The IRIs of all pages, in their order."""
    pages, found = Pages(db), list[str]()
    for number in range(1, snapshot.pages + 1):
        found += (await pages.leaf(PageAsked(TOWN, snapshot, number, "nt"))).iris
    return found


async def count(db: Database, table: str) -> int:
    row = await db.read(TOWN, lambda tx: tx.one(f"SELECT count(*) AS n FROM {table} WHERE participant = :p", p=TOWN))
    assert row is not None
    return int(row["n"])


async def test_an_empty_catalogue_is_one_page(any_db: Database) -> None:
    """>> nothing was ever published << a snapshot with one page and no dataset."""
    snapshot = await made(any_db, Shelf()).newest(TOWN)
    assert (snapshot.total, snapshot.pages, await shown(any_db, snapshot)) == (0, 1, [])


async def test_a_hundred_on_a_page_in_the_order_of_their_iris(any_db: Database) -> None:
    """>> 201 datasets << three pages; each IRI once, by code points whatever the locale of the database."""
    shelf = Shelf(199)
    shelf.titles |= {CATALOGUE + end: end for end in ("Z", "a")}
    snapshot = await made(any_db, shelf).newest(TOWN)
    assert (snapshot.total, snapshot.pages) == (201, 3)
    assert await shown(any_db, snapshot) == sorted(shelf.titles)


async def test_nothing_is_made_while_nothing_changes(any_db: Database) -> None:
    """>> asked ten times << one snapshot, one look at what there is."""
    shelf = Shelf(3)
    snapshots = made(any_db, shelf)
    assert len({(await snapshots.newest(TOWN)).digest for _ in range(10)}) == 1
    assert (shelf.lists, await count(any_db, "public_snapshot")) == (1, 1)


async def test_only_what_changed_is_described_anew(any_db: Database) -> None:
    """>> one of 150 gets another title, one goes, one comes << two are described, and one document more than before but
    one is kept; the old snapshot shows what it showed."""
    shelf = Shelf(150)
    snapshots = made(any_db, shelf)
    before = await snapshots.newest(TOWN)
    shelf.described_iris.clear()
    shelf.titles |= {iri(7): "Linden", iri(500): "neu"}
    del shelf.titles[iri(9)]
    after = await snapshots.newest(TOWN)
    assert sorted(shelf.described_iris) == [iri(7), iri(500)]
    assert await count(any_db, "public_document") == 152
    assert await shown(any_db, after) == sorted(shelf.titles)
    old = await snapshots.named(TOWN, before.digest)
    assert old == before
    assert await shown(any_db, before) == [iri(number) for number in range(150)]
    leaf = await Pages(any_db).page(CATALOGUE, PageAsked(TOWN, before, 1, "nt"), packed=False)
    assert "Bäume 7".encode() in leaf
    assert b"Linden" not in leaf


async def test_another_mark_alone_makes_no_snapshot(any_db: Database) -> None:
    """>> the supplier says that something changed, but the triples are the same << the same snapshot."""

    class Restless(Shelf):
        mark = 0

        def state(self, tx: Any, slug: str) -> str:
            return f"{super().state(tx, slug)}{self.mark}"

        def _listed(self, iri: str) -> Any:
            known = super()._listed(iri)
            return type(known)(iri=iri, mark=f"{known.mark}{self.mark}", changed_at=known.changed_at)

    shelf = Restless(2)
    snapshots = made(any_db, shelf)
    before = await snapshots.newest(TOWN)
    shelf.mark = 1
    assert await snapshots.newest(TOWN) == before
    shelf.described_iris.clear()
    assert await snapshots.newest(TOWN) == before
    assert shelf.described_iris == []


async def test_a_release_that_may_write_differently_looks_again(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the next release << all are described anew; where the triples are the same, so is the snapshot."""
    shelf = Shelf(3)
    before = await made(any_db, shelf).newest(TOWN)
    shelf.described_iris.clear()
    monkeypatch.setattr(making, "EDITION", "next")
    assert await made(any_db, shelf).newest(TOWN) == before
    assert len(shelf.described_iris) == 3


async def test_a_dataset_that_cannot_be_described_spoils_no_other(any_db: Database) -> None:
    """>> one of three cannot be written any more, one never could << the first keeps its last good form, the second is
    left out, all others are there."""
    shelf = Shelf(3)
    snapshots = made(any_db, shelf)
    await snapshots.newest(TOWN)
    shelf.titles |= {iri(1): "broken", iri(8): "never good", iri(9): "good"}
    shelf.bad = {iri(1), iri(8)}
    after = await snapshots.newest(TOWN)
    assert await shown(any_db, after) == [iri(0), iri(1), iri(2), iri(9)]
    page = await Pages(any_db).page(CATALOGUE, PageAsked(TOWN, after, 1, "nt"), packed=False)
    assert "Bäume 1".encode() in page
    shelf.bad = set()
    assert await shown(any_db, await snapshots.newest(TOWN)) == sorted(shelf.titles)


async def test_two_suppliers_are_one_catalogue(any_db: Database) -> None:
    """>> own datasets and imported ones, one IRI in both << each once, and the first supplier's word counts."""
    own, imported = Shelf(2), Shelf(0)
    imported.titles = {iri(1): "not heard", "https://portal.example/set/1": "Pegel"}
    snapshot = await made(any_db, own, imported).newest(TOWN)
    assert await shown(any_db, snapshot) == [iri(0), iri(1), "https://portal.example/set/1"]
    assert imported.described_iris == ["https://portal.example/set/1"]


@pytest.mark.threat("T82")
async def test_a_hundred_who_ask_at_once_make_one(any_db: Database) -> None:
    """>> a hundred requests after a change << one look, one snapshot; one who goes away takes it from nobody."""
    shelf = Shelf(5)
    snapshots = made(any_db, shelf)
    asking = [asyncio.create_task(snapshots.newest(TOWN)) for _ in range(100)]
    await asyncio.sleep(0)
    asking[0].cancel()
    found = {one.digest for one in await asyncio.gather(*asking, return_exceptions=True) if isinstance(one, Snapshot)}
    assert (len(found), shelf.lists, await count(any_db, "public_snapshot")) == (1, 1, 1)


async def test_two_replicas_at_once_agree(any_db: Database) -> None:
    """>> two replicas make the first snapshot side by side << both serve it to their readers under one name."""
    one, other = made(any_db, Shelf(120)), made(any_db, Shelf(120))
    found = await asyncio.gather(one.newest(TOWN), other.newest(TOWN))
    assert await count(any_db, "public_snapshot") == 1
    assert {each.digest for each in found} == {(await one.newest(TOWN)).digest}


async def test_what_changes_meanwhile_is_not_missed(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a dataset is withdrawn while the snapshot with it is being written << it is looked at again."""
    shelf = Shelf(3)
    snapshots = made(any_db, shelf)
    original = Snapshots._written

    async def slow(self: Snapshots, slug: str, seen: Any, done: Any) -> Any:
        written = await original(self, slug, seen, done)
        shelf.titles.pop(iri(1), None)
        return written

    monkeypatch.setattr(Snapshots, "_written", slow)
    assert await shown(any_db, await snapshots.newest(TOWN)) == [iri(0), iri(2)]
    assert sorted(shelf.described_iris) == [iri(0), iri(1), iri(2)], "what was written already is not written again"


async def test_a_death_in_the_middle_leaves_the_old_snapshot(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the process ends after documents were written << readers see the old snapshot; the next one asked makes it."""
    shelf = Shelf(2)
    snapshots = made(any_db, shelf)
    before = await snapshots.newest(TOWN)
    shelf.titles[iri(7)] = "neu"

    def dies(*_: Any) -> None:
        raise Unavailable("storage.contended")

    with monkeypatch.context() as patched:
        patched.setattr(making.store, "add", dies)
        with pytest.raises(Unavailable):
            await snapshots.newest(TOWN)
    assert await snapshots.named(TOWN, before.digest) == before
    assert await shown(any_db, await made(any_db, shelf).newest(TOWN)) == [iri(0), iri(1), iri(7)]


@pytest.mark.threat("T82")
async def test_too_many_are_refused_and_never_an_empty_answer(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MOST", 2)
    with pytest.raises(Unavailable, match="too-many"):
        await made(any_db, Shelf(3)).newest(TOWN)


async def test_the_last_change_is_another_second_each_time(any_db: Database) -> None:
    """>> a dataset goes within the second of the last change << `If-Modified-Since` of before is answered anew."""
    shelf = Shelf(2)
    snapshots = made(any_db, shelf)
    before = await snapshots.newest(TOWN)
    del shelf.titles[iri(1)]
    after = await snapshots.newest(TOWN)
    assert after.changed_at // 1000 > before.changed_at // 1000


@pytest.mark.threat("T82")
async def test_old_snapshots_go_and_the_newest_never(any_db: Database) -> None:
    """>> three snapshots, swept when a day has passed << only the newest is left, with its documents alone."""
    shelf = Shelf(2)
    snapshots = made(any_db, shelf)
    for number in range(3):
        shelf.titles[iri(0)] = f"Stand {number}"
        newest = await snapshots.newest(TOWN)
    await snapshots.sweep()
    assert await count(any_db, "public_snapshot") == 3
    gone = await any_db.write(TOWN, lambda tx: store.sweep(tx, TOWN, tx.now + 1, tx.now + 1, 100))
    assert (gone, await count(any_db, "public_snapshot"), await count(any_db, "public_document")) == (2, 1, 2)
    assert await count(any_db, "public_entry") == 2
    assert await shown(any_db, newest) == [iri(0), iri(1)]


@pytest.mark.threat("T82")
async def test_however_often_it_changes_only_so_many_are_kept(any_db: Database) -> None:
    shelf = Shelf(1)
    snapshots = made(any_db, shelf)
    digests = []
    for number in range(5):
        shelf.titles[iri(0)] = f"Stand {number}"
        digests.append((await snapshots.newest(TOWN)).digest)
    await any_db.write(TOWN, lambda tx: store.sweep(tx, TOWN, 0, 0, 2))
    assert [await snapshots.named(TOWN, one) is not None for one in digests] == [False, False, False, True, True]


async def test_a_page_whose_parts_were_swept_is_gone_and_not_empty(any_db: Database) -> None:
    """>> a reader stops for days between two pages << 410: an empty page would delete all that it knows."""
    snapshot = await made(any_db, Shelf(2)).newest(TOWN)
    await any_db.write(TOWN, lambda tx: tx.run("DELETE FROM public_document WHERE participant = :p", p=TOWN))
    with pytest.raises(Gone):
        await Pages(any_db).leaf(PageAsked(TOWN, snapshot, 1, "rdf"))


async def test_towns_do_not_share_snapshots(any_db: Database) -> None:
    snapshot = await made(any_db, Shelf(1)).newest(TOWN)
    assert await made(any_db, Shelf(1)).named("nachbardorf", snapshot.digest) is None


@pytest.mark.threat("T140")
async def test_what_is_made_for_all_does_not_end_with_who_asked_first(any_db: Database) -> None:
    """>> the first who asks is removed meanwhile; others wait for the same snapshot << it is made for all of them."""

    def still(tx: Tx) -> None:
        raise Refusal("test.over")

    snapshots = made(any_db, Shelf(3))
    with acting({TOWN: "p-7f3a91"}, still):
        first = asyncio.create_task(snapshots.newest(TOWN))
        await asyncio.sleep(0)
        second = snapshots.newest(TOWN)
        assert {(await first).digest} == {(await second).digest}

"""Pages are joined of parts, few at a time, and the bytes of those asked for lately are kept."""

import asyncio

import pytest

from connector.data.catalogue.snapshots import pages as module
from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.model import PageAsked
from connector.data.catalogue.snapshots.pages import Gone, Pages
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Database
from tests.data.catalogue.snapshots.shelf import CATALOGUE, Shelf, about

TOWN = "musterstadt"


async def asked(db: Database, count: int, number: int = 1) -> PageAsked:
    snapshot = await Snapshots(db, [Shelf(count)], about).newest(TOWN)
    return PageAsked(TOWN, snapshot, number, "rdf")


async def test_a_page_is_joined_once_for_all_who_ask(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> fifty ask for one page at once, and again as gzip << it is joined once, and coded once."""
    joined: list[int] = []
    document = module.document

    def counted(*given: object) -> bytes:
        joined.append(1)
        return document(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "document", counted)
    pages, page = Pages(sqlite_db), await asked(sqlite_db, 3)
    bodies = await asyncio.gather(*(pages.page(CATALOGUE, page, packed=False) for _ in range(50)))
    assert (len(set(bodies)), len(joined)) == (1, 1)
    coded = await asyncio.gather(*(pages.page(CATALOGUE, page, packed=True) for _ in range(50)))
    assert len({id(one) for one in coded}) == 1
    assert len(joined) == 1


@pytest.mark.threat("T82")
async def test_what_is_kept_is_bounded(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> ten pages asked for, room for about two << never more is kept, and the last are."""
    first = await asked(sqlite_db, 1_000)
    pages = Pages(sqlite_db)
    size = len(await pages.page(CATALOGUE, first, packed=False))
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * size + 1_000)
    for number in range(1, 11):
        await pages.page(CATALOGUE, PageAsked(TOWN, first.snapshot, number, "rdf"), packed=False)
        assert pages._bytes == sum(map(len, pages._kept.values())) <= 2 * size + 1_000
    assert [key[2] for key in pages._kept] == [9, 10]


@pytest.mark.threat("T82")
async def test_who_comes_when_too_many_wait_is_told(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a queue of one, two pages in it << the next is answered 503, and a page that is kept is still there."""
    page = await asked(sqlite_db, 300)
    pages = Pages(sqlite_db)
    await pages.page(CATALOGUE, page, packed=False)
    monkeypatch.setattr(module, "WAITING", 1)
    others = [PageAsked(TOWN, page.snapshot, number, "rdf") for number in (2, 3)]
    found = await asyncio.gather(
        *(pages.page(CATALOGUE, one, packed=False) for one in (*others, page)), return_exceptions=True
    )
    assert [isinstance(one, Unavailable) for one in found] == [False, True, False]


async def test_a_page_that_is_none_is_gone(sqlite_db: Database) -> None:
    page = await asked(sqlite_db, 1)
    for number in (0, 2, -1):
        with pytest.raises(Gone):
            await Pages(sqlite_db).leaf(PageAsked(TOWN, page.snapshot, number, "rdf"))


@pytest.mark.threat("T82")
async def test_a_page_ends_before_it_is_too_large(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> datasets of which three fill a page << three on each, none is lost."""
    from connector.data.catalogue.snapshots import making

    one = await asked(sqlite_db, 1)
    size = len(await Pages(sqlite_db).page(CATALOGUE, one, packed=False))
    monkeypatch.setattr(making, "LARGEST_PAGE", size // 2)
    page = await asked(sqlite_db, 50)
    leaves = [
        await Pages(sqlite_db).leaf(PageAsked(TOWN, page.snapshot, n + 1, "nt")) for n in range(page.snapshot.pages)
    ]
    assert sum(len(leaf.iris) for leaf in leaves) == 50
    assert max(len(leaf.iris) for leaf in leaves) < 10

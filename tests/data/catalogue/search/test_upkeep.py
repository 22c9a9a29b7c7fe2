"""Copies are kept in order: what nobody was shown any more goes, what an old analyser read is read again."""

import pytest

from connector.data.catalogue.search import store, upkeep
from connector.data.catalogue.search.copies import box_of, copy_of
from connector.data.catalogue.search.find import SearchRequest, search
from connector.data.catalogue.search.upkeep import Upkeep
from connector.foundation.storage import Tx
from connector.foundation.storage.database import PROCESS
from tests.conftest import TOWNS
from tests.testkit.towns import Towns

PROVIDER = "did:web:seestadt.example"
ENTRY = {"@id": "urn:x:1", "dct:title": "Hecken", "dct:spatial": {"dcat:bbox": "8,53,9,54"}}


def aged(tx: Tx) -> None:
    words = "''" if tx.dialect == "sqlite" else "''::tsvector"
    tx.run(f"UPDATE copy_content SET edition = 'old', words = {words}, west = NULL, south = NULL")


@pytest.mark.on_both
async def test_a_round_sweeps_and_reads_again(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> contents of an old edition, more than a portion, one forgotten << found by words and place; one swept."""
    monkeypatch.setattr(upkeep, "READ", 2)
    monkeypatch.setattr(upkeep, "SWEPT", 1)
    here, _ = TOWNS
    for number in range(5):
        copy = copy_of({**ENTRY, "@id": f"urn:x:{number}"})
        await towns.db.write(here, store.replace_entry, here, PROVIDER, copy)
    await towns.db.write(here, store.forget, here, PROVIDER, ["urn:x:0"])
    await towns.db.write(PROCESS, aged)
    assert (await towns.db.read(here, search, here, SearchRequest(text="Hecken"))).total == 0
    await Upkeep(towns.db, towns.participants).run()
    assert (await towns.db.read(here, search, here, SearchRequest(text="Hecken"))).total == 4
    assert (await towns.db.read(here, search, here, SearchRequest(box=box_of("8,53,8.1,54")))).total == 4
    left = await towns.db.read(PROCESS, lambda tx: tx.all("SELECT edition FROM copy_content"))
    assert len(left) == 4
    assert all(row["edition"] != "old" for row in left)


async def test_what_cannot_be_read_any_more_is_left_and_found_by_nothing(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> an entry that this release does not take << the round comes to its end; the entry stays, unfound."""
    here, _ = TOWNS
    await towns.db.write(here, store.replace_entry, here, PROVIDER, copy_of(ENTRY))
    await towns.db.write(PROCESS, aged)
    monkeypatch.setattr("connector.data.catalogue.search.copies.LARGEST", 5)
    await Upkeep(towns.db, towns.participants).run()
    assert (await towns.db.read(here, search, here, SearchRequest(text="Hecken"))).total == 0
    assert len(await towns.db.read(here, store.held, here, PROVIDER)) == 1

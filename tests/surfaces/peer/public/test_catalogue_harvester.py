"""A harvester reads a catalogue that changes under its hands: nothing is lost, and nothing stays that has gone."""

import pytest
from msgspec.structs import replace

from connector.data.catalogue.model import Dataset
from connector.data.catalogue.snapshots import making, pages
from connector.foundation.storage.database import Tx
from connector.kernel.metadata.record.model import DatasetRecord
from tests.surfaces.peer.public.portal import ROOT, Harvester, Portal, change, put, uuid
from tests.testkit.towns import Towns

TOWN = "musterstadt"
MANY, PER_PAGE = 200, 20
"""Ten pages; how long a real one is, `test_pages_lead_to_each_other_in_both_words_of_hydra` says."""


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (making, pages):
        monkeypatch.setattr(module, "PER_PAGE", PER_PAGE)
    monkeypatch.setattr(making, "PORTION", PER_PAGE)


def fill(tx: Tx) -> list[Dataset]:
    return [put(tx, number) for number in range(MANY)]


def fifty_change_and_ten_go(tx: Tx, datasets: list[Dataset]) -> None:
    """Spread over all pages, and five are published besides."""
    for number in range(0, MANY, 4):
        record: DatasetRecord = replace(datasets[number].record, title={"de": f"Linden {number}"})
        change(tx, datasets[number], record=record, title=record.title["de"])
    for number in range(1, MANY, 20):
        change(tx, datasets[number], state="withdrawn")
    for number in range(MANY, MANY + 5):
        put(tx, number)


async def test_nothing_is_lost_and_no_ghost_stays(short_pages: None, replicas: tuple[Towns, Portal, Portal]) -> None:
    """>> 200 datasets on ten pages; while they are read, page by page from two replicas in turn, 50 change, 10 are
    withdrawn and 5 come << the run shows the others as they were, once each, and of the 10 those that were read before
    they went; the next run brings the 50 and the 5, and takes what had gone."""
    towns, *doors = replicas
    datasets = await towns.db.write(TOWN, fill)
    withdrawn = {datasets[number].id for number in range(1, MANY, 20)}
    harvester, found, read, early = Harvester(*doors), {}, 0, set[str]()
    async for run in harvester.run(f"{ROOT}/catalog"):
        if run.pages == 3:
            early = withdrawn & run.found.keys()
            await towns.db.write(TOWN, fifty_change_and_ten_go, datasets)
        found, read = dict(run.found), run.pages
    new, changed, gone = harvester.settle(found)
    assert (read, changed, gone) == (10, set(), set())
    assert new == {one.id for one in datasets} - (withdrawn - early)
    assert 0 < len(early) < 10

    async for run in harvester.run(f"{ROOT}/catalog"):
        found, read = dict(run.found), run.pages
    new, changed, gone = harvester.settle(found)
    assert read == 10
    assert new == {f"{ROOT}/datasets/{uuid(number)}" for number in range(MANY, MANY + 5)}
    assert changed == {datasets[number].id for number in range(0, MANY, 4)}
    assert gone == early

    async for run in harvester.run(f"{ROOT}/catalog.rdf"):
        found = dict(run.found)
    assert harvester.settle(found) == (set(), set(), set())

"""What was taken in comes out of the same catalogue as what is a town's own."""

import msgspec
import pytest
from pyoxigraph import RdfFormat, parse, serialize

from connector.data.harvest import store
from connector.data.harvest.model import ImportedDataset, State
from connector.foundation.storage.database import Tx
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf.fragments import MEDIA, Form
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT
from connector.kernel.metadata.record import model
from connector.kernel.metadata.record.model import Agent, DatasetRecord
from tests.data.harvest.imports import harvest, served, taken
from tests.surfaces.peer.public.portal import ROOT, Portal, put, uuid
from tests.testkit.places import SHARED
from tests.testkit.towns import Towns

TOWN = "musterstadt"
CATALOGUES = SHARED / "dcat/catalogues"
BERLIN = "ckanext-dcatde-berlin-catalog-endpoint.rdf"
PORTAL = "https://portal.example/set/1.rdf?a=b&c"
AGENT = Agent(iri="https://portal.example/#city", name={"de": "Stadt"})


def imported(iri: str, title: str, state: State = "published") -> ImportedDataset:
    record = model.named(DatasetRecord(iri=iri, title={"de": title}, access="open", publisher=AGENT))
    triples = serialize(dcat_ap.dataset(record), format=RdfFormat.N_TRIPLES)
    assert triples is not None
    return ImportedDataset(
        iri=iri,
        identifier="",
        title=title,
        state=state,
        reason="",
        digest=title,
        sha256=f"{title}{state}",
        triples=triples if state == "published" else b"",
        record=msgspec.json.encode(record).decode(),
    )


def take_in(tx: Tx, *datasets: ImportedDataset) -> None:
    """As a run does in the end."""
    known = store.source(tx, TOWN, "portal")
    if known is None:
        store.add_source(tx, TOWN, "portal", "https://portal.example/")
        known = store.source(tx, TOWN, "portal")
    assert known is not None
    store.move_on(tx, TOWN, known, location=known.location, triples=1, undone=frozenset())
    for one in datasets:
        store.keep_dataset(tx, TOWN, "portal", one, changed=True)


async def listed(door: Portal) -> set[str]:
    answer = await door.get("/catalog.nt")
    graph = Graph(one.triple for one in parse(answer.body, RdfFormat.N_TRIPLES))
    return {str(node.value) for node in graph.instances(DCAT.Dataset)}


async def test_own_and_imported_are_one_catalogue(town: Towns, door: Portal) -> None:
    """>> a dataset of the town's own; then one is taken in, one waits for an answer; then the first is changed and goes
    << each catalogue shows just what is published."""
    own = await town.db.write(TOWN, lambda tx: put(tx, 0))
    assert await listed(door) == {own.id}
    waiting = imported("https://portal.example/set/2", "Wartet", "held")
    await town.db.write(TOWN, take_in, imported(PORTAL, "Pegel"), waiting)
    assert await listed(door) == {own.id, PORTAL}
    await town.db.write(TOWN, take_in, imported(PORTAL, "Linden"))
    assert "Linden" in (await door.get("/catalog.ttl")).text
    assert (await door.get("/catalog.ttl")).text.count("Pegel") == 0
    await town.db.write(TOWN, take_in, imported(PORTAL, "Linden", "held"))
    assert await listed(door) == {own.id}


@pytest.mark.threat("T83")
async def test_what_waits_again_is_in_no_older_snapshot(town: Towns, door: Portal) -> None:
    """>> an imported dataset is held back, and somebody kept the address of a page << the town's own alone is on it."""
    own = await town.db.write(TOWN, lambda tx: put(tx, 0))
    await town.db.write(TOWN, take_in, imported(PORTAL, "Pegel"), imported("https://portal.example/set/2", "Bleibt"))
    first = (await door.get("/catalog.nt")).text
    snap = next(word for word in first.split() if "snap=" in word).partition("?")[2].rstrip(">")
    await town.db.write(TOWN, take_in, imported(PORTAL, "Pegel", "held"))
    kept = (await door.get(f"/catalog.nt?{snap}")).text
    assert ("Pegel" in first, "Pegel" in kept, "Bleibt" in kept, own.id in kept) == (True, False, True, True)


async def test_an_imported_dataset_has_a_page_here(town: Towns, door: Portal) -> None:
    """>> its link in the catalogue for people << a page in the town's frame, four forms; one that waits: 404."""
    waiting = imported("https://portal.example/set/2", "Wartet", "held")
    await town.db.write(TOWN, take_in, imported(PORTAL, "Pegel"), waiting)
    name = "https%3A%2F%2Fportal.example%2Fset%2F1.rdf%3Fa%3Db%26c"
    assert f'href="{ROOT}/datasets/{name}.html"' in (await door.get("/catalog.html")).text
    page = await door.get(f"{ROOT}/datasets/{name}.html")
    assert (page.status, "Pegel" in page.text, f'href="{ROOT}/datasets/{name}.ttl"' in page.text) == (200, True, True)
    turtle = await door.get(f"{ROOT}/datasets/{name}.ttl")
    assert (turtle.status, f"<{PORTAL}>" in turtle.text) == (200, True)
    for gone in ("https%3A%2F%2Fportal.example%2Fset%2F2.html", f"https%3A%2F%2Fportal.example%2F{uuid(1)}.rdf"):
        assert (await door.get(f"{ROOT}/datasets/{gone}")).status == 404


@pytest.mark.skipif(not SHARED.is_dir(), reason="real catalogues absent: put them at ../shared/data/dcat")
@pytest.mark.parametrize("form", MEDIA)
async def test_a_real_catalogue_comes_out_as_it_was_published(town: Towns, door: Portal, form: Form) -> None:
    """>> Berlin's catalogue, taken in with all its repairs << each triple that is published stands on the page."""
    service = harvest(town.db)
    await taken(service, (CATALOGUES / BERLIN).read_bytes(), BERLIN)
    published = {triple for one in (await served(service, town.db)).values() for triple in named(one.triples, "nt")}
    page = await door.get(f"/catalog.{form}")
    assert page.status == 200
    assert len(published) > 100
    assert published <= named(page.body, form)


def named(document: bytes, form: Form) -> set[str]:
    """What is said without blank nodes."""
    return {
        line
        for one in parse(document, RdfFormat.from_media_type(MEDIA[form]), lenient=True)
        if "_:" not in (line := str(one.triple))
    }

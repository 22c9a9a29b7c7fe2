"""A page of 100 public datasets, never asked for before: CPU against pyoxigraph writing the same triples at once.

The page is read from a snapshot in SQLite and joined, in each of the four forms; the reference serialises the sorted
triples of the same page with prefixes, and does nothing else. `--quick` takes five rounds, not twenty.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _cities import QUICK, figure, middle, progress
from pyoxigraph import RdfFormat, Triple, parse, serialize

from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.model import PageAsked
from connector.data.catalogue.snapshots.pages import Pages
from connector.data.catalogue.snapshots.supply import Described, Listed
from connector.foundation.storage import open_database, upgrade
from connector.foundation.storage.database import Database, Tx
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf.fragments import FORMATS, Form
from connector.kernel.metadata.rdf.names import PREFIXES
from connector.kernel.metadata.rdf.writing import in_order
from connector.kernel.metadata.record.model import (
    Agent,
    Checksum,
    Contact,
    DatasetRecord,
    Distribution,
    Period,
    Place,
    Publisher,
    filled,
)

ROUNDS = 5 if QUICK else 20
DATASETS, TOWN, ROOT = 1_000, "stadt", "https://daten.stadt.example/stadt"
AT = "http://publications.europa.eu/resource/authority/"
PUBLISHER = Publisher(
    agent=Agent(iri=f"{ROOT}/#publisher", name={"de": "Stadt"}),
    contact=Contact(name="Amt", email="a@stadt.example"),
    contributor="http://dcat-ap.de/def/contributors/stadtAugsburg",
    level="http://dcat-ap.de/def/politicalGeocoding/Level/municipality",
    places=(Place(iri="http://dcat-ap.de/def/politicalGeocoding/municipalityKey/09761000"),),
    languages=(AT + "language/DEU",),
    availability=AT + "planned-availability/AVAILABLE",
)


def record(number: int) -> DatasetRecord:
    """As full as what a steward enters, in two languages."""
    iri = f"{ROOT}/datasets/{number:032x}"
    file = Distribution(
        access_url=f"{iri}/baeume.csv",
        download_url=f"{iri}/baeume.csv",
        title={"": "baeume.csv"},
        description={"de": f"Bäume {number} als CSV"},
        format=AT + "file-type/CSV",
        media_type="text/csv",
        bytes=52_017,
        checksum=Checksum(value="ab" * 32),
        status=AT + "distribution-status/COMPLETED",
    )
    given = DatasetRecord(
        iri=iri,
        title={"de": f"Bäume {number}", "en": f"Trees {number}"},
        description={"de": "Standort und Art der Straßenbäume. " * 5, "en": "Place and kind of trees. " * 5},
        licence="http://dcat-ap.de/def/licenses/dl-by-de/2.0",
        attribution={"de": "Stadt"},
        themes=(AT + "data-theme/ENVI",),
        keywords={"de": ("Bäume", "Kataster", "Umwelt")},
        frequency=AT + "frequency/ANNUAL",
        access="open",
        periods=(Period(start="2026-01-01", end="2026-12-31"),),
        identifiers=(f"{number:032x}",),
        issued="2026-01-01T00:00:00Z",
        modified="2026-01-02T00:00:00Z",
        landing_page=f"{iri}.html",
        distributions=(file,),
    )
    return filled(given, PUBLISHER)


class Shelf:
    """Supplies the records."""

    def __init__(self) -> None:
        self._records = {one.iri: one for one in map(record, range(DATASETS))}

    def state(self, tx: Tx, slug: str) -> str:
        return "full"

    def listed(self, tx: Tx, slug: str) -> Sequence[Listed]:
        return [Listed(iri=iri, mark="1", changed_at=1) for iri in self._records]

    def described(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[Described]:
        listed = [Listed(iri=iri, mark="1", changed_at=1) for iri in iris]
        return [Described(listed=one, triples=dcat_ap.dataset(self._records[one.iri])) for one in listed]

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[str]:
        return iris

    def record(self, tx: Tx, slug: str, iri: str) -> DatasetRecord | None:
        return self._records.get(iri)


def bare_s(triples: Sequence[Triple], format: RdfFormat) -> float:
    """CPU seconds of one serialisation."""
    prefixed = format in (RdfFormat.RDF_XML, RdfFormat.TURTLE)
    begun = time.process_time()
    serialize(triples, format=format, prefixes=dict(PREFIXES) if prefixed else None)
    return time.process_time() - begun


async def page_s(db: Database, asked: PageAsked) -> float:
    """CPU seconds of a page of which nothing is kept in memory, all threads."""
    pages = Pages(db)
    begun = time.process_time()
    await pages.page(f"{ROOT}/catalog", asked, packed=False)
    return time.process_time() - begun


async def measured(db: Database, form: Form) -> None:
    snapshot = await Snapshots(db, [Shelf()], lambda tx, slug: []).newest(TOWN)
    asked = PageAsked(TOWN, snapshot, 5, form)
    body = await Pages(db).page(f"{ROOT}/catalog", asked, packed=False)
    triples = in_order(Triple(one.subject, one.predicate, one.object) for one in parse(body, FORMATS[form]))
    bares, costs = [], []
    for _ in range(ROUNDS):
        bares.append(bare_s(triples, FORMATS[form]))
        costs.append(await page_s(db, asked))
    ratios = [cost / bare for cost, bare in zip(costs, bares, strict=True)]
    figure(
        f"catalogue-page.{form}",
        middle(costs) * 1000,
        "ms",
        reference=middle(bares) * 1000,
        ratio=middle(ratios),
        spread=ratios,
        goal="<= 2" if form == "rdf" else None,
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{Path(folder) / 'hanse.db'}"
        await asyncio.to_thread(upgrade, url)
        db = open_database(url)
        await db.start()
        try:
            await db.write(TOWN, _town)
            progress(f"a snapshot of {DATASETS} datasets")
            for form in FORMATS:
                await measured(db, form)
        finally:
            await db.close()


def _town(tx: Tx) -> None:
    tx.run(
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
        " VALUES (:id, :id, :root, :id, '/', :id, 'municipality', :id, 'active', :now)",
        id=tx.scope,
        root=ROOT,
        now=tx.now,
    )


if __name__ == "__main__":
    asyncio.run(main())

"""Taking in a city's catalogue: how long and how much memory 10 000 datasets take, first and again.

Each dataset is like those of real portals (some 40 triples, two distributions, texts where lists belong), so that a
dozen rules have something to do. The whole process counts: reading in a child, repairs, both profiles, one transaction.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from _cities import QUICK, figure

sys.path.insert(0, str(Path(__file__).parents[2]))

from connector.foundation.storage import open_database, upgrade
from connector.foundation.storage.database import Tx
from tests.data.harvest.imports import TOWN, harvest, taken

LARGE, SMALL = 10_000, 1_000
HEAD = (
    "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> ."
    " @prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix vcard: <http://www.w3.org/2006/vcard/ns#> ."
    " @prefix schema: <http://schema.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
    '<https://portal.example/town> a foaf:Organization ; foaf:name "Stadt Musterstadt" .\n'
)
DATASET = """<https://portal.example/d{n}> a dcat:Dataset ; dct:title "Bestand Nummer {n}"@de, "Stock number {n}"@en ;
 dct:description "Was die Stadt zum Bestand Nummer {n} weiß." ; dct:identifier "d{n}" ;
 dct:issued "2024-03-01"^^xsd:date ;
 dct:modified "2025-0{month}-11"^^xsd:date ; dct:publisher <https://portal.example/town> ;
 dcat:keyword "Bestand", "Stadt" ;
 dct:language <http://publications.europa.eu/resource/authority/language/GER> ;
 dcat:theme <http://publications.europa.eu/resource/authority/data-theme/ENVI> ;
 dct:temporal [ a dct:PeriodOfTime ; schema:startDate "2020-01-01"^^xsd:date ; schema:endDate "9999-01-01"^^xsd:date ] ;
 dcat:contactPoint [ a vcard:Organization ; vcard:fn "Amt" ; vcard:hasEmail "amt@portal.example" ] ;
 dcat:distribution <https://portal.example/d{n}/csv>, <https://portal.example/d{n}/json> .
<https://portal.example/d{n}/csv> a dcat:Distribution ; dcat:accessURL "https://portal.example/d{n}.csv" ;
 dct:format "CSV" ;
 dct:license <http://dcat-ap.de/def/licenses/dl-by-de/2.0> ; dcat:byteSize "100.0"^^xsd:decimal ;
 dcat:mediaType "text/csv" .
<https://portal.example/d{n}/json> a dcat:Distribution ; dcat:accessURL "https://portal.example/d{n}.json" ;
 dct:format "JSON" ; dct:license <http://dcat-ap.de/def/licenses/dl-by-de/2.0> ; dcat:mediaType "application/json" .
"""


def content(count: int) -> bytes:
    return (HEAD + "".join(DATASET.format(n=n, month=1 + n % 9) for n in range(count))).encode()


def _add(tx: Tx) -> None:
    tx.run(
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
        " VALUES (:id, 'did:web:x', 'https://localhost:18443/x', 'localhost:18443', '/x', 'x', 'municipality', 'x',"
        " 'active', :now)",
        id=TOWN,
        now=tx.now,
    )


def _processor_s() -> float:
    """What no neighbour on this machine changes much."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _peak_mib() -> float:
    """Of this process alone; the one that parses is bounded by its limits."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _measure(count: int, folder: Path) -> None:
    url = f"sqlite://{folder / 'hanse.db'}"
    upgrade(url)
    db = open_database(url)
    await db.start()
    await db.write(TOWN, _add)
    service, document = harvest(db), content(count)
    began = time.perf_counter()
    report = await taken(service, document, name="portal.ttl")
    first, processor = time.perf_counter() - began, _processor_s()
    assert (report.published, report.held) == (count, 0), report
    began = time.perf_counter()
    again = await taken(service, document, name="portal.ttl")
    second = time.perf_counter() - began
    assert (again.new, again.changed, again.removed) == (0, 0, 0), again
    await db.close()
    figure(f"import of {count} datasets", first, "s")
    figure("each dataset", first / count * 1_000, "ms")
    figure("processor time of it, both processes", processor, "s")
    figure("the same delivery again", second, "s")
    figure("triples of it", report.triples, "")
    figure("peak memory of the process", _peak_mib(), "MiB")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(SMALL if QUICK else LARGE, Path(folder)))


if __name__ == "__main__":
    main()

"""What the check of a catalogue costs per dataset, profile by profile: CPU time of the engine over a graph in memory.

The deliveries of Bremen and Brandenburg, where they are at hand, with nearly every dataset at fault; else a catalogue
made here. Reading the file and writing sentences are not in it.
"""

import time
from collections.abc import Iterator

from _cities import QUICK, figure, middle, progress
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY, DCAT, DCT, FOAF, RDF
from tests.testkit.places import SHARED

ROUNDS = 3 if QUICK else 9
GOAL_MS = 5
_DELIVERIES = {"bremen": "bremen-catalog-original-input.rdf", "brandenburg": "brandenburg-catalog-original-input.rdf"}


def catalogues() -> Iterator[tuple[str, Graph]]:
    folder = SHARED / "dcat" / "catalogues"
    for name, file in _DELIVERIES.items() if folder.is_dir() else ():
        data = (folder / file).read_bytes()
        yield name, Graph(quad.triple for quad in parse(data, format=RdfFormat.RDF_XML, lenient=True))
    yield "made", Graph(_made(200))


def _made(count: int) -> Iterator[Triple]:
    town = NamedNode("https://town.example/")
    yield Triple(town, RDF.type, FOAF.Organization)
    yield Triple(town, FOAF.name, Literal("Musterstadt"))
    for number in range(count):
        dataset, file = (NamedNode(f"https://town.example/{number}{part}") for part in ("", "#csv"))
        yield Triple(dataset, RDF.type, DCAT.Dataset)
        yield Triple(dataset, DCT.title, Literal(f"Datensatz {number}", language="de"))
        yield Triple(dataset, DCT.description, Literal("Alles", language="de"))
        yield Triple(dataset, DCT.publisher, town)
        yield Triple(dataset, DCAT.theme, NamedNode(AUTHORITY + "data-theme/ENVI"))
        yield Triple(dataset, DCT.accrualPeriodicity, NamedNode(AUTHORITY + "frequency/DAILY"))
        yield Triple(dataset, DCAT.distribution, file)
        yield Triple(file, RDF.type, DCAT.Distribution)
        yield Triple(file, DCAT.accessURL, NamedNode(f"https://town.example/{number}.csv"))
        yield Triple(file, DCT.format, NamedNode(AUTHORITY + "file-type/CSV"))


def measured() -> None:
    for name, graph in catalogues():
        progress(f"check of {name}")
        datasets = len(graph.instances(DCAT.Dataset))
        for profile in Profile:
            costs = []
            for _ in range(ROUNDS):
                begun = time.process_time()
                check(graph, profile)
                costs.append((time.process_time() - begun) * 1000 / datasets)
            figure(f"catalogue.check-{name}-{profile}", middle(costs), "ms", goal=f"<= {GOAL_MS}")

"""A supplier whose datasets a test puts in and takes out, and which says how often it was asked for what."""

from collections.abc import Sequence

from pyoxigraph import Literal, NamedNode, Triple

from connector.data.catalogue.snapshots.supply import Described, Listed
from connector.foundation.storage.database import Tx
from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF

CATALOGUE = "https://localhost:18443/musterstadt/catalog"


def iri(number: int) -> str:
    return f"https://localhost:18443/musterstadt/datasets/{number:04}"


class Shelf:
    """`titles` by IRI is what is public; `bad` cannot be described."""

    def __init__(self, count: int = 0) -> None:
        self.titles = {iri(number): f"Bäume {number}" for number in range(count)}
        self.bad: set[str] = set()
        self.times: dict[str, int] = {}
        self.described_iris: list[str] = []
        self.lists = 0

    def state(self, tx: Tx, slug: str) -> str:
        return repr((sorted(self.titles.items()), sorted(self.bad)))

    def listed(self, tx: Tx, slug: str) -> Sequence[Listed]:
        self.lists += 1
        return [self._listed(iri) for iri in self.titles]

    def described(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[Described]:
        if self.bad & set(iris):
            raise ValueError("no IRI")
        self.described_iris += iris
        return [Described(listed=self._listed(iri), triples=self._triples(iri)) for iri in iris if iri in self.titles]

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> list[str]:
        return [iri for iri in iris if iri in self.titles]

    def _listed(self, iri: str) -> Listed:
        return Listed(iri=iri, mark=self.titles[iri], changed_at=self.times.get(iri, 1_000))

    def _triples(self, iri: str) -> list[Triple]:
        node, publisher = NamedNode(iri), NamedNode("https://localhost:18443/musterstadt/#publisher")
        return [
            Triple(node, RDF.type, DCAT.Dataset),
            Triple(node, DCT.title, Literal(self.titles[iri], language="de")),
            Triple(node, DCT.publisher, publisher),
            Triple(publisher, DCT.title, Literal("Musterstadt")),
        ]


def about(tx: Tx, slug: str) -> list[Triple]:
    return [Triple(NamedNode(CATALOGUE), RDF.type, DCAT.Catalog)]

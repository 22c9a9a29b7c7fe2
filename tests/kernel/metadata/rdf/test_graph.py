"""A graph gives back what was put into it, forwards and backwards, and follows circles once."""

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF

TREES, FILE, SERIES = (NamedNode(f"https://town.example/{name}") for name in ("trees", "trees#file", "series"))
TITLE = Literal("Bäume", language="de")
GRAPH = Graph(
    [
        Triple(TREES, RDF.type, DCAT.Dataset),
        Triple(TREES, DCT.title, TITLE),
        Triple(TREES, DCT.title, TITLE),
        Triple(TREES, DCAT.distribution, FILE),
        Triple(FILE, DCAT.accessURL, NamedNode("https://town.example/trees.csv")),
        Triple(TREES, DCAT.inSeries, SERIES),
        Triple(SERIES, DCAT.seriesMember, TREES),
    ]
)


def test_each_triple_is_in_it_once() -> None:
    assert len(GRAPH) == len(list(GRAPH)) == 6
    assert GRAPH.values(TREES, DCT.title) == (TITLE,)
    assert GRAPH.value(TREES, DCT.description) is None


def test_it_is_asked_from_both_ends() -> None:
    assert GRAPH.instances(DCAT.Dataset) == (TREES,)
    assert GRAPH.holders(DCAT.distribution, FILE) == (TREES,)
    assert list(GRAPH.pointers(FILE)) == [(TREES, DCAT.distribution)]
    assert FILE in GRAPH.objects
    assert GRAPH.is_a(TREES, DCAT.Dataset)
    assert not GRAPH.is_a(TITLE, DCAT.Dataset)
    assert not GRAPH.is_a(FILE, DCAT.Distribution)


def test_what_is_reached_from_a_dataset() -> None:
    """>> a series that names its member again << each node once; IRIs of which nothing is said are not counted."""
    assert list(GRAPH.reached(TREES)) == [TREES, FILE, SERIES]
    assert set(GRAPH.reached(TREES, frozenset({DCAT.inSeries}))) == {TREES, FILE}
    assert list(GRAPH.reached(BlankNode())) != []

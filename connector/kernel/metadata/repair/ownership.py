"""Which triples of a foreign catalogue belong to which dataset (spec/metadata-import.md 1.3).

From a dataset every property is followed but those that lead to other datasets, to classes and to values of lists: a
delivery may hold whole ontologies, and one shared service leads to everything.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct
from pyoxigraph import BlankNode, NamedNode, Triple

from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph, Node, Term
from connector.kernel.metadata.rdf.names import DCAT, DCT, OWL, RDF, RDFS, SKOS
from connector.kernel.metadata.rdf.writing import in_order

MOST_TRIPLES = 5_000
"""Triples of one dataset; real ones have 30 to 300."""
MOST_BYTES = 2 * 1024**2
"""Bytes of a dataset's N-Triples."""
MOST_ALL_BYTES = 640 * 1024**2
"""Of the N-Triples of all datasets together: what many share is written with each, so a small delivery can grow."""
LONGEST_IRI = 1_000
"""Characters of the IRI of a dataset: it is a key of the database."""
BETWEEN = frozenset(
    {
        DCAT.dataset,
        DCAT.record,
        DCAT.catalog,
        DCAT.servesDataset,
        DCAT.seriesMember,
        DCAT.prev,
        DCAT.next,
        DCAT.first,
        DCAT.last,
        DCAT.hasVersion,
        DCAT.isVersionOf,
        DCAT.previousVersion,
        DCT.relation,
        DCT.isPartOf,
        DCT.hasPart,
        DCT.source,
        DCT.hasVersion,
        DCT.isVersionOf,
        DCT.isReferencedBy,
        DCT.references,
        DCT.replaces,
        DCT.isReplacedBy,
        DCT.isRequiredBy,
        DCT.requires,
        RDF.type,
        SKOS.inScheme,
        SKOS.broader,
        SKOS.narrower,
        SKOS.topConceptOf,
        SKOS.hasTopConcept,
        RDFS.isDefinedBy,
        RDFS.subClassOf,
    },
)
"""Properties that lead away from a dataset: their triple belongs to it, what their value says does not."""
_ELSEWHERE = (
    DCAT.Dataset,
    DCAT.Catalog,
    DCAT.CatalogRecord,
    RDFS.Class,
    OWL.Class,
    OWL.Ontology,
    SKOS.ConceptScheme,
    RDF.Property,
    OWL.ObjectProperty,
    OWL.DatatypeProperty,
)
Reason = Literal[
    "no-iri",
    "relative-iri",
    "too-large",
    "duplicate-identifier",
    "other-source",
    "cyclic-series",
    "own-dataset",
    "defect",
]
"""Why a dataset is set aside: no IRI and no identifier, an IRI that is none, more than one dataset has, an identifier
that another dataset has, an IRI that another source of the same participant brings, series that lead in a circle,
an IRI under which the participant publishes itself, a repair that broke."""


class Found(Struct, frozen=True):
    """A dataset of the delivery: its own triples in order, their SHA-256, and its first `dct:identifier`."""

    iri: str
    triples: Sequence[Triple]
    sha256: str
    identifier: str


class Aside(Struct, frozen=True):
    """A dataset that was not taken, and why."""

    iri: str
    reason: Reason


def _nothing(iri: str) -> bool:
    return False


def datasets(
    graph: Graph, lists: CodeLists, foreign: Callable[[str], bool] = _nothing, *, most: int = MOST_ALL_BYTES
) -> Iterator[Found | Aside]:
    """All datasets in the order of the delivery. Of two with one identifier that with the lesser IRI is taken, since a
    portal changes its order (and of equal IRIs there is one in a graph). What is said of nodes with `foreign` IRIs
    belongs to none; `most` bytes in all are taken."""
    every = [node for node in graph.instances(DCAT.Dataset) if not _is_other(graph, node)]
    identifiers: dict[str, Node] = {}
    for node in sorted(every, key=lambda node: (isinstance(node, BlankNode), node.value)):
        identifiers.setdefault(_identifier(graph, node), node)
    walk = _Walk(graph, lists, foreign, most)
    cyclic: dict[Term, bool] = {}
    for node in every:
        identifier = _identifier(graph, node)
        iri = _name(node, identifier)
        if iri is None:
            yield Aside(str(node), "relative-iri" if isinstance(node, NamedNode) else "no-iri")
        elif identifier and identifiers[identifier] != node:
            yield Aside(iri, "duplicate-identifier")
        elif _cyclic(graph, node, cyclic):
            yield Aside(iri, "cyclic-series")
        else:
            yield walk.found(node, iri, identifier)


def _is_other(graph: Graph, node: Node) -> bool:
    return graph.is_a(node, DCAT.Catalog) or graph.is_a(node, DCAT.DatasetSeries)


def _identifier(graph: Graph, node: Node) -> str:
    value = graph.value(node, DCT.identifier)
    return "" if value is None or isinstance(value, BlankNode) else value.value.replace("\0", " ").strip()[:LONGEST_IRI]


def _name(node: Node, identifier: str) -> str | None:
    """By its IRI; a dataset without one by its identifier."""
    if isinstance(node, BlankNode):
        return f"urn:uuid:{uuid5(NAMESPACE_URL, identifier)}" if identifier else None
    try:
        NamedNode(node.value)
    except ValueError:
        return None
    return node.value if len(node.value) <= LONGEST_IRI else None


def _cyclic(graph: Graph, start: Node, known: dict[Term, bool]) -> bool:
    """Whether its series, and those that these are in, come back to one of them; each node is walked once."""
    above: dict[Term, Iterator[Term]] = {}
    at: Term = start
    while True:
        if at not in above:
            above[at] = iter(graph.values(at, DCAT.inSeries))
        series = next(above[at], None)
        if series is None:
            above.pop(at)
            known[at] = False
            if not above:
                return False
            at = next(reversed(above))
        elif series in above or known.get(series):
            known |= dict.fromkeys(above, True)
            return True
        elif series not in known:
            at = series


class _Walk:
    """Collects what belongs to a dataset; what a node is, is asked once."""

    def __init__(self, graph: Graph, lists: CodeLists, foreign: Callable[[str], bool], most: int) -> None:
        self._graph, self._lists, self._theirs, self._left = graph, lists, foreign, most
        self._foreign: dict[Term, bool] = {}

    def found(self, start: Node, iri: str, identifier: str) -> Found | Aside:
        triples: list[Triple] = []
        size = 0
        seen: set[Term] = {start}
        waiting: list[Node] = [start]
        while waiting:
            node = waiting.pop()
            for triple in self._graph.about(node):
                value = triple.object
                triples.append(triple)
                size += len(str(value)) + 120
                if len(triples) > MOST_TRIPLES or size > min(MOST_BYTES, self._left):
                    return Aside(iri, "too-large")
                if (
                    isinstance(value, NamedNode | BlankNode)
                    and self._follow(triple.predicate, value)
                    and value not in seen
                ):
                    seen.add(value)
                    waiting.append(value)
        self._left -= size
        name = NamedNode(iri)
        if start != name:
            triples = [
                Triple(name if each.subject == start else each.subject, each.predicate, each.object) for each in triples
            ]
        ordered = in_order(triples)
        return Found(iri, ordered, sha256(n_triples(ordered).encode()).hexdigest(), identifier)

    def _follow(self, name: NamedNode, value: Node) -> bool:
        return name not in BETWEEN and not self._is_foreign(value)

    def _is_foreign(self, node: Node) -> bool:
        known = self._foreign.get(node)
        if known is None:
            named = isinstance(node, NamedNode) and (bool(self._lists.schemes(node.value)) or self._theirs(node.value))
            known = named or any(self._graph.is_a(node, kind) for kind in _ELSEWHERE)
            self._foreign[node] = known
        return known


def n_triples(triples: Sequence[Triple]) -> str:
    return "".join(f"{triple} .\n" for triple in triples)

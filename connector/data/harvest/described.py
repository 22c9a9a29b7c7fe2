"""The neutral record of a foreign dataset: what search, pages and the catalogue of the protocol show of it.

It is read from the repaired triples, which stay what portals are served (spec/metadata-import.md 1.6). What the record
has no field for is in those; what it shows is cut to lengths that a page can bear.
"""

from collections.abc import Sequence

import msgspec
from pyoxigraph import BlankNode, Literal, NamedNode

from connector.data.catalogue.search.copies import MILLIONTHS, box_of
from connector.kernel.metadata.lists.code_lists import MEDIA_TYPES
from connector.kernel.metadata.rdf.graph import Graph, Node, Term
from connector.kernel.metadata.rdf.names import ADMS, DCAT, DCATAP, DCATDE, DCT, FOAF, SKOS, VCARD
from connector.kernel.metadata.record.model import (
    Agent,
    Box,
    Contact,
    DatasetRecord,
    Distribution,
    Hvd,
    Period,
    Place,
    Series,
    Texts,
    Words,
)

LONGEST = 20_000
"""Characters of a text."""
MOST = 200
"""Values of one property."""


def described(iri: str, graph: Graph) -> DatasetRecord:
    """Open data by its nature: what a city's portal shows to everybody."""
    node = NamedNode(iri)
    files = [_distribution(graph, each) for each in _nodes(graph, node, DCAT.distribution)]
    categories = _iris(graph, node, DCATAP.hvdCategory)
    return DatasetRecord(
        iri=iri,
        access="open",
        title=_texts(graph, node, DCT.title),
        description=_texts(graph, node, DCT.description),
        licence=_common([one.licence for one in files]),
        themes=_iris(graph, node, DCAT.theme),
        keywords=_words(graph, node),
        frequency=_iri(graph, node, DCT.accrualPeriodicity),
        periods=tuple(_period(graph, each) for each in _nodes(graph, node, DCT.temporal)),
        hvd=Hvd(categories=categories) if categories else None,
        identifiers=tuple(_plain(graph, node, DCT.identifier)),
        publisher=_agent(graph, node),
        contacts=tuple(_contact(graph, each) for each in _nodes(graph, node, DCAT.contactPoint)),
        contributors=_iris(graph, node, DCATDE.contributorID),
        level=_iris(graph, node, DCATDE.politicalGeocodingLevelURI),
        places=tuple(_place(graph, each) for each in _nodes(graph, node, DCT.spatial)),
        languages=_iris(graph, node, DCT.language),
        availability=_iri(graph, node, DCATAP.availability),
        access_right=_iri(graph, node, DCT.accessRights),
        landing_page=_iri(graph, node, DCAT.landingPage),
        series=tuple(
            _series(graph, each) for each in _nodes(graph, node, DCAT.inSeries) if isinstance(each, NamedNode)
        ),
        version=_one(graph, node, DCAT.version),
        issued=_one(graph, node, DCT.issued),
        modified=_one(graph, node, DCT.modified),
        references=_iris(graph, node, DCT.references),
        legislation=_iris(graph, node, DCATAP.applicableLegislation),
        kinds=_iris(graph, node, DCT.type),
        conforms_to=_iris(graph, node, DCT.conformsTo),
        distributions=tuple(files),
    )


def _distribution(graph: Graph, node: Node) -> Distribution:
    media = _iri(graph, node, DCAT.mediaType)
    size = _one(graph, node, DCAT.byteSize)
    return Distribution(
        iri=_name(node),
        access_url=_iri(graph, node, DCAT.accessURL),
        download_url=_iri(graph, node, DCAT.downloadURL),
        title=_texts(graph, node, DCT.title),
        description=_texts(graph, node, DCT.description),
        format=_iri(graph, node, DCT.format),
        media_type=media.removeprefix(MEDIA_TYPES),
        bytes=int(size) if size.isdecimal() and len(size) < 19 else None,
        licence=_iri(graph, node, DCT.license),
        attribution=_texts(graph, node, DCATDE.licenseAttributionByText),
        status=_iri(graph, node, ADMS.status),
        availability=_iri(graph, node, DCATAP.availability),
        languages=_iris(graph, node, DCT.language),
        issued=_one(graph, node, DCT.issued),
        modified=_one(graph, node, DCT.modified),
    )


def _agent(graph: Graph, dataset: Node) -> Agent | None:
    node = next(iter(_nodes(graph, dataset, DCT.publisher)), None)
    return (
        None
        if node is None
        else Agent(iri=_name(node), name=_texts(graph, node, FOAF.name), kind=_iri(graph, node, DCT.type))
    )


def _contact(graph: Graph, node: Node) -> Contact:
    return Contact(
        iri=_name(node),
        name=next(iter(_texts(graph, node, VCARD.fn).values()), ""),
        email=_iri(graph, node, VCARD.hasEmail).removeprefix("mailto:"),
        url=_iri(graph, node, VCARD.hasURL),
        telephone=_iri(graph, node, VCARD.hasTelephone).removeprefix("tel:"),
    )


def _period(graph: Graph, node: Node) -> Period:
    return Period(iri=_name(node), start=_one(graph, node, DCAT.startDate), end=_one(graph, node, DCAT.endDate))


def _place(graph: Graph, node: Node) -> Place:
    """With the box around its geometry, if that has one on Earth."""
    said = [*_plain(graph, node, DCAT.bbox), *_plain(graph, node, DCAT.centroid)]
    box = next((found for text in said if (found := box_of(text)) is not None), None)
    return Place(
        iri=_name(node),
        label=_texts(graph, node, SKOS.prefLabel),
        box=None if box is None else Box(*(each / MILLIONTHS for each in msgspec.structs.astuple(box))),
    )


def _series(graph: Graph, node: NamedNode) -> Series:
    return Series(
        iri=node.value, title=_texts(graph, node, DCT.title), description=_texts(graph, node, DCT.description)
    )


def _common(licences: Sequence[str]) -> str:
    """The value that all distributions have in common; empty if they differ."""
    return licences[0] if len(set(licences)) == 1 else ""


# Values


def _name(node: Node) -> str:
    return node.value if isinstance(node, NamedNode) else ""


def _values(graph: Graph, node: Node, name: NamedNode) -> Sequence[Term]:
    return graph.values(node, name)[:MOST]


def _nodes(graph: Graph, node: Node, name: NamedNode) -> Sequence[Node]:
    return [value for value in _values(graph, node, name) if isinstance(value, NamedNode | BlankNode)]


def _iris(graph: Graph, node: Node, name: NamedNode) -> tuple[str, ...]:
    return tuple(value.value for value in _values(graph, node, name) if isinstance(value, NamedNode))


def _iri(graph: Graph, node: Node, name: NamedNode) -> str:
    return next(iter(_iris(graph, node, name)), "")


def _plain(graph: Graph, node: Node, name: NamedNode) -> Sequence[str]:
    return [value.value[:LONGEST] for value in _values(graph, node, name) if isinstance(value, Literal)]


def _one(graph: Graph, node: Node, name: NamedNode) -> str:
    return next(iter(_plain(graph, node, name)), "")


def _texts(graph: Graph, node: Node, name: NamedNode) -> Texts:
    found: Texts = {}
    for value in _values(graph, node, name):
        if isinstance(value, Literal):
            found.setdefault(_language(value), value.value[:LONGEST])
    return found


def _words(graph: Graph, node: Node) -> Words:
    found: dict[str, list[str]] = {}
    for value in _values(graph, node, DCAT.keyword):
        if isinstance(value, Literal):
            found.setdefault(_language(value), []).append(value.value[:LONGEST])
    return {lang: tuple(words) for lang, words in found.items()}


def _language(value: Literal) -> str:
    return (value.language or "").partition("-")[0].lower()

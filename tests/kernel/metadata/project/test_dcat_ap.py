"""The record as DCAT-AP.de: what the official shapes say of it, and what a harvester takes along and takes away."""

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF
from connector.kernel.metadata.record.model import Box
from tests.kernel.metadata.project.records import AGENT, ALL, CATALOGUE, MOST, SERIES, heat, plain, reached, trees
from tests.testkit.places import SHARED


def whole() -> list[Triple]:
    """The catalogue as one page."""
    page = dcat_ap.catalogue(CATALOGUE, [one.iri for one in ALL])
    return [*page, *(triple for one in ALL for triple in dcat_ap.dataset(one))]


@pytest.mark.skipif(not SHARED.is_dir(), reason="official shapes absent: put them at ../shared/data/dcat")
@pytest.mark.parametrize("profile", ["DE30", "AP301", "HVD"])
def test_the_official_shapes_find_nothing(profile: str) -> None:
    """>> open, high-value, announced and series records << no violation and no warning."""
    from tests.kernel.metadata.project import official_shapes

    assert official_shapes.findings(profile, whole()) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="official shapes absent: put them at ../shared/data/dcat")
def test_the_official_shapes_would_find_something() -> None:
    """>> the same without a licence and with a language that is on no list << they are found."""
    from tests.kernel.metadata.project import official_shapes

    bent = [
        Triple(one.subject, DCT.language, NamedNode("http://publications.europa.eu/resource/authority/language/GER"))
        if one.predicate == DCT.language
        else one
        for one in whole()
        if one.predicate != DCT.license
    ]
    assert official_shapes.severities("DE30", bent)["violation"] > len(ALL)


def test_few_triples_hang_on_a_dataset() -> None:
    graph = Graph(whole())
    assert all(len(reached(graph, one.iri)) <= MOST for one in ALL)


def test_what_goes_with_a_dataset_is_nobody_elses() -> None:
    """>> delete all that one dataset reaches but publisher and series << every other says what it said of its own."""
    graph = Graph(whole())
    shared = {AGENT.iri, SERIES.iri}
    for gone in ALL:
        deleted = {triple for triple in reached(graph, gone.iri) if str(triple.subject.value) not in shared}
        left = Graph(triple for triple in graph if triple not in deleted)
        for other in ALL:
            if other is not gone:
                own = {one for one in reached(graph, other.iri) if str(one.subject.value).startswith(other.iri)}
                assert own <= set(left)


def test_no_way_leads_back_to_a_dataset() -> None:
    """>> services, series, publishers << none of them names a dataset."""
    graph = Graph(whole())
    datasets = {NamedNode(one.iri) for one in ALL}
    for node in graph.subjects:
        if not graph.is_a(node, DCAT.Catalog):
            assert datasets.isdisjoint(triple.object for triple in graph.about(node))


def test_a_contact_on_a_service_stands_for_high_value_only() -> None:
    graph = Graph(whole())
    with_contact = [node for node in graph.instances(DCAT.DataService) if graph.values(node, DCAT.contactPoint)]
    assert [str(node.value).rpartition("#")[2] for node in with_contact] == ["api"]


def test_the_identifier_is_no_iri() -> None:
    """Portals that read an http identifier write an IRI back, which is a violation."""
    graph = Graph(dcat_ap.dataset(trees()))
    assert graph.values(NamedNode(trees().iri), DCT.identifier) == (Literal(trees().iri.rpartition("/")[2]),)


def test_announced_data_leads_to_its_page_and_its_contract() -> None:
    graph = Graph(dcat_ap.dataset(heat()))
    (distribution,) = graph.instances(DCAT.Distribution)
    assert graph.value(distribution, DCAT.accessURL) == NamedNode(heat().iri + ".html")
    assert graph.value(distribution, DCAT.accessService) == NamedNode(heat().iri + "#contract")
    assert graph.values(distribution, DCAT.downloadURL) == ()
    right = graph.value(NamedNode(heat().iri), DCT.accessRights)
    assert right is not None
    assert str(right.value).endswith("/RESTRICTED")


def test_what_came_along_is_written_again() -> None:
    """>> a statement that the model has no field for << it stands in RDF as it came."""
    from msgspec.structs import replace

    line = f'<{plain().iri}> <http://example.org/colour> "grün"@de .'
    triples = dcat_ap.dataset(replace(plain(), more=line))
    assert (
        Triple(NamedNode(plain().iri), NamedNode("http://example.org/colour"), Literal("grün", language="de"))
        in triples
    )


def test_a_box_is_a_ring_and_its_middle() -> None:
    box = Box(11.0, 49.4, 11.2, 49.5)
    assert dcat_ap.polygon(box) == "POLYGON((11.0 49.4,11.2 49.4,11.2 49.5,11.0 49.5,11.0 49.4))"
    assert dcat_ap.centroid(box) == "POINT(11.1000 49.4500)"


def test_dates_are_as_exact_as_they_were_given() -> None:
    graph = Graph(dcat_ap.dataset(trees()))
    kinds = {triple.object.datatype.value.rpartition("#")[2] for triple in graph if _is_dated(triple)}
    assert kinds == {"dateTime", "date"}
    assert RDF.type in graph.properties(NamedNode(trees().iri))


def _is_dated(triple: Triple) -> bool:
    return triple.predicate in (DCT.issued, DCT.modified, DCAT.startDate, DCAT.endDate)

"""The record for search engines, and that it says the same as the RDF for portals."""

import json

from pyoxigraph import NamedNode, RdfFormat, parse

from connector.kernel.metadata.project import dcat_ap, schema_org
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCT
from tests.kernel.metadata.project.records import ALL, CATALOGUE, ROOT, SERIES, gauges, heat, plain, trees


def test_an_open_dataset_is_free_and_says_where_it_is() -> None:
    found = schema_org.dataset(trees(), f"{ROOT}/catalog")
    assert found["@id"] == trees().iri
    assert found["isAccessibleForFree"] is True
    assert found["name"] == [
        {"@language": "de", "@value": "Baumkataster 2026"},
        {"@language": "en", "@value": "Tree register 2026"},
    ]
    assert found["temporalCoverage"] == ["2026-01-01/2026-12-31"]
    assert found["spatialCoverage"][1]["geo"]["box"] == "49.4 11.0 49.5 11.2"
    (file,) = found["distribution"]
    assert file["contentUrl"].endswith("/baeume.geojson")
    assert file["contentSize"] == "52017 B"
    assert found["isPartOf"] == [{"@type": "Dataset", "@id": SERIES.iri}]


def test_what_needs_a_contract_is_not_said_to_be_free() -> None:
    found = schema_org.dataset(heat())
    assert "isAccessibleForFree" not in found
    assert "contentUrl" not in found["distribution"][0]
    assert found["distribution"][0]["url"] == heat().landing_page


def test_what_is_not_known_is_not_said() -> None:
    found = schema_org.dataset(plain())
    assert not {"temporalCoverage", "version", "isPartOf"} & found.keys()
    assert all(value not in ("", [], None) for value in found.values())


def test_a_catalogue_and_a_series_name_their_datasets() -> None:
    iris = [one.iri for one in ALL]
    assert [one["@id"] for one in schema_org.catalogue(CATALOGUE, iris)["dataset"]] == iris
    assert [one["@id"] for one in schema_org.series(SERIES, iris[:1])["hasPart"]] == iris[:1]


def test_it_says_of_each_dataset_what_the_rdf_says() -> None:
    """>> the same records in both forms << one IRI, the same titles, the same licences."""
    for record in ALL:
        found = schema_org.dataset(record)
        graph = Graph(dcat_ap.dataset(record))
        names = found["name"] if isinstance(found["name"], list) else [{"@value": found["name"]}]
        titles = {value.value for value in graph.values(NamedNode(record.iri), DCT.title)}
        assert {one["@value"] for one in names} == titles
        licences = {value.value for node in graph.subjects for value in graph.values(node, DCT.license)}
        assert {found["license"]} == licences


def test_it_is_json_ld_that_reads_without_a_network() -> None:
    """Its context is a name; with the vocabulary in its place every member becomes a property of schema.org."""
    document = {**schema_org.dataset(gauges()), "@context": {"@vocab": "https://schema.org/"}}
    triples = [quad.triple for quad in parse(json.dumps(document), RdfFormat.JSON_LD)]
    assert len(triples) > 20
    assert all(one.predicate.value.startswith(("https://schema.org/", "http://www.w3.org/1999")) for one in triples)

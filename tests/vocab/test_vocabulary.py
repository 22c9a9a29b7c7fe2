"""The concept lists of `vocab/`: complete, consistent, and read alike by two RDF libraries."""

from pathlib import Path

import pytest
import rdflib
from rdflib.namespace import DCTERMS, RDF, SKOS

from connector.catalogue.rules import vocabulary
from connector.dialects.skos import load
from connector.errors import Defect
from connector.resources import folder

H = "https://w3id.org/hanse/v1#"


def words(text: str) -> list[str]:
    return text.split()


KINDS = words(
    "municipality county intermunicipalAssociation municipalItProvider municipalEnterprise stateAuthority"
    " federalAuthority statisticsOffice networkOperator researchInstitution university civilSociety company public"
)
LEVELS = ["municipalLevel", "countyLevel", "stateLevel", "federalLevel"]
STATUTORY = words(
    "heatPlanning energyReporting landUsePlanning civilProtection environmentalMonitoring officialStatistics"
)
OPERATIONS = ["trafficManagement", "facilityManagement", "floodForecast", "winterService"]
OTHER = words(
    "climateAdaptation research citizenInformation openDataPublication procurementSupport productDevelopment"
    " algorithmTraining qualityAssurance testing"
)
PURPOSES = ["publicAdministration", "statutoryTask", "operations", *STATUTORY, *OPERATIONS, *OTHER]


@pytest.fixture(scope="module")
def graph() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in folder("vocab").glob("*.ttl"):
        graph.parse(path, format="turtle")
    return graph


@pytest.mark.parametrize(
    ("scheme", "names"),
    [("participantKindScheme", KINDS), ("adminLevelScheme", LEVELS), ("purposeScheme", PURPOSES)],
)
def test_the_lists_are_those_of_the_handbook(scheme: str, names: list[str]) -> None:
    """Neither a concept more nor less, each under its own local name."""
    found = vocabulary().scheme(scheme)
    assert set(found) == set(names)
    assert all(concept.iri == H + name for name, concept in found.items())


def test_purposes_form_the_tree_of_the_handbook() -> None:
    """Administrative purposes contain statutory tasks and operations, and nothing else."""
    above = vocabulary().closure.above
    below = {iri.removeprefix(H) for iri, all_above in above.items() if H + "publicAdministration" in all_above}
    assert below == {"publicAdministration", "statutoryTask", "operations", *STATUTORY, *OPERATIONS}
    assert all(H + "statutoryTask" in above[H + name] for name in STATUTORY)
    assert all(H + "operations" in above[H + name] for name in OPERATIONS)
    assert all(above[H + name] == {H + name} for name in OTHER)


def test_both_libraries_read_the_same(graph: rdflib.Graph) -> None:
    """Labels, hierarchy and lists by pyoxigraph are those that rdflib finds."""
    concepts = vocabulary().concepts
    assert {str(s) for s in graph.subjects(RDF.type, SKOS.Concept)} == set(concepts)
    for iri, concept in concepts.items():
        node = rdflib.URIRef(iri)
        labels = {o.language: str(o) for o in graph.objects(node, SKOS.prefLabel) if isinstance(o, rdflib.Literal)}
        assert labels == concept.labels
        assert sorted(str(o) for o in graph.objects(node, SKOS.broader)) == list(concept.broader)
        assert str(graph.value(node, SKOS.inScheme)) == concept.scheme


def test_each_concept_is_well_formed(graph: rdflib.Graph) -> None:
    """One label per language, a scheme, a notation, and a place in the tree; labels are unique in their list."""
    for concept in vocabulary().concepts.values():
        node = rdflib.URIRef(concept.iri)
        assert set(concept.labels) == {"de", "en"}
        assert len(list(graph.objects(node, SKOS.prefLabel))) == 2
        assert concept.notation == concept.iri.removeprefix(H)
        top = graph.value(node, SKOS.topConceptOf)
        assert (top is None) == bool(concept.broader)
        assert top is None or (top, SKOS.hasTopConcept, node) in graph
        assert all(vocabulary().concepts[iri].scheme == concept.scheme for iri in concept.broader)
    for scheme in ("participantKindScheme", "adminLevelScheme", "purposeScheme"):
        for lang in ("de", "en"):
            labels = [concept.labels[lang].casefold() for concept in vocabulary().scheme(scheme).values()]
            assert len(set(labels)) == len(labels)


def test_each_list_is_dedicated_and_titled(graph: rdflib.Graph) -> None:
    """CC0, a title and a description in both languages, a version."""
    for scheme in graph.subjects(RDF.type, SKOS.ConceptScheme):
        assert "publicdomain/zero" in str(graph.value(scheme, DCTERMS.license))
        for about in (DCTERMS.title, DCTERMS.description):
            assert {getattr(text, "language", "") for text in graph.objects(scheme, about)} == {"de", "en"}
        assert graph.value(scheme, rdflib.OWL.versionInfo) is not None


def test_matches_name_real_publisher_types(graph: rdflib.Graph) -> None:
    """Every ADMS match is a value of the published list."""
    published = Path(__file__).parents[2].parent / "shared" / "data" / "dcat" / "vocab" / "adms-publisher-type.ttl"
    if not published.is_file():
        pytest.skip("official list absent: put adms-publisher-type.ttl into ../shared/data/dcat/vocab")
    types = set(rdflib.Graph().parse(published, format="turtle").subjects(RDF.type, SKOS.Concept))
    matches = {o for o in graph.objects(None, SKOS.closeMatch) if "adms" in str(o)}
    assert matches
    assert matches <= types


CONCEPT = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<urn:a> a skos:Concept ; skos:prefLabel "A"@de, "A"@en ; skos:broader <urn:b> .
<urn:b> a skos:Concept ; skos:prefLabel "B"@de, "B"@en ; skos:broader <urn:a> .
"""


def test_the_digest_covers_triples_not_layout(tmp_path: Path) -> None:
    """Comments, order and file names change nothing; a label does. A cycle of broader does not hang."""

    def read(name: str, text: str) -> str:
        place = tmp_path / name
        place.mkdir()
        (place / f"{name}.ttl").write_text(text, encoding="utf-8")
        return load(place).digest

    first, *rest = CONCEPT.splitlines()
    shuffled = "# a comment\n" + "\n".join([first, *reversed(rest)])
    assert read("one", CONCEPT) == read("two", shuffled)
    assert read("three", CONCEPT.replace('"A"@de', '"Ä"@de')) != read("four", CONCEPT)
    assert load(tmp_path / "one").closure.above["urn:a"] == {"urn:a", "urn:b"}


def test_a_concept_without_a_german_label_is_our_defect(tmp_path: Path) -> None:
    """People would see an IRI: the list is refused at once."""
    (tmp_path / "x.ttl").write_text(CONCEPT.replace('"A"@de, ', ""), encoding="utf-8")
    with pytest.raises(Defect):
        load(tmp_path)

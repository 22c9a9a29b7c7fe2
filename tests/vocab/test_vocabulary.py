"""The concept lists of `vocab/`: complete, consistent, and read alike by two RDF libraries."""

import shutil
from pathlib import Path

import pytest
import rdflib
from rdflib.namespace import DCTERMS, RDF, SKOS

from connector.data.catalogue.concepts import vocabulary
from connector.foundation.errors import Defect
from connector.foundation.resources import folder
from connector.kernel.dialects.policies.skos import WRITTEN, Vocabulary, canonical, load, load_all, written
from connector.kernel.policy.odrl.names import ACTIONS
from connector.kernel.policy.odrl.operands import REGISTRY
from tests.testkit.places import SHARED

H = "https://w3id.org/hanse/v1#"
VERSION_1 = "29c8f7ccbacfd0dc1d71b7116e8123de9cbd14aa49e2233859ccfe42c7f5c743"
WITHOUT_OTHER_WORDS = "c8cd7c4adfea6cf3e4c636be28ed4ea2438fe3f6d0474afec6045e9873868e2e"


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
NEEDS = words("noProtectionNeed aggregatedData pseudonymisedData personalData criticalInfrastructure")
LEVELS_OF_AGGREGATION = words("building fiveAddresses block districtArea municipalityArea")
STATES = words("BW BY BE BB HB HH HE MV NI NW RP SL SN ST SH TH")
MEMBERS = words("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
PURPOSES = ["publicAdministration", "statutoryTask", "operations", *STATUTORY, *OPERATIONS, *OTHER]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A copy of the lists, to be changed."""
    return Path(shutil.copytree(folder("vocab"), tmp_path / "vocab"))


@pytest.fixture(scope="module")
def graph() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in folder("vocab").glob("*.ttl"):
        graph.parse(path, format="turtle")
    return graph


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("participantKindScheme", KINDS),
        ("adminLevelScheme", LEVELS),
        ("purposeScheme", PURPOSES),
        ("protectionNeedScheme", NEEDS),
        ("aggregationLevelScheme", LEVELS_OF_AGGREGATION),
        ("areaScheme", ["EU", *MEMBERS, *(f"DE-{state}" for state in STATES)]),
    ],
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
    for scheme in sorted({concept.scheme.removeprefix(H) for concept in vocabulary().concepts.values()}):
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
    published = SHARED / "dcat" / "vocab" / "adms-publisher-type.ttl"
    if not published.is_file():
        pytest.skip("official list absent: put adms-publisher-type.ttl into ../shared/data/dcat/vocab")
    types = set(rdflib.Graph().parse(published, format="turtle").subjects(RDF.type, SKOS.Concept))
    matches = {o for o in graph.objects(None, SKOS.closeMatch) if "adms" in str(o)}
    assert matches
    assert matches <= types


def test_areas_contain_each_other() -> None:
    """The Union contains its members, Germany its states; no state lies in two."""
    above = vocabulary().closure.above
    assert all(above[H + member] == {H + member, H + "EU"} for member in MEMBERS)
    assert all(above[f"{H}DE-{state}"] == {f"{H}DE-{state}", H + "DE", H + "EU"} for state in STATES)


def test_areas_carry_the_codes_of_the_official_lists() -> None:
    """AGS 01 to 16, NUTS DE1 to DEG, each once; NUTS writes EL for Greece."""
    areas = vocabulary().scheme("areaScheme")
    codes = [code for state in STATES for code in areas[f"DE-{state}"].codes if ":" not in code]
    assert sorted(codes) == sorted([f"{n:02}" for n in range(1, 17)] + [f"DE{c}" for c in "123456789ABCDEFG"])
    assert {"05", "DEA"} < set(areas["DE-NW"].codes)
    assert "EL" in areas["GR"].codes


def test_finer_levels_are_part_of_coarser_ones() -> None:
    """`isPartOf fiveAddresses` holds for a building, not for a block; a better security profile is within the lower."""
    within = vocabulary().closure.within
    assert within(H + "building", H + "fiveAddresses")
    assert within(H + "block", H + "fiveAddresses") is False
    assert within(H + "trustPlusSecurity", H + "trustSecurity")
    assert within(H + "baseSecurity", H + "trustSecurity") is False


def test_a_local_name_is_used_once() -> None:
    """Neither two concepts, nor a concept and an operand or action, share a name."""
    concepts = set(vocabulary().concepts)
    assert not concepts & (set(REGISTRY) | set(ACTIONS))
    schemes = {concept.scheme for concept in vocabulary().concepts.values()}
    assert not concepts & schemes


def test_lists_of_earlier_releases_are_kept() -> None:
    """An agreement is judged by the lists whose digest it pins; version 1 had three of them, and no areas."""
    found = load_all(folder("vocab"))
    first = found.closure_of(VERSION_1)
    assert found.knows(VERSION_1)
    assert first.within(H + "heatPlanning", H + "publicAdministration")
    assert H + "DE-NW" not in first.above
    assert first.within(H + "DE-NW", H + "EU") is None
    before = found.closure_of(WITHOUT_OTHER_WORDS)
    assert before == found.current.closure, "another word for a kind changes no decision"
    assert found.closure_of(found.current.digest) is found.current.closure


def test_lists_that_nobody_has_contain_nothing_for_sure() -> None:
    """>> an agreement pins lists of a later release  << a concept is itself, all else is unknown, which refuses."""
    found = load_all(folder("vocab"))
    foreign = found.closure_of("0" * 64)
    assert not found.knows("0" * 64)
    assert foreign.within(H + "research", H + "research")
    assert foreign.within(H + "heatPlanning", H + "publicAdministration") is None


def test_a_kept_list_is_checked(tmp_path: Path) -> None:
    """Its name is the SHA-256 of its bytes: what was changed or renamed is refused."""
    (tmp_path / "x.ttl").write_text(CONCEPT, encoding="utf-8")
    (tmp_path / "earlier").mkdir()
    kept = canonical(tmp_path)
    (tmp_path / "earlier" / f"{load(tmp_path).digest}.nt").write_bytes(kept)
    assert load_all(tmp_path).earlier.keys() == {load(tmp_path).digest}
    (tmp_path / "earlier" / f"{'1' * 64}.nt").write_bytes(kept)
    with pytest.raises(Defect):
        load_all(tmp_path)


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


# Their triples, which servers read


def test_the_triples_are_those_of_the_files() -> None:
    """Whoever changes a list writes them anew: `PYTHONPATH=. python tests/vocab/test_vocabulary.py`."""
    assert (folder("vocab") / WRITTEN).read_bytes() == written(folder("vocab"))


def listed(found: Vocabulary) -> tuple[object, ...]:
    """With the order, in which people choose."""
    return found, list(found.concepts), found.digest


def test_triples_and_files_say_the_same(lists: Path) -> None:
    """>> the lists, once by their triples and once by the Turtle files << the same concepts in the same order."""
    quick = listed(load(lists))
    (lists / WRITTEN).unlink()
    assert listed(load(lists)) == quick


def test_triples_of_other_files_do_not_count(lists: Path) -> None:
    """>> a list is changed, its triples are not << the list is read, and its digest is another."""
    before = load(lists).digest
    (lists / "more.ttl").write_text('<urn:x:1> <urn:x:2> "a \\"quoted\\" line\\nand one more"@de .\n', encoding="utf-8")
    assert load(lists).digest != before
    (lists / WRITTEN).write_bytes(written(lists))
    quick = load(lists).digest
    (lists / WRITTEN).unlink()
    assert load(lists).digest == quick


@pytest.mark.parametrize(
    "line", ['_:a <urn:x:2> "blank"', '<urn:x:1> <urn:x:2> "\\u0041"', "<urn:x:1> <urn:x:2> <urn:x:3> # more"]
)
def test_a_line_that_we_do_not_write_is_left_to_the_library(lists: Path, line: str) -> None:
    """>> triples in another notation under the right head << read from the files."""
    by_files = load(lists).digest
    head = (lists / WRITTEN).read_bytes().partition(b"\n")[0]
    (lists / WRITTEN).write_bytes(head + b"\n" + line.encode() + b" .\n")
    assert load(lists).digest == by_files


if __name__ == "__main__":
    (folder("vocab") / WRITTEN).write_bytes(written(folder("vocab")))

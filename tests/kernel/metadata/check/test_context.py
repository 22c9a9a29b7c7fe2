"""What a check takes for known: facts about values in use, as the official lists and vocabularies have them."""

from collections import defaultdict
from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.kernel.metadata.check.context import SUBCLASSES, claimed_hvd, prepared
from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.lists.code_lists import FREQUENCY
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import ADMS, AUTHORITY, DCAT, DCATAP, DCT, RDF, RDFS, SKOS, SPDX
from tests.kernel.metadata.check.catalogues import BERLIN, BRANDENBURG, BREMEN, GOLDEN, graph, official

TREES, SERVICE, OTHER = (NamedNode(f"https://town.example/{name}") for name in ("trees", "service", "other"))
LISTS = (
    "eu-access-right-sparql-result.ttl",
    "eu-planned-availability-sparql-result.ttl",
    "eu-distribution-status-sparql-result.ttl",
    "eu-frequencies-sparql-result.ttl",
    "eu-dataset-types-sparql-result.ttl",
    "berlin-data-theme-skos-ap-act.ttl",
    "berlin-filetypes-skos-ap-act.ttl",
    "dcat-ap-de-contributors.rdf",
    "dcat-ap-de-licenses-open.rdf",
    "adms-publisher-type.ttl",
    "eu-high-value-categories.ttl",
    "../mdk/musterdatenkatalog_v4.rdf",
)


def stated(name: str) -> Graph:
    path = official() / name
    form = RdfFormat.TURTLE if path.suffix == ".ttl" else RdfFormat.RDF_XML
    return Graph(quad.triple for quad in parse(path.read_bytes(), format=form))


def official_schemes() -> dict[str, set[str]]:
    """Value -> schemes, by the official lists and the values of which there is no file."""
    known: dict[str, set[str]] = defaultdict(set)
    for name in LISTS:
        for triple in stated(f"vocab/{name}"):
            if triple.predicate == SKOS.inScheme:
                known[triple.subject.value].add(triple.object.value)  # type: ignore[union-attr]
    types = [one.value for one in stated("vocab/eu-filetypes-sparql-result.ttl").subjects]
    more = [iri for iri in types if iri.startswith(AUTHORITY + "file-type/")]
    more += [AUTHORITY + "language/" + code for code in ("DEU", "ENG", "FRA")]
    level = "http://dcat-ap.de/def/politicalGeocoding/Level/"
    words = ("international", "european", "federal", "state", "administrativeDistrict", "municipality")
    more += [level + word for word in words]
    for iri in more:
        known[iri].add(iri.rpartition("/")[0])
    return known


def test_values_in_use_are_on_the_lists_that_the_official_files_name() -> None:
    """>> four catalogues << the same `skos:inScheme` that the official lists give, none more."""
    known = official_schemes()
    for name in (BREMEN, BRANDENBURG, BERLIN, GOLDEN):
        catalogue = graph(name)
        added = set(prepared(catalogue, Profile.DE)) - set(catalogue)
        ours = {(t.subject, t.object) for t in added if t.predicate == SKOS.inScheme}
        values = {value.value for value in catalogue.objects if isinstance(value, NamedNode)}
        listed = {(value, scheme) for value in values for scheme in known.get(value, ())}
        assert ours == {(NamedNode(value), NamedNode(scheme)) for value, scheme in listed}


def test_the_subclass_facts_are_those_of_foaf_vcard_and_org() -> None:
    """>> 70 facts << the same."""

    def theirs() -> Iterator[tuple[object, object]]:
        for name in ("foaf_0_1.rdf", "vcard.ttl", "org.ttl"):
            found = stated(f"shapes/background/{name}")
            yield from ((t.subject, t.object) for t in found if t.predicate == RDFS.subClassOf)

    assert set(SUBCLASSES) == set(theirs())
    assert len(SUBCLASSES) == 70


def added(profile: Profile, *triples: Triple) -> set[Triple]:
    graph = Graph(triples)
    return {triple for triple in prepared(graph, profile) if triple.predicate != RDFS.subClassOf} - set(graph)


def test_each_profile_gets_the_facts_it_asks_for() -> None:
    """>> a status, a frequency, an algorithm << for DCAT-AP their class; for .de the list, and that class."""
    status, often, sha = (
        NamedNode("urn:status"),
        NamedNode(AUTHORITY + "frequency/DAILY"),
        SPDX.checksumAlgorithm_sha256,
    )
    said = [Triple(TREES, ADMS.status, status), Triple(TREES, DCT.accrualPeriodicity, often)]
    said.append(Triple(TREES, SPDX.algorithm, sha))
    assert added(Profile.AP, *said) == {
        Triple(status, RDF.type, SKOS.Concept),
        Triple(status, SKOS.prefLabel, Literal("on a list", language="en")),
        Triple(often, RDF.type, DCT.Frequency),
        Triple(sha, RDF.type, SPDX.ChecksumAlgorithm),
    }
    assert added(Profile.DE, *said) == {
        Triple(often, SKOS.inScheme, NamedNode(FREQUENCY)),
        Triple(sha, RDF.type, SPDX.ChecksumAlgorithm),
    }


def test_a_text_is_told_nothing_about() -> None:
    """A text where a value of a list is expected stays wrong."""
    assert added(Profile.AP, Triple(TREES, DCT.license, Literal("frei"))) == set()


def test_of_high_value_data_only_what_claims_it_is_looked_at() -> None:
    """>> a dataset with a category, its service, another dataset of that service << the first two."""
    air = NamedNode("http://data.europa.eu/bna/c_63b37dd4")
    claims = Triple(TREES, DCATAP.hvdCategory, air)
    serves = [Triple(SERVICE, DCAT.servesDataset, TREES), Triple(SERVICE, DCAT.servesDataset, OTHER)]
    other = Triple(OTHER, DCT.title, Literal("Anderes"))
    assert set(claimed_hvd(Graph([claims, *serves, other]))) == {claims, *serves}
    assert set(claimed_hvd(Graph([*serves, other]))) == set()

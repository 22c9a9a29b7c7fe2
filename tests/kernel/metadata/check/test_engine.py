"""The engine finds what a validator finds with the official shapes: the same nodes, paths, components, severities."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.check import engine, official
from connector.kernel.metadata.check.context import prepared
from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import (
    Constraint,
    Finding,
    HasOneOf,
    HasValue,
    MaxCount,
    MinCount,
    NodeKind,
    Pattern,
    Profile,
    Rule,
    Severity,
)
from connector.kernel.metadata.check.rules import by_id, of_profile
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY, DCAT, DCATAP, DCT, FOAF, RDF, RDFS, SKOS, SPDX, XSD
from tests.kernel.metadata.check.catalogues import BERLIN, BRANDENBURG, BREMEN, GOLDEN, examples, graph, mutants
from tests.kernel.metadata.check.catalogues import official as files

TREES = NamedNode("https://town.example/trees")
CSV = NamedNode("https://town.example/trees#csv")
NUMBERS = {
    BREMEN: {"de": (794, 60), "ap": (238, 0), "hvd": (0, 0)},
    BRANDENBURG: {"de": (1284, 148), "ap": (1329, 0), "hvd": (0, 0)},
    BERLIN: {"de": (79, 26), "ap": (83, 0), "hvd": (0, 0)},
    GOLDEN: {"de": (0, 0), "ap": (0, 0), "hvd": (0, 0)},
}
"""Violations and warnings that the official files find."""


def counted(found: list[Finding]) -> tuple[int, int]:
    told = Counter(one.severity for one in found)
    return told[Severity.VIOLATION], told[Severity.WARNING]


def result(one: Finding) -> tuple[str, str | None, str, str]:
    return str(one.node), one.path, one.component, one.severity


def restated(found: list[Finding]) -> Counter[tuple[str, str | None, str, str]]:
    """Without what we look at beyond the official files."""
    return Counter(result(one) for one in found if not by_id()[one.rule].ours)


@pytest.fixture(scope="module")
def shapes() -> dict[Profile, official.Shapes]:
    pytest.importorskip("pyshacl")
    return {profile: official.load(files() / "shapes", profile) for profile in Profile}


@pytest.mark.parametrize("name", NUMBERS, ids=lambda name: name.rpartition("/")[2].partition("-")[0])
def test_real_catalogues_have_as_many_faults_as_official_shapes_find(name: str) -> None:
    """>> three deliveries of portals and a catalogue of ours << the numbers of violations and warnings."""
    catalogue = graph(name)
    assert {profile.value: counted(check(catalogue, profile)) for profile in Profile} == NUMBERS[name]


def agree(shapes: dict[Profile, official.Shapes], what: str, catalogue: Graph) -> list[str]:
    """What the engine and the official shapes do not agree in."""
    wrong = []
    for profile, one in shapes.items():
        known = prepared(catalogue, profile)
        ours = restated(engine.findings(known, profile))
        theirs = Counter(map(result, official.findings(one.graph, known)))
        if ours != theirs:
            wrong.append(f"{profile} {what}: ours alone {list(ours - theirs)}, theirs alone {list(theirs - ours)}")
    return wrong


def test_berlin_and_mutants_of_ours_agree_result_by_result(shapes: dict[Profile, official.Shapes]) -> None:
    wrong = agree(shapes, BERLIN, graph(BERLIN))
    for what, catalogue in mutants(3, seed=13):
        wrong += agree(shapes, what, catalogue)
    assert wrong == []


@pytest.mark.long
def test_all_examples_and_deliveries_agree_result_by_result(shapes: dict[Profile, official.Shapes]) -> None:
    """>> 28 official examples, the deliveries of Bremen and Brandenburg << every result is the same."""
    assert [line for name in (*examples(), BREMEN, BRANDENBURG) for line in agree(shapes, name, graph(name))] == []


@pytest.mark.long
def test_mutants_agree_result_by_result(shapes: dict[Profile, official.Shapes]) -> None:
    """>> 60 catalogues with something wrong << the same results, and more than a third of them wrong for us, too."""
    wrong, found = [], 0
    for what, catalogue in mutants(60, seed=301):
        wrong += agree(shapes, what, catalogue)
        found += any(check(catalogue, profile) for profile in Profile)
    assert wrong == []
    assert found > 20


def dataset(*more: Triple) -> Graph:
    """A dataset that lacks nothing but what a test takes from it."""
    publisher = NamedNode("https://town.example/")
    return Graph(
        [
            Triple(TREES, RDF.type, DCAT.Dataset),
            Triple(TREES, DCT.title, Literal("Bäume", language="de")),
            Triple(TREES, DCT.description, Literal("Alle Bäume", language="de")),
            Triple(TREES, DCT.publisher, publisher),
            Triple(publisher, RDF.type, FOAF.Organization),
            Triple(publisher, FOAF.name, Literal("Musterstadt")),
            *more,
        ]
    )


def breaking(rule: Rule) -> Iterator[Triple]:
    """A node named like the rule, and what breaks it; of a maximum also a node with as many values as it allows."""
    values = _wrong_values(rule.constraint)
    yield from _asked(rule, rule.id, values)
    if isinstance(rule.constraint, MaxCount):
        yield from _asked(rule, f"{rule.id}-allowed", values[:-1])


def _asked(rule: Rule, name: str, values: Sequence[NamedNode | BlankNode | Literal]) -> Iterator[Triple]:
    at = NamedNode(f"https://town.example/{name}")
    if not rule.subjects_of:
        yield Triple(at, RDF.type, rule.target)
    if Profile.HVD in rule.profiles:  # asked of what is reached from a claim alone
        yield Triple(NamedNode("https://town.example/claims"), DCATAP.hvdCategory, at)
    way = () if rule.path is None else next(way for way in rule.path.ways if not any(step.inverse for step in way))
    for value in values:
        node: NamedNode | BlankNode = at
        for step in way[:-1]:
            yield Triple(node, step.name, through := BlankNode())
            node = through
        yield Triple(node, way[-1].name, value)


def _wrong_values(constraint: Constraint) -> Sequence[NamedNode | BlankNode | Literal]:
    match constraint:
        case MinCount() | HasOneOf() | HasValue():
            return []
        case MaxCount(most):
            return [Literal(str(number)) for number in range(most + 1)]
        case NodeKind("literal"):
            return [TREES]
        case NodeKind("iri"):
            return [BlankNode()]
        case Pattern(regex, True, _):
            return [Literal(regex)]
        case _:
            return [Literal("nonsense")]


def broken(profile: Profile) -> Graph:
    return Graph(triple for rule in of_profile(profile) for triple in breaking(rule))


@pytest.mark.parametrize("profile", Profile)
def test_each_rule_can_be_broken(profile: Profile) -> None:
    """>> for each rule a node that breaks it << found there, by that rule."""
    found = {(one.rule, one.holder) for one in check(broken(profile), profile)}
    asked = {(rule.id, NamedNode(f"https://town.example/{rule.id}")) for rule in of_profile(profile)}
    assert asked - found == set()


@pytest.mark.long
def test_each_broken_rule_is_found_by_the_official_files_too(shapes: dict[Profile, official.Shapes]) -> None:
    assert [line for profile in Profile for line in agree(shapes, "each rule", broken(profile))] == []


def rules_of(catalogue: Graph, profile: Profile) -> set[str]:
    return {one.rule for one in check(catalogue, profile)}


def test_a_dataset_that_says_what_it_must_conforms() -> None:
    assert [check(dataset(), profile) for profile in Profile] == [[], [], []]


def test_a_value_on_no_list_is_found_at_the_value_and_tells_who_has_it() -> None:
    """>> a frequency that looks like one of the list << found where a validator finds it; the dataset is named."""
    often = NamedNode(AUTHORITY + "frequency/OFTEN")
    (found,) = check(dataset(Triple(TREES, DCT.accrualPeriodicity, often)), Profile.DE)
    assert (found.node, found.path) == (often, SKOS.inScheme.value)
    assert (found.holder, found.property) == (TREES, DCT.accrualPeriodicity.value)
    assert found.rule == "de-Dataset-dct-accrualPeriodicity-list"
    daily = NamedNode(AUTHORITY + "frequency/DAILY")
    assert check(dataset(Triple(TREES, DCT.accrualPeriodicity, daily)), Profile.DE) == []


def test_availability_is_looked_up_although_the_official_files_miss_it() -> None:
    """>> two nonsense availabilities << three findings; the German files write the property with a hash."""
    nonsense = [Triple(TREES, DCATAP.availability, NamedNode(f"https://town.example/{word}")) for word in ("a", "b")]
    assert Counter(one.rule for one in check(dataset(*nonsense), Profile.DE)) == {
        "de-Dataset-dcatap-availability-max": 1,
        "de-Dataset-dcatap-availability-list": 2,
    }


def test_a_series_needs_a_publisher_although_the_official_shape_is_attached_to_nothing() -> None:
    series = [Triple(TREES, RDF.type, DCAT.DatasetSeries), Triple(TREES, DCT.title, Literal("Reihe"))]
    series.append(Triple(TREES, DCT.description, Literal("Alle Jahre")))
    assert rules_of(Graph(series), Profile.DE) == {"de-DatasetSeries-dct-publisher-min"}
    assert rules_of(Graph(series), Profile.AP) == set()


def test_high_value_is_asked_only_where_it_is_claimed() -> None:
    """>> an ordinary dataset; one with a category << nothing; law, distribution, API, and a download as advice."""
    ordinary = dataset()
    assert check(ordinary, Profile.HVD) == []
    air = NamedNode("http://data.europa.eu/bna/c_63b37dd4")
    claiming = dataset(Triple(TREES, DCATAP.hvdCategory, air))
    assert rules_of(claiming, Profile.HVD) == {
        "hvd-Dataset-dcatap-applicableLegislation-min",
        "hvd-Dataset-dcatap-applicableLegislation-value",
        "hvd-Dataset-dcat-distribution-min",
        "hvd-Dataset-api-min",
        "hvd-Dataset-bulk-min",
    }
    assert counted(check(claiming, Profile.HVD)) == (4, 1)


@pytest.mark.parametrize(
    ("text", "datatype", "right"),
    [
        ("12", XSD.nonNegativeInteger, True),
        ("+12", XSD.nonNegativeInteger, True),
        ("-0", XSD.nonNegativeInteger, True),
        ("-1", XSD.nonNegativeInteger, False),
        ("1.5", XSD.nonNegativeInteger, False),
        ("\u0663", XSD.nonNegativeInteger, False),
        (" 12", XSD.nonNegativeInteger, False),
        ("12", XSD.decimal, False),
    ],
)
def test_a_number_of_bytes_is_written_as_one(text: str, datatype: NamedNode, right: bool) -> None:
    size = Literal(text, datatype=datatype)
    catalogue = Graph([Triple(CSV, RDF.type, DCAT.Distribution), Triple(CSV, DCAT.byteSize, size)])
    assert ("Distribution-dcat-byteSize-datatype" not in rules_of(catalogue, Profile.AP)) == right


@pytest.mark.parametrize("text", ["P1D", "PT15M", "P1Y2M3DT4H", "-P1D", "PT1.5S"])
def test_a_duration_is_written_as_one(text: str) -> None:
    catalogue = dataset(Triple(TREES, DCAT.temporalResolution, Literal(text, datatype=XSD.duration)))
    assert check(catalogue, Profile.AP) == []


@pytest.mark.parametrize("text", ["P", "1D", "P1DT", "P1S", "P1.5D", "P1W"])
def test_what_is_no_duration_is_found(text: str) -> None:
    catalogue = dataset(Triple(TREES, DCAT.temporalResolution, Literal(text, datatype=XSD.duration)))
    assert rules_of(catalogue, Profile.AP) == {"Dataset-dcat-temporalResolution-datatype"}


def test_the_catalogue_may_name_classes_of_its_own() -> None:
    """>> a class below another that is below dcat:Dataset, in a circle << its instances are datasets, and it ends."""
    own, wider = NamedNode("https://town.example/Own"), NamedNode("https://town.example/Wider")
    catalogue = Graph(
        [
            Triple(TREES, RDF.type, own),
            Triple(own, RDFS.subClassOf, wider),
            Triple(wider, RDFS.subClassOf, own),
            Triple(wider, RDFS.subClassOf, DCAT.Dataset),
        ]
    )
    assert {"Dataset-dct-title-min", "Dataset-dct-description-min"} <= rules_of(catalogue, Profile.AP)


def test_a_media_type_is_recognised_in_any_case_and_never_in_a_blank_node() -> None:
    iana = "HTTPS://WWW.IANA.ORG/assignments/media-types/text/csv"
    base = [Triple(CSV, RDF.type, DCAT.Distribution)]
    named = Graph([*base, Triple(CSV, DCAT.mediaType, NamedNode(iana))])
    blank = Graph([*base, Triple(CSV, DCAT.mediaType, BlankNode())])
    assert "de-Distribution-dcat-mediaType-pattern" not in rules_of(named, Profile.DE)
    assert "de-Distribution-dcat-mediaType-pattern" in rules_of(blank, Profile.DE)


@pytest.mark.threat("T74")
def test_what_many_nodes_share_is_told_of_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> 600 high-value datasets that share a file with 200 wrong services, 600 that share one with none.

    Each has its findings of each kind, but of the 120 000 wrong values as many as are looked at.
    """
    monkeypatch.setattr(engine, "MOST_REACHED", 1_000)
    law = "hvd-Dataset-dcatap-applicableLegislation-min"
    crowded, bare = CSV, NamedNode("https://town.example/trees#json")
    wrong = [Triple(crowded, DCAT.accessService, Literal(str(number))) for number in range(200)]
    many = [NamedNode(f"https://town.example/{number}") for number in range(1_200)]
    datasets = [Triple(one, RDF.type, DCAT.Dataset) for one in many]
    claims = [Triple(one, DCATAP.hvdCategory, NamedNode("http://data.europa.eu/bna/c_63b37dd4")) for one in many]
    files = [Triple(one, DCAT.distribution, crowded if at % 2 else bare) for at, one in enumerate(many)]
    found = Counter(one.rule for one in check(Graph([*wrong, *datasets, *claims, *files]), Profile.HVD))
    assert found[law] == 1_200
    assert (found["hvd-Dataset-api-min"], found["hvd-Dataset-bulk-min"]) == (600, 1_200)
    assert 600 < found["hvd-Dataset-api-kind"] < 3_000


def test_deprecated_lists_are_found_wherever_the_property_stands() -> None:
    old = NamedNode("http://dcat-ap.de/def/hashAlgorithms/sha/256")
    catalogue = Graph([Triple(CSV, SPDX.algorithm, old)])
    assert [(one.rule, one.component) for one in check(catalogue, Profile.DE)] == [
        ("de-any-spdx-algorithm-pattern", "NotConstraintComponent")
    ]


@pytest.mark.threat("T74")
def test_the_work_grows_with_the_statements_alone() -> None:
    """>> 8 000 classes, each below the next, with an instance each; a value of 2 000 classes and lists, used as often.

    Each instance is a dataset: two things are missing of each. Done class by class, this is 32 million steps.
    """
    names = [NamedNode(f"https://town.example/class/{number}") for number in range(8_000)] + [DCAT.Dataset]
    chain = [Triple(below, RDFS.subClassOf, above) for below, above in pairwise(names)]
    instances = [Triple(NamedNode(f"https://town.example/{at}"), RDF.type, name) for at, name in enumerate(names)]
    found = check(Graph([*chain, *instances]), Profile.AP)
    assert Counter(one.rule for one in found) == {
        "Dataset-dct-title-min": 8_001,
        "Dataset-dct-description-min": 8_001,
    }

    much = NamedNode("https://town.example/much")
    kinds = [Triple(much, RDF.type, name) for name in names[:2_000]]
    lists = [Triple(much, SKOS.inScheme, name) for name in names[:2_000]]
    uses = [Triple(one.subject, DCT.publisher, much) for one in instances[:2_000]]
    uses += [Triple(one.subject, RDF.type, DCAT.Dataset) for one in instances[:2_000]]
    wrong = Counter(one.rule for one in check(Graph([*kinds, *lists, *uses]), Profile.DE))
    assert wrong["Dataset-dct-publisher-class"] == 2_000

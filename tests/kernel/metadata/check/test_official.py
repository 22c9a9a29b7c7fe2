"""Official files are run as published, repaired by name; and their defects are still there.

Each test of a defect fails when the files are mended: then a rule of ours, or the repair, has lost its reason.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.kernel.metadata.check import engine, official
from connector.kernel.metadata.check.model import Profile, Severity
from connector.kernel.metadata.check.official import SH
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY, DCAT, DCATAP, DCT, OWL, RDF
from tests.kernel.metadata.check.catalogues import GOLDEN, graph
from tests.kernel.metadata.check.catalogues import official as files

TREES = NamedNode("https://town.example/trees")
SEMIC = "https://semiceu.github.io/DCAT-AP/releases/"
DE = (
    "dcat-ap-SHACL-DE.ttl",
    "dcat-ap-spec-german-additions.ttl",
    "dcat-ap-de-controlledvocabularies.ttl",
    "dcat-ap-de-deprecated.ttl",
)


@pytest.fixture(scope="module", autouse=True)
def _needs_pyshacl() -> None:
    pytest.importorskip("pyshacl")


def file(name: str) -> Graph:
    path = files() / "shapes" / name
    return Graph(quad.triple for quad in parse(path.read_bytes(), format=RdfFormat.TURTLE))


def found(profile: Profile, *triples: Triple) -> Counter[Severity]:
    shapes = official.load(files() / "shapes", profile)
    return Counter(one.severity for one in official.check(shapes, Graph(triples), profile))


def dangling(shapes: Graph) -> list[str]:
    held = {value for subject in shapes.subjects for value in shapes.values(subject, SH.property)}
    return sorted(value.value for value in held if value not in shapes)


DANGLING: Mapping[str, int] = {
    "dcat-ap-3.0.1/dcat-ap-SHACL.ttl": 2,
    "hvd-3.0.0/hvd-SHACL-base.ttl": 1,
    "dcat-ap-3.0.1/ranges.ttl": 206,
    "dcat-ap-3.0.0/dcat-ap-SHACL.ttl": 0,
    "hvd-3.0.0/hvd-SHACL.ttl": 0,
    "hvd-3.0.0/hvd-SHACL-full.ttl": 0,
}


@pytest.mark.parametrize("name", DANGLING)
def test_defect_references_to_shapes_that_are_defined_nowhere(name: str) -> None:
    assert len(dangling(file(name))) == DANGLING[name]


@pytest.mark.parametrize(
    ("profile", "of"), [(Profile.AP, DCAT.DataService), (Profile.HVD, DCAT.DatasetSeries)], ids=["ap", "hvd"]
)
def test_defect_a_dangling_reference_makes_the_validator_give_up(profile: Profile, of: NamedNode) -> None:
    """>> data with a service, or a series; the files as they are << no report at all; repaired << findings."""
    triples = [triple for name in official.FILES[profile] for triple in file(name)]
    data = Graph([Triple(TREES, RDF.type, of), Triple(TREES, DCATAP.hvdCategory, Literal("x"))])
    with pytest.raises(Mistake, match=r"catalogue\.shapes-broken"):
        official.findings(Graph(triples), data)
    repaired = official.load(files() / "shapes", profile)
    assert official.findings(repaired.graph, data)
    assert [missing for _, missing in repaired.dropped] == dangling(Graph(triples))
    assert len(repaired.dropped) == len({shape for shape, _ in repaired.dropped}) + (profile is Profile.AP)


def test_defect_the_german_overlay_is_about_the_shapes_of_3_0_0_alone() -> None:
    """>> 300 shapes that it patches by IRI << each is in 3.0.0, none in 3.0.1."""
    overlay = file("dcat-ap-de-3.0/dcat-ap-SHACL-DE.ttl")
    patched = [one for one in overlay.subjects if isinstance(one, NamedNode) and one.value.startswith(SEMIC)]
    older, newer = (file(f"dcat-ap-{release}/dcat-ap-SHACL.ttl") for release in ("3.0.0", "3.0.1"))
    assert (len(patched), sum(one in older for one in patched), sum(one in newer for one in patched)) == (300, 300, 0)
    off = sum(str(overlay.value(one, SH.deactivated)).startswith('"true"') for one in patched)
    severities = Counter(overlay.value(one, SH.severity) for one in patched)
    assert (off, severities[SH.Violation], severities[SH.Warning]) == (59, 297, 3)


def test_defect_the_german_files_write_the_namespace_of_availability_with_a_hash() -> None:
    """>> two nonsense availabilities << nothing; one nonsense frequency << a violation."""
    for name in DE[1:]:
        assert "<http://data.europa.eu/r5r#>" in (files() / "shapes/dcat-ap-de-3.0" / name).read_text(encoding="utf-8")
    publisher = NamedNode("https://town.example/")
    base = [
        Triple(TREES, RDF.type, DCAT.Dataset),
        Triple(TREES, DCT.title, Literal("Bäume")),
        Triple(TREES, DCT.description, Literal("Alle")),
        Triple(TREES, DCT.publisher, publisher),
        Triple(publisher, RDF.type, NamedNode("http://xmlns.com/foaf/0.1/Agent")),
        Triple(publisher, NamedNode("http://xmlns.com/foaf/0.1/name"), Literal("Musterstadt")),
    ]
    nonsense = [Triple(TREES, DCATAP.availability, NamedNode(f"https://town.example/{word}")) for word in ("a", "b")]
    assert found(Profile.DE, *base, *nonsense) == {}
    often = Triple(TREES, DCT.accrualPeriodicity, NamedNode(AUTHORITY + "frequency/OFTEN"))
    assert found(Profile.DE, *base, often) == {Severity.VIOLATION: 1}


def test_defect_the_shape_for_a_series_publisher_is_attached_to_nothing() -> None:
    """>> a series without publisher << conforms, although the shape for it is in the files."""
    additions = file("dcat-ap-de-3.0/dcat-ap-spec-german-additions.ttl")
    shape = NamedNode("http://dcat-ap.de/def/dcatde/3.0/shacl/DE_DatasetSeries_dcterms_publisher_v_Min")
    assert additions.values(shape, SH.minCount)
    assert list(additions.pointers(shape)) == []
    series = [Triple(TREES, RDF.type, DCAT.DatasetSeries), Triple(TREES, DCT.title, Literal("Reihe"))]
    assert found(Profile.DE, *series, Triple(TREES, DCT.description, Literal("Alle Jahre"))) == {}


def test_defect_the_bulk_download_of_high_value_data_is_asked_by_no_shape() -> None:
    notes = file("hvd-3.0.0/hvd-SHACL-usagenotes.ttl")
    shape = NamedNode(SEMIC + "3.0.0-hvd#dcat:DatasetShape/BulkDownload")
    assert notes.values(shape, SH.path)
    assert list(notes.pointers(shape)) == []


def test_defect_sentences_of_the_high_value_shapes_stand_where_nobody_reads_them() -> None:
    base = file("hvd-3.0.0/hvd-SHACL-base.ttl")
    elsewhere = NamedNode("https://purl.eu/ns/shacl#message")
    assert sum(bool(base.values(one, elsewhere)) for one in base.subjects) > 30
    assert sum(bool(base.values(one, SH.message)) for one in base.subjects) == 0


def test_defect_the_explicit_high_value_files_want_a_type_that_nobody_gives() -> None:
    """`hvd-SHACL.ttl` and `-full` ask that addresses are typed `rdfs:Resource`; so the base is restated."""
    resource = NamedNode("http://www.w3.org/2000/01/rdf-schema#Resource")
    for name, asks in (("hvd-SHACL.ttl", True), ("hvd-SHACL-full.ttl", True), ("hvd-SHACL-base.ttl", False)):
        shapes = file(f"hvd-3.0.0/{name}")
        assert bool(shapes.holders(SH["class"], resource)) == asks, name


def test_defect_the_usage_notes_import_from_the_network() -> None:
    """They name other files by address; we fetch nothing."""
    notes = file("hvd-3.0.0/hvd-SHACL-usagenotes.ttl")
    imported = [value for one in notes.subjects for value in notes.values(one, OWL.imports)]
    assert imported


def test_defect_the_full_high_value_file_and_the_usage_notes_exclude_each_other() -> None:
    """>> both together << a shape gets two paths, and the validator gives up."""
    both = [*file("hvd-3.0.0/hvd-SHACL-full.ttl"), *file("hvd-3.0.0/hvd-SHACL-usagenotes.ttl")]
    with pytest.raises(Mistake, match=r"catalogue\.shapes-broken"):
        official.findings(Graph(both), Graph([Triple(TREES, RDF.type, DCAT.Dataset)]))


def test_defect_some_references_of_the_ranges_lead_nowhere_even_beside_the_main_file() -> None:
    both = [*file("dcat-ap-3.0.1/ranges.ttl"), *file("dcat-ap-3.0.1/dcat-ap-SHACL.ttl")]
    assert len(dangling(Graph(both))) == 5


def test_no_profile_means_anything_without_what_is_known_of_values() -> None:
    """>> our conforming catalogue as it is served << faults by every profile, for want of lists and classes."""
    for profile in Profile:
        shapes = official.load(files() / "shapes", profile)
        assert len(official.findings(shapes.graph, graph(GOLDEN))) > 20


def test_defect_the_list_file_has_no_header() -> None:
    text = (files() / "shapes/dcat-ap-de-3.0/dcat-ap-de-controlledvocabularies.ttl").read_text(encoding="utf-8")
    others = [
        (files() / "shapes/dcat-ap-de-3.0" / name).read_text(encoding="utf-8") for name in DE if "voc" not in name
    ]
    assert "CC0" not in text
    assert all("CC0" in other for other in others)


@pytest.mark.parametrize(
    ("name", "line"), [("de30-DataService.ttl", 13), ("hvd-3.0.0/example-bees_wasps_dataset.ttl", 2)]
)
def test_defect_two_official_examples_cannot_be_read(name: str, line: int) -> None:
    """A dot is missing in the line before."""
    with pytest.raises(SyntaxError) as problem:
        list(parse((files() / "examples" / name).read_bytes(), format=RdfFormat.TURTLE))
    assert problem.value.lineno == line


def test_defect_a_high_value_example_has_a_class_that_does_not_exist() -> None:
    path = files() / "examples/hvd-3.0.0/example-ms_catalogue.ttl"
    example = Graph(quad.triple for quad in parse(path.read_bytes(), format=RdfFormat.TURTLE))
    assert example.instances(DCAT.Catalogue)
    assert not example.instances(DCAT.Catalog)


def folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "shapes.ttl").write_text(text, encoding="utf-8")
    return tmp_path


PREFIXES = "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix dcat: <http://www.w3.org/ns/dcat#> . "
TITLE = "<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path <urn:p> ; sh:minCount 1 ] ."


def test_the_files_are_named_with_their_hash() -> None:
    """>> the folder of the official files << those of the profile's releases, and which bytes they are."""
    root = files() / "shapes"
    loaded = official.load(root, Profile.DE)
    assert list(loaded.files) == [str(root / name) for name in official.FILES[Profile.DE]]
    sums = (files() / "SHA256SUMS").read_text(encoding="utf-8")
    assert all(digest in sums for digest in loaded.files.values())


def test_other_shapes_than_the_known_ones_are_run_too(tmp_path: Path) -> None:
    """>> a folder with one file << its shapes; the sentence of a validator where they have none."""
    shapes = official.load(folder(tmp_path, PREFIXES + TITLE), Profile.DE)
    (one,) = official.check(shapes, Graph([Triple(TREES, RDF.type, DCAT.Dataset)]), Profile.DE)
    assert (one.node, one.path, one.component) == (TREES, "urn:p", "MinCountConstraintComponent")
    assert one.text


def test_what_others_wrote_comes_back_as_they_wrote_it() -> None:
    """>> a dataset and a theme whose IRIs have blanks << found at these, as our own rules find them."""
    text = f"<https://town.example/a b> a <{DCAT.Dataset.value}> ; <{DCAT.theme.value}> <https://town.example/c d> ."
    catalogue = Graph(quad.triple for quad in parse(text, format=RdfFormat.TURTLE, lenient=True))
    theirs = official.check(official.load(files() / "shapes", Profile.DE), catalogue, Profile.DE)
    ours = engine.check(catalogue, Profile.DE)
    assert Counter((one.node, one.path) for one in theirs) == Counter((one.node, one.path) for one in ours)
    assert {str(one.node) for one in theirs} == {"<https://town.example/a b>", "<https://town.example/c d>"}


@pytest.mark.threat("T74")
@pytest.mark.parametrize(
    "shape", ['sh:path dcat:theme ; sh:pattern "("', "sh:path _:l ; sh:minCount 1"], ids=["pattern", "path"]
)
def test_shapes_at_which_the_validator_breaks_are_said_to_be_broken(tmp_path: Path, shape: str) -> None:
    """>> a regular expression that is none; a path that leads into itself << a sentence, no trace."""
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    loop = f"_:l <{rdf}first> dcat:theme ; <{rdf}rest> _:l ."
    text = f"{PREFIXES}<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ {shape} ] . {loop}"
    shapes = official.load(folder(tmp_path, text), Profile.DE)
    data = Graph([Triple(TREES, RDF.type, DCAT.Dataset), Triple(TREES, DCAT.theme, Literal("x"))])
    with pytest.raises(Mistake, match=r"catalogue\.shapes-broken"):
        official.check(shapes, data, Profile.DE)


@pytest.mark.threat("T74")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PREFIXES + '<urn:s> sh:sparql [ sh:select "SELECT * { SERVICE <https://x.example/> {} }" ] .', "program"),
        (PREFIXES + "<urn:s> a sh:NodeShape ; sh:rule [ a sh:SPARQLRule ] .", "program"),
        ("no turtle", "unreadable"),
    ],
    ids=["a query", "a rule", "no Turtle"],
)
def test_shapes_that_bring_programs_or_cannot_be_read_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Mistake, match=rf"catalogue\.shapes-{code}"):
        official.load(folder(tmp_path, text), Profile.DE)


@pytest.mark.threat("T74")
def test_shapes_that_are_no_shapes_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = folder(
        tmp_path, PREFIXES + '<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path "p" ] .'
    )
    with pytest.raises(Mistake, match=r"catalogue\.shapes-broken"):
        official.check(official.load(broken, Profile.DE), Graph([Triple(TREES, RDF.type, DCAT.Dataset)]), Profile.DE)
    monkeypatch.setattr(official, "LARGEST", 10)
    with pytest.raises(Mistake, match=r"catalogue\.shapes-large"):
        official.load(broken, Profile.DE)
    shutil.rmtree(broken)
    with pytest.raises(Mistake, match=r"catalogue\.shapes-none"):
        official.load(broken, Profile.DE)


def test_shapes_that_cannot_be_read_say_why_in_words_of_people(tmp_path: Path) -> None:
    """>> a folder of the name of a file of shapes << not what Python says of it."""
    (folder(tmp_path, PREFIXES) / "more.ttl").mkdir()
    with pytest.raises(Mistake) as refused:
        official.load(tmp_path, Profile.DE)
    assert "sie ist ein Ordner" in say(f"error.{refused.value.code}", "de", **refused.value.facts)


def test_without_the_extra_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = official.load(folder(tmp_path, PREFIXES + TITLE), Profile.DE)
    monkeypatch.delitem(sys.modules, "connector.kernel.metadata.check.validator", raising=False)
    monkeypatch.setitem(sys.modules, "pyshacl", None)
    with pytest.raises(Mistake, match=r"catalogue\.shapes-no-pyshacl"):
        official.check(shapes, Graph([]), Profile.DE)

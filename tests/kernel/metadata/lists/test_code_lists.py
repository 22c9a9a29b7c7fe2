"""The code lists: what they answer, and that they say what the official lists say."""

import json
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from connector.foundation.resources import folder
from connector.kernel.dialects.policies.skos import load
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.lists.code_lists import CodeList, CodeLists, Value, code_lists, installed
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY, DCT, SKOS, Namespace
from tests.testkit.places import SHARED

OFFICIAL = SHARED / "dcat" / "vocab"
DC = Namespace("http://purl.org/dc/elements/1.1/")
ON_FILE = {
    lists.ACCESS_RIGHT: ["eu-access-right-sparql-result.ttl"],
    lists.AVAILABILITY: ["eu-planned-availability-sparql-result.ttl"],
    lists.DISTRIBUTION_STATUS: ["eu-distribution-status-sparql-result.ttl"],
    lists.DATASET_TYPE: ["eu-dataset-types-sparql-result.ttl"],
    lists.FREQUENCY: ["eu-frequencies-sparql-result.ttl"],
    lists.DATA_THEME: ["berlin-data-theme-skos-ap-act.ttl", "eu-data-theme-sparql-result.ttl"],
    lists.HVD_CATEGORY: ["eu-high-value-categories.ttl"],
    lists.PUBLISHER_TYPE: ["adms-publisher-type.ttl"],
    lists.CONTRIBUTORS: ["dcat-ap-de-contributors.rdf"],
    lists.LICENSES: ["dcat-ap-de-licenses-open.rdf"],
    lists.MUSTERDATENKATALOG: ["../mdk/musterdatenkatalog_v4.rdf"],
}
"""A list, and the files with what its publisher states of it."""


def official(name: str) -> Graph:
    if not OFFICIAL.is_dir():
        pytest.skip(f"the official lists are not at hand: {OFFICIAL}")
    path = OFFICIAL / name
    form = RdfFormat.TURTLE if path.suffix == ".ttl" else RdfFormat.RDF_XML
    return Graph(quad.triple for quad in parse(path.read_bytes(), format=form))


def in_scheme(name: str, scheme: str) -> dict[str, str]:
    """IRI -> code of what the file says to be on the list."""
    graph = official(name)
    found = graph.holders(SKOS.inScheme, NamedNode(scheme))
    return {node.value: code.value if (code := graph.value(node, DC.identifier)) else "" for node in found}


@pytest.mark.parametrize("scheme", ON_FILE, ids=lambda scheme: scheme.rpartition("/")[2])
def test_a_list_holds_what_the_official_one_holds(scheme: str) -> None:
    """>> ours << the same IRIs and codes, none more."""
    theirs: dict[str, str] = {}
    for name in ON_FILE[scheme]:
        theirs |= in_scheme(name, scheme)
    ours = {value.iri: value.code for value in code_lists().values(scheme)}
    assert theirs.keys() == ours.keys()
    codes = {iri: code for iri, code in theirs.items() if code and not code.startswith("http")}
    assert {iri: ours[iri] for iri in codes} == codes


def test_file_types_are_those_of_both_editions() -> None:
    """The newer table names no scheme, the older one lacks 72 types."""
    base = AUTHORITY + "file-type/"
    newer = {node.value for node in official("eu-filetypes-sparql-result.ttl").subjects if node.value.startswith(base)}
    older = in_scheme("berlin-filetypes-skos-ap-act.ttl", lists.FILE_TYPE).keys()
    assert {value.iri for value in code_lists().values(lists.FILE_TYPE)} == newer | older
    assert len(newer | older) == 199


def test_formats_have_the_names_that_a_portal_knows_them_by() -> None:
    """>> the 128 words of Berlin's format map << the same file types; two point to services of its own."""
    official("eu-access-right-sparql-result.ttl")
    words = json.loads((OFFICIAL / "berlin-format_mapping.json").read_bytes())
    found = {word: code_lists().file_type(word) for word in words}
    wrong = {word: at["uri"] for word, at in words.items() if (v := found[word]) is None or v.iri != at["uri"]}
    assert set(wrong) == {"WMS", "WFS"}
    assert found["WMS"] == code_lists().by_code(lists.FILE_TYPE, "WMS_SRVC")


def test_media_types_are_those_of_the_official_table_or_registered_since() -> None:
    graph = official("eu-filetypes-sparql-result.ttl")
    euvoc = Namespace("http://publications.europa.eu/ontology/euvoc#")
    named: dict[str, set[str]] = {}
    for subject in graph.subjects:
        for notation in graph.values(subject, euvoc.xlNotation):
            named.setdefault(subject.value, set()).update(v.value for v in graph.values(notation, euvoc.xlCodification))
    ours = {value.iri: value.media_type for value in code_lists().values(lists.FILE_TYPE) if value.media_type}
    other = {iri.rpartition("/")[2] for iri, media in ours.items() if media not in named.get(iri, ())}
    assert other == {"BMP", "DBF", "LAS", "LAZ", "MHTML", "ODB", "PSD", "SHP", "TAR_GZ", "YAML"}
    assert len(ours) > 90


def test_languages_hold_those_of_the_short_official_list_and_german() -> None:
    theirs = in_scheme("eu-language-sparql-result.ttl", lists.LANGUAGE).keys()
    ours = {value.iri for value in code_lists().values(lists.LANGUAGE)}
    assert theirs < ours
    assert {AUTHORITY + "language/DEU", AUTHORITY + "language/TUR"} < ours
    assert AUTHORITY + "language/GER" not in ours


def test_licences_are_open_or_not_as_govdata_counts_them() -> None:
    graph = official("dcat-ap-de-licenses-open.rdf")
    is_open = NamedNode("http://govdata.de/mqa/#isOpenLicense")
    theirs = {
        node.value: graph.value(node, is_open) for node in graph.holders(SKOS.inScheme, NamedNode(lists.LICENSES))
    }
    assert {iri: v.value == "true" for iri, v in theirs.items() if v} == {i: code_lists().is_open(i) for i in theirs}


def test_concepts_stand_under_the_topics_of_the_catalogue() -> None:
    graph = official("../mdk/musterdatenkatalog_v4.rdf")
    concepts = code_lists().values(lists.MUSTERDATENKATALOG)
    for concept in concepts:
        node = NamedNode(concept.iri)
        above = graph.value(node, SKOS.broader)
        assert concept.broader == (above.value if above else None)
        names = {text.language: " ".join(text.value.split()) for text in graph.values(node, SKOS.prefLabel)}
        assert concept.labels == names
    assert len(concepts) == 268


def test_every_concept_has_a_theme_of_the_list() -> None:
    known, concepts = code_lists(), code_lists().values(lists.MUSTERDATENKATALOG)
    assert all(known.has(lists.DATA_THEME, str(known.theme(concept.iri))) for concept in concepts)
    candidates = {concept.hvd for concept in concepts} - {None}
    assert len(candidates) > 3
    assert all(known.has(lists.HVD_CATEGORY, str(category)) for category in candidates)
    base = "https://musterdatenkatalog.de/def/musterdatensatz/"
    assert known.theme(base + "verkehr/radverkehr/messung") == AUTHORITY + "data-theme/TRAN"
    assert known.hvd_candidate(base + "verkehr/radverkehr/messung") == "http://data.europa.eu/bna/c_4b74ea13"
    assert known.theme("https://town.example/field") is None


def test_a_value_is_on_a_list_only_if_the_list_names_it() -> None:
    """>> a frequency, one that looks like it, a licence of another host << yes, no, no."""
    known = code_lists()
    assert known.schemes(AUTHORITY + "frequency/DAILY") == {lists.FREQUENCY}
    assert known.schemes(AUTHORITY + "frequency/FOO") == frozenset()
    assert known.is_open("http://dcat-ap.de/def/licenses/cc-by/4.0") is True
    assert known.is_open("http://dcat-ap.de/def/licenses/other-closed") is False
    assert known.is_open("https://www.dcat-ap.de/def/licenses/cc-by/4.0") is None
    assert known.values("https://town.example/list") == ()


def test_formats_are_found_by_file_name_and_by_what_people_call_them() -> None:
    known = code_lists()
    by_file = {"Bäume.CSV": "CSV", "a.b/plan.tar.gz": "TAR_GZ", "x.gz": "GZIP", "karte.shp": "SHP"}
    assert {name: known.file_type_of(name).code for name in by_file} == by_file  # type: ignore[union-attr]
    assert known.file_type_of("README") is None
    assert known.file_type_of("csv") is None
    by_word = {".xlsx": "XLSX", "WMS": "WMS_SRVC", " shapefile ": "SHP", "geojson": "GEOJSON", "GeoJSON": "GEOJSON"}
    assert {word: known.file_type(word).code for word in by_word} == by_word  # type: ignore[union-attr]
    csv = known.file_type("csv")
    assert csv is not None
    assert (csv.media_type, csv.iri) == ("text/csv", AUTHORITY + "file-type/CSV")


def test_no_name_and_no_ending_leads_to_two_file_types() -> None:
    """A code wins over an ending: `RDF` is the type, `trees.rdf` is RDF/XML."""
    types = code_lists().values(lists.FILE_TYPE)
    for words in ([v.code for v in types], [n for v in types for n in v.names], [e for v in types for e in v.endings]):
        assert len(words) == len({word.casefold() for word in words}) > 50
    known = code_lists()
    assert known.file_type("rdf") == known.by_code(lists.FILE_TYPE, "RDF")
    assert known.file_type_of("trees.rdf") == known.by_code(lists.FILE_TYPE, "RDF_XML")


def test_every_list_says_what_it_is() -> None:
    """Labels, edition, source and one scheme per file; German labels wherever people choose from it."""
    found = installed()
    assert len(found) == len({one.iri for one in found}) == 14
    assert all(one.titles.keys() == {"de", "en"} and one.edition and one.source for one in found)
    english_only = {one.iri for one in found if any("de" not in value.labels for value in one.values.values())}
    assert english_only == {lists.FILE_TYPE}
    labels = {value.label("de") for value in code_lists().values(lists.FREQUENCY)}
    assert len(labels) == 38


def test_contracts_pin_other_lists() -> None:
    """>> the vocabulary of rules << none of these values; its digest stands whatever lies in the folders below."""
    pinned = load(folder("vocab"))
    assert not {iri for one in installed() for iri in one.values} & pinned.concepts.keys()


def test_what_lies_in_a_folder_below_is_not_pinned(tmp_path: Path) -> None:
    """>> a list in a folder of its own << the digest that contracts pin is the same."""
    (tmp_path / "roles.ttl").write_bytes((folder("vocab") / "role.ttl").read_bytes())
    before = load(tmp_path).digest
    (tmp_path / "eu").mkdir()
    (tmp_path / "eu" / "themes.ttl").write_bytes((folder("vocab") / "eu" / "data-theme.ttl").read_bytes())
    assert load(tmp_path).digest == before


def test_a_newer_list_adds_values_and_loses_nothing() -> None:
    """>> ours, then one of the same scheme with a value more and no endings << both values, the endings kept."""
    csv = Value(iri="urn:csv", code="CSV", scheme=lists.FILE_TYPE, labels={"en": "CSV"}, endings=("csv",))
    bare = Value(iri="urn:csv", code="CSV", scheme=lists.FILE_TYPE, labels={"en": "csv"})
    new = Value(iri="urn:new", code="PARQUET", scheme=lists.FILE_TYPE, labels={"en": "Parquet"})

    def one(edition: str, *values: Value) -> CodeList:
        held = {value.iri: value for value in values}
        return CodeList(iri=lists.FILE_TYPE, titles={}, edition=edition, source="s", values=held)

    known = CodeLists([one("1", csv), one("2", bare, new)])
    assert known.file_type_of("trees.csv") == csv
    assert known.file_type("parquet") == new
    assert known.lists[lists.FILE_TYPE].edition == "1, 2"
    assert known.schemes("urn:new") == {lists.FILE_TYPE}


def test_titles_of_graphs_are_read_by_language() -> None:
    """The lists give their titles as DCT has it."""
    assert code_lists().lists[lists.LICENSES].titles["de"] == "Lizenzen"
    assert DCT.title.value.endswith("title")

"""`hanse catalogue check` as a steward meets it, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import RdfFormat, parse, serialize

from connector.cli.metadata import check
from tests.cli.metadata.conftest import CATALOGUE
from tests.kernel.metadata.check.catalogues import BERLIN, BRANDENBURG, BREMEN, GOLDEN, official

SUM = "DCAT-AP.de 3.0: 3 violations, 0 warnings"
SUMS = {
    (BERLIN, "de"): "DCAT-AP.de 3.0: 79 violations, 26 warnings",
    (BERLIN, "ap"): "DCAT-AP 3.0.1: 83 violations, 0 warnings",
    (BREMEN, "de"): "DCAT-AP.de 3.0: 794 violations, 60 warnings",
    (BREMEN, "ap"): "DCAT-AP 3.0.1: 238 violations, 0 warnings",
    (BRANDENBURG, "de"): "DCAT-AP.de 3.0: 1284 violations, 148 warnings",
    (BRANDENBURG, "ap"): "DCAT-AP 3.0.1: 1329 violations, 0 warnings",
}
OTHERS = [(BREMEN, "ap"), (BRANDENBURG, "de"), (BRANDENBURG, "ap")]
"""In the long run; `tests/kernel/metadata/check/test_engine.py` has all sums without the command."""


def test_findings_are_sentences_below_the_node_that_people_know(run: Any, trees: Path) -> None:
    """>> a dataset with a frequency on no list, and a file without licence << where it is, and what to do."""
    code, out, err = run("catalogue", "check", trees, "--profile", "de")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "https://town.example/trees – Trees",
        "  violation: Dataset: “update frequency” has to be taken from the list “Update frequency”. Please choose a"
        " value of the list. Given is: https://town.example/often",
        "https://town.example/trees / dcat:distribution",
        "  violation: Distribution: “access address” has to be an address (IRI) or a description of its own, no text."
        ' Given is: "nowhere"',
        "  violation: Distribution: the licence is missing. Please choose one of the list; without it nobody may use"
        " the data.",
        "DCAT-AP.de 3.0: 3 violations, 0 warnings",
    ]


def test_what_two_profiles_find_is_said_once(run: Any, trees: Path) -> None:
    code, out, _ = run("catalogue", "check", trees)
    assert code == 1
    assert out.count("nowhere") == 1
    assert out.splitlines()[-3:] == [
        "DCAT-AP 3.0.1: 1 violation, 0 warnings",
        "DCAT-AP.de 3.0: 3 violations, 0 warnings",
        "DCAT-AP HVD 3.0.0: 0 violations, 0 warnings",
    ]
    assert '"nowhere" [ap, de]' in out


def test_with_json_each_finding_is_an_object_on_a_line(run: Any, trees: Path) -> None:
    """>> --json << where a validator finds it, and who has the value; no other line."""
    code, out, _ = run("catalogue", "check", trees, "--profile", "de", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, len(rows)) == (1, 3)
    assert {name: rows[0][name] for name in ("severity", "node", "path", "rule", "of", "property", "profile")} == {
        "severity": "violation",
        "node": "https://town.example/often",
        "path": "http://www.w3.org/2004/02/skos/core#inScheme",
        "rule": "de-Dataset-dct-accrualPeriodicity-list",
        "of": "https://town.example/trees",
        "property": "http://purl.org/dc/terms/accrualPeriodicity",
        "profile": "de",
    }
    assert (rows[1]["value"], rows[1]["value_kind"], rows[1]["node_kind"]) == ("nowhere", "literal", "blank")
    assert rows[1]["node"].startswith("_:")
    assert all(row["node"] and row["path"] and row["rule"] and row["sentence"] for row in rows)


def test_with_json_a_long_value_is_cut(run: Any, trees: Path) -> None:
    trees.write_text(CATALOGUE.replace("nowhere", "x" * 10_000), encoding="utf-8")
    rows = [json.loads(line) for line in run("catalogue", "check", trees, "--profile", "de", "--json")[1].splitlines()]
    assert {row["value"] for row in rows if "value" in row} == {"x" * 4_095 + "…"}


@pytest.mark.parametrize("form", ["RDF_XML", "TURTLE", "JSON_LD", "N_TRIPLES"])
def test_each_form_is_read_by_the_ending_of_its_file_or_by_its_content(run: Any, tmp_path: Path, form: str) -> None:
    """>> the same catalogue in four forms, with its ending and with none << the same sum."""
    to = getattr(RdfFormat, form)
    triples = [quad.triple for quad in parse(CATALOGUE, format=RdfFormat.TURTLE)]
    for name in (f"trees.{to.file_extension}", "trees"):
        (tmp_path / name).write_bytes(serialize(triples, format=to) or b"")
        code, out, err = run("catalogue", "check", tmp_path / name, "--profile", "de")
        assert (code, out.splitlines()[-1], err) == (1, "DCAT-AP.de 3.0: 3 violations, 0 warnings", "")


def test_a_catalogue_of_ours_conforms(run: Any) -> None:
    code, out, err = run("catalogue", "check", official() / GOLDEN)
    assert (code, err) == (0, "")
    assert [line.partition(": ")[2] for line in out.splitlines()] == ["0 violations, 0 warnings"] * 3


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.long] if case in OTHERS else []) for case in SUMS],
    ids=lambda case: f"{case[0].rpartition('/')[2].partition('-')[0]}-{case[1]}",
)
def test_deliveries_have_the_faults_that_the_official_files_find(run: Any, case: tuple[str, str]) -> None:
    name, profile = case
    code, out, _ = run("catalogue", "check", official() / name, "--profile", profile)
    assert (code, out.splitlines()[-1]) == (1, SUMS[case])


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case == (BERLIN, "ap") else [pytest.mark.long]) for case in SUMS],
    ids=lambda case: f"{case[0].rpartition('/')[2].partition('-')[0]}-{case[1]}",
)
def test_official_files_find_as_much_and_what_is_repaired_is_named(run: Any, case: tuple[str, str]) -> None:
    """>> --shapes DIR << the same sum; each dangling reference by name."""
    pytest.importorskip("pyshacl")
    name, profile = case
    shapes = official() / "shapes"
    code, out, err = run("catalogue", "check", official() / name, "--profile", profile, "--shapes", shapes)
    assert (code, out.splitlines()[-1]) == (1, SUMS[case])
    assert err.count("The reference is left out") == (2 if profile == "ap" else 0)
    assert err.count("SHA-256") == (1 if profile == "ap" else 5)


def test_ours_and_official_findings_are_the_same_lines(run: Any) -> None:
    """>> --json, with and without --shapes << the same nodes, paths and severities; Berlin's by the German profile."""
    pytest.importorskip("pyshacl")
    words = ("catalogue", "check", official() / BERLIN, "--profile", "de", "--json")
    told = []
    for more in ((), ("--shapes", official() / "shapes")):
        _, out, _ = run(*words, *more)
        rows = [json.loads(line) for line in out.splitlines()]
        # Blank nodes have new names in each reading.
        told.append(sorted((r["severity"], "_" if r["node"][0] == "_" else r["node"], str(r["path"])) for r in rows))
    assert told[0] == told[1]
    assert len(told[0]) == 105


def test_what_cannot_be_read_does_not_pass_as_checked(run: Any, tmp_path: Path) -> None:
    """>> a triple about a triple << it is said, and the exit code is 1 although nothing was found."""
    place = tmp_path / "odd.nt"
    kind = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#DataService>"
    place.write_text(f'<urn:a> <urn:b> "\\uD800" .\n<urn:a> {kind} .\n', encoding="utf-8")
    code, out, err = run("catalogue", "check", place, "--profile", "hvd")
    assert (code, out) == (1, "DCAT-AP HVD 3.0.0: 0 violations, 0 warnings\n")
    assert "Not checked" in err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty.ttl", ""),
        ("other.ttl", "<urn:a> <urn:b> <urn:c> ."),
        ("plain.json", '{"title": "Trees"}'),
        ("namespace.ttl", "<urn:a> a <https://www.w3.org/ns/dcat#Dataset> ."),
    ],
)
def test_a_file_without_a_catalogue_does_not_pass(run: Any, tmp_path: Path, name: str, text: str) -> None:
    """>> an empty download, other RDF, plain JSON, `https` in the namespace << no sum, a sentence, exit code 1."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    for more in ((), ("--json",)):
        code, out, err = run("catalogue", "check", tmp_path / name, *more)
        assert (code, out, "holds no catalogue" in err) == (1, "", True)


def test_a_catalogue_of_classes_of_its_own_is_one(run: Any, tmp_path: Path) -> None:
    place = tmp_path / "own.ttl"
    below = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
    place.write_text(f"<urn:a> a <urn:Own> . <urn:Own> {below} <http://www.w3.org/ns/dcat#Dataset> .", encoding="utf-8")
    code, out, _ = run("catalogue", "check", place, "--profile", "ap")
    assert (code, out.splitlines()[-1]) == (1, "DCAT-AP 3.0.1: 2 violations, 0 warnings")


def test_sentences_end_somewhere_and_the_rest_is_counted(
    run: Any, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> three findings where two are told << two, how many more, the whole sum; --json << all."""
    monkeypatch.setattr(check, "MOST_TOLD", 2)
    _, out, _ = run("catalogue", "check", trees, "--profile", "de")
    assert out.count("  violation: ") == 2
    assert out.splitlines()[-2:] == ["… and 1 more finding; --json has all of them.", SUM]
    assert len(run("catalogue", "check", trees, "--profile", "de", "--json")[1].splitlines()) == 3


def test_a_node_is_called_as_the_reader_speaks(run: Any, trees: Path) -> None:
    """>> a title in two languages << the English one for who reads English, whichever stands first."""
    trees.write_text(CATALOGUE.replace('"Trees"', '"Bäume"@de, "Trees"@en-GB'), encoding="utf-8")
    assert "https://town.example/trees – Trees" in run("catalogue", "check", trees)[1].splitlines()


@pytest.mark.threat("T76")
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bomb.rdf", '<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rdf:RDF/>', "entities"),
        ("remote.jsonld", '{"@context": "https://x.example/", "@id": "urn:a"}', "https://x.example/"),
        ("page.html", "<html><body/></html>", "HTML"),
        ("broken.ttl", "@prefix x", "cannot be read"),
    ],
)
def test_a_hostile_file_is_one_sentence(run: Any, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, out, err = run("catalogue", "check", tmp_path / name)
    assert (code, out) == (1, "")
    assert said in err


def test_what_is_not_there_is_wrong_usage(run: Any, trees: Path, tmp_path: Path) -> None:
    """>> no file; a folder without shapes << a sentence and exit code 2."""
    code, _, err = run("catalogue", "check", tmp_path / "none.ttl")
    assert (code, "none.ttl" in err) == (2, True)
    (tmp_path / "empty").mkdir()
    code, _, err = run("catalogue", "check", trees, "--shapes", tmp_path / "empty")
    assert (code, "no SHACL files" in err) == (2, True)

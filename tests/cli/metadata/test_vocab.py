"""`hanse vocab`: the lists in use, and what an operator adds to them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.metadata.conftest import CATALOGUE

THEME = "http://publications.europa.eu/resource/authority/data-theme"
FREQUENCY = "http://publications.europa.eu/resource/authority/frequency"
NEWER = f"""
<{FREQUENCY}> <http://www.w3.org/2002/07/owl#versionInfo> "20271231-0" .
<{FREQUENCY}/FORTNIGHTLY> <http://www.w3.org/2004/02/skos/core#inScheme> <{FREQUENCY}> .
"""


def test_the_lists_are_shown_with_their_editions(run: Any) -> None:
    code, out, _ = run("vocab", "list")
    assert code == 0
    assert len(out.splitlines()) == 14 + 1 + 14 + 1
    assert "Purposes of use (edition 2): 22 values" in out.splitlines()
    assert f"Update frequency (edition 20220615-0): 38 values – {FREQUENCY}" in out.splitlines()


def test_a_newer_list_is_recorded_and_counts_in_the_check(run: Any, tmp_path: Path) -> None:
    """>> a value on no list; the newer list; the same again << a violation, the record, none."""
    catalogue, newer = tmp_path / "trees.ttl", tmp_path / "frequency.nt"
    catalogue.write_text(CATALOGUE.replace("https://town.example/often", f"{FREQUENCY}/FORTNIGHTLY"), encoding="utf-8")
    newer.write_text(NEWER, encoding="utf-8")
    assert "FORTNIGHTLY" in run("catalogue", "check", catalogue, "--profile", "de")[1]
    code, out, _ = run("vocab", "update", newer)
    assert code == 0
    assert out.splitlines()[1] == "  frequency (edition 20271231-0): 1 values, 1 of them new"
    assert "FORTNIGHTLY" not in run("catalogue", "check", catalogue, "--profile", "de")[1]
    _, out, _ = run("vocab", "list", "--json")
    told = json.loads(out)
    (update,) = told["updates"]
    assert (update["file"], update["lists"][0]["scheme"]) == ("frequency.nt", FREQUENCY)
    (one,) = [one for one in told["lists"] if one["scheme"] == FREQUENCY]
    assert (one["edition"], one["values"]) == ("20220615-0, 20271231-0", 39)


def test_with_json_the_record_is_the_answer(run: Any, tmp_path: Path) -> None:
    newer = tmp_path / "frequency.nt"
    newer.write_text(NEWER, encoding="utf-8")
    code, out, _ = run("vocab", "update", newer, "--json")
    (update,) = json.loads(out)["updates"]
    assert code == 0
    assert len(update["sha256"]) == 64
    assert update["at"].endswith("Z")


def test_a_file_without_a_list_is_refused_in_a_sentence(run: Any, tmp_path: Path) -> None:
    (tmp_path / "no.ttl").write_text("<urn:a> <urn:b> <urn:c> .", encoding="utf-8")
    code, _, err = run("vocab", "update", tmp_path / "no.ttl")
    assert (code, "holds no code list" in err) == (1, True)
    code, _, err = run("vocab", "update", tmp_path / "none.ttl")
    assert code == 2


@pytest.mark.parametrize("name", ["Nutzungszwecke", "purposes of use", "purposeScheme"])
def test_the_values_of_a_list_are_shown_with_their_labels(run: Any, name: str) -> None:
    code, out, _ = run("vocab", "list", name)
    assert code == 0
    assert "  heat planning (heatPlanning)" in out.splitlines()
    assert out.splitlines()[1:] == sorted(out.splitlines()[1:], key=str.casefold)


def test_a_list_that_there_is_not_is_told_with_the_nearest(run: Any) -> None:
    code, _, err = run("vocab", "list", "Purposse of use")
    assert code == 2
    assert "Purposes" in err


def test_with_json_the_values_bear_their_iris(run: Any) -> None:
    values = json.loads(run("vocab", "list", "Themes", "--json")[1])["values"]
    assert {"iri": f"{THEME}/ENVI", "code": "ENVI", "label": "environment", "above": None} in values

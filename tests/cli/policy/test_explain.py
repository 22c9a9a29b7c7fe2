"""`hanse policy explain` and `try` as a steward meets them, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import fill
from tests.cli.policy.rules import GOOD, H


def test_explain_shows_why(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "explain", rule, *GOOD)
    assert code == 0
    assert text.startswith("ALLOWED") or text.startswith("PERMITTED")
    assert "purpose is research" in text


def test_explain_shows_why_not_and_what_would_help(run: Any, rule: Path) -> None:
    wrong = [word if word != "research" else "environmentalMonitoring" for word in GOOD]
    code, value, _ = run("policy", "explain", rule, *wrong, "--json")
    (decision,) = value["decisions"]
    assert (code, decision["permit"], decision["phase"]) == (1, False, "access")
    assert any("purpose is research" in reason for reason in decision["reasons"])
    assert "purpose is research" in decision["wouldHelp"]
    assert decision["tree"]["kind"] == "policy"


@pytest.mark.parametrize(("format", "start"), [("turtle", "@prefix"), ("json-ld", "{")])
def test_explain_as_a_report_in_rdf(run: Any, rule: Path, format: str, start: str) -> None:
    code, text, _ = run("policy", "explain", rule, *GOOD, "--report", format)
    assert code == 0
    assert text.lstrip("[").startswith(start)
    assert "PermissionReport" in text


def test_what_is_not_given_is_unknown(run: Any, rule: Path) -> None:
    code, value, _ = run("policy", "explain", rule, "--json")
    assert code == 1
    (reason,) = value["decisions"][0]["reasons"]
    assert "kind of participant" in reason  # and whoever names no purpose is bound to the agreed one, as in the gate


def test_facts_uses_and_the_agreement_count(run: Any, tmp_path: Path) -> None:
    clauses = [
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "2"},
        {"leftOperand": "odrl:elapsedTime", "operator": "lt", "rightOperand": "P30D"},
        {"leftOperand": f"{H}memberOf", "operator": "eq", "rightOperand": "https://example.org/nrw"},
    ]
    place = tmp_path / "counted.json"
    place.write_text(json.dumps({"permission": [{"action": "use", "constraint": clauses}]}))
    known = ("--at", "2027-01-10", "--agreed", "2027-01-01", "--fact", "memberOf=https://example.org/nrw")
    assert run("policy", "try", place, *known, "--uses", 2)[0] == 0
    assert run("policy", "try", place, *known, "--uses", 3)[0] == 1
    assert run("policy", "try", place, *known[2:], "--at", "2027-02-10", "--uses", 2)[0] == 1


def test_a_whole_regional_key_is_a_seat_in_its_county(run: Any, tmp_path: Path) -> None:
    """>> the twelve digits of a municipality, as the trust list has them  << in the county, as in a real decision."""
    place = tmp_path / "county.json"
    place.write_text(json.dumps(fill("county", {"county": "05515"})))
    asked = ("policy", "try", place, "--as", "municipality", "--fact")
    assert run(*asked, "regionalKey=055150000000")[0] == 0
    assert run(*asked, "regionalKey=055540004004")[0] == 1


def test_try_goes_through_all_phases(run: Any, rule: Path) -> None:
    code, value, _ = run("policy", "try", rule, *GOOD, "--json")
    phases = value["policies"][0]["phases"]
    assert code == 0
    assert [(one["phase"], one["permit"], one["open"]) for one in phases] == [
        ("catalog", True, 1),
        ("negotiation", True, 0),
        ("transfer", True, 0),
        ("access", True, 0),
    ]


def test_try_says_what_stands_in_the_way(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "try", rule, *GOOD, "--action", "distribute")
    assert code == 1
    assert "Access: refused" in text
    assert "passing on" in text


def test_explain_takes_the_words_that_a_request_takes(run: Any, rule: Path) -> None:
    """Bug: a label, or a purpose with a slip in it, was in no list, and the answer a refusal that did not say so."""
    assert run("policy", "explain", rule, *GOOD, "--as", "Kommune", "--purpose", "hanse:research")[0] == 0


def test_bug_explaining_a_rule_that_is_over_gave_no_end(run: Any, tmp_path: Path) -> None:
    """>> a rule until the end of 2020, asked for today << since when it is over, and that only a new rule helps."""
    over = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2021-01-01T00:00:00+01:00"}
    place = tmp_path / "over.json"
    place.write_text(json.dumps({"permission": [{"action": "use", "constraint": [over]}]}), encoding="utf-8")
    code, text, _ = run("policy", "explain", place)
    assert code == 1
    assert "expired since 01 Jan 2021" in text
    assert "The rule expired on 01 Jan 2021; only a new rule of the provider helps here." in text

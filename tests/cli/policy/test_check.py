"""`hanse policy check` as a steward meets it, without a server."""

import json
from pathlib import Path
from typing import Any

from tests.cli.policy.rules import RULE


def test_check_of_a_sound_policy(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "check", rule)
    assert code == 0
    assert "EDC partners do not take over these parts: conflict rule, rule profile" in text
    assert "EDC partners do not evaluate these clauses (3): kind of participant, purpose, time of access" in text
    assert "nothing stands in the way" in text


def test_check_names_what_is_not_understood(run: Any, odd: Path) -> None:
    code, value, _ = run("policy", "check", odd, "--json")
    (one,) = value["policies"]
    assert (code, value["good"]) == (1, False)
    assert one["unknown"] == [{"pointer": "/permission/0/constraint/0", "subject": "urn:mood"}]
    assert one["contradictions"] == []


def test_check_finds_a_contradiction(run: Any, tmp_path: Path) -> None:
    place = tmp_path / "never.json"
    times = [("gteq", "2090-01-01T00:00:00Z"), ("lt", "2080-01-01T00:00:00Z")]
    clauses = [{"leftOperand": "odrl:dateTime", "operator": operator, "rightOperand": t} for operator, t in times]
    place.write_text(json.dumps({"permission": [{"action": "use", "constraint": clauses}]}))
    code, text, _ = run("policy", "check", place)
    assert code == 1
    assert "In the way: Nobody can use this rule" in text
    assert "cannot be published" in text


def test_check_of_open_data_refuses_every_restriction(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "check", rule, "--open-data")
    assert code == 1
    assert "Open data must carry no restriction" in text


def test_check_names_the_place_that_cannot_be_read(run: Any, tmp_path: Path) -> None:
    place = tmp_path / "broken.json"
    place.write_text(json.dumps({"permission": [{"constraint": []}]}))
    code, text, _ = run("policy", "check", place)
    assert code == 1
    assert "At /permission/0" in text


def test_several_policies_are_told_apart(run: Any, tmp_path: Path) -> None:
    place = tmp_path / "two.json"
    place.write_text(json.dumps([{"@id": "urn:a", **RULE}, {"@id": "urn:b", **RULE}]))
    code, text, _ = run("policy", "check", place)
    assert code == 0
    assert "Policy 1 of 2 (/0)" in text
    assert "Policy 2 of 2 (/1)" in text


def test_the_check_counts_the_badges_it_shows(run: Any, tmp_path: Path) -> None:
    slots = ("--slot", "purpose=environmentalMonitoring", "--slot", "until=31.12.2090")
    _, policy, _ = run("policy", "templates", "municipal-purpose", *slots, "--json")
    place = tmp_path / "filled.json"
    place.write_text(json.dumps(policy))
    _, value, _ = run("policy", "check", place, "--json")
    (told,) = value["policies"]
    assert sum(told["badges"].values()) == len(told["clauses"])


def test_check_refuses_what_could_permit_nobody_here(run: Any, tmp_path: Path) -> None:
    """>> a template that waits for an event feed  << not publishable, with the value that nobody here vouches for."""
    place = tmp_path / "disaster.json"
    place.write_text(run("policy", "templates", "disaster", "--fill")[1], encoding="utf-8")
    code, text, _ = run("policy", "check", place)
    assert code == 1
    assert "nothing stands in the way" not in text
    assert "there is no source here that vouches for its value" in text


def test_bug_a_fee_without_amount_and_statute_was_not_told(run: Any, tmp_path: Path) -> None:
    """>> a fee of neither, then of one of them << told with its place, then nothing to tell."""
    named = {"leftOperand": "odrl:payAmount", "operator": "eq", "rightOperand": "5"}
    place = tmp_path / "fee.json"
    for constraints, told in (([], True), ([named], False)):
        fee = {"action": "odrl:compensate", "constraint": constraints}
        place.write_text(json.dumps({"permission": [{"action": "use", "duty": [fee]}]}), encoding="utf-8")
        code, text, _ = run("policy", "check", place)
        assert ("the fee at /permission/0/duty/0 names neither amount nor fee statute" in text) is told
        assert code == 0

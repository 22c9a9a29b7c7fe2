"""`hanse policy templates` as a steward meets them, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_templates_are_listed_with_their_effect(run: Any) -> None:
    code, value, _ = run("policy", "templates", "--json")
    assert code == 0
    assert [one["number"] for one in value["templates"]] == list(range(1, 20))
    assert all(one["title"] and one["effect"] for one in value["templates"])


def test_a_template_shows_its_slots_and_plain_words(run: Any) -> None:
    code, value, _ = run("policy", "templates", "pilot", "--json")
    assert code == 0
    assert {"from", "until", "count"} <= value["slots"].keys()
    assert value["plain"]


def test_a_template_without_slots_shows_its_sentences(run: Any) -> None:
    _, text, _ = run("policy", "templates", "no-ai-training")
    assert "[contractually assured] Prohibited:" in text


def test_a_filled_template_is_a_policy_that_passes_the_check(run: Any, tmp_path: Path) -> None:
    slots = ("--slot", "from=1.1.2090", "--slot", "until=2090-12-31", "--slot", "count=10")
    code, policy, _ = run("policy", "templates", "pilot", *slots, "--json")
    place = tmp_path / "filled.json"
    place.write_text(json.dumps(policy))
    assert code == 0
    assert run("policy", "check", place)[0] == 0


@pytest.mark.parametrize("name", ["municipalities-only", "no-ai-training"])
def test_a_template_without_needed_slots_is_printed_as_json_when_asked(run: Any, tmp_path: Path, name: str) -> None:
    code, text, _ = run("policy", "templates", name, "--fill")
    place = tmp_path / "filled.json"
    place.write_text(text)
    assert code == 0
    assert run("policy", "check", place)[0] == 0


def test_a_template_with_needed_slots_is_not_printed_half_filled(run: Any) -> None:
    code, text, error = run("policy", "templates", "pilot", "--fill")
    assert (code, text) == (1, "")
    assert "from" in error


def test_templates_that_nobody_could_use_yet_are_listed_as_such(run: Any) -> None:
    """>> the list  << six templates wait for something, with the reason; the others do not."""
    _, value, _ = run("policy", "templates", "--json")
    waiting = {one["number"]: one["why"] for one in value["templates"] if not one["usable"]}
    assert sorted(waiting) == [5, 7, 8, 13, 14, 17]
    assert all(why and "/permission" not in why for why in waiting.values())
    _, text, _ = run("policy", "templates", "--lang", "en")
    assert text.count("Not usable yet.") == 6

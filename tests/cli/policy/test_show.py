"""`hanse policy show` as a steward meets it, without a server."""

from pathlib import Path
from typing import Any

import pytest

from connector.language import say
from tests.cli.policy.rules import RULE


def test_show_says_each_clause_with_its_badge(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "show", rule)
    assert code == 0
    assert "Read as: JSON of the protocol" in text
    assert "[technically enforced] Condition: kind of participant is municipality." in text
    assert "[contractually assured] Condition: purpose is research." in text


def test_show_in_german(run: Any, rule: Path) -> None:
    _, text, _ = run("policy", "show", rule, "--lang", "de")
    assert "[technisch erzwungen] Voraussetzung: Teilnehmerart ist Kommune." in text


def test_show_as_json_has_clauses_digest_and_document(run: Any, rule: Path) -> None:
    code, value, _ = run("policy", "show", rule, "--json")
    (shown,) = value["policies"]
    assert code == 0
    assert (shown["dialect"], shown["policy"], len(shown["digest"])) == ("wire", RULE, 64)
    assert {clause["badge"] for clause in shown["clauses"]} >= {"enforced", "contractual"}


def test_a_policy_that_cannot_be_said_is_shown_as_it_stands(run: Any, odd: Path) -> None:
    code, text, _ = run("policy", "show", odd)
    assert code == 0
    assert "Read as: RDF" in text
    assert "cannot be said completely" in text
    assert '"leftOperand": "urn:mood"' in text


@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("badge", ["enforced", "monitored", "contractual"])
def test_publish_and_find_name_a_badge_as_the_policy_commands_do(lang: str, badge: str) -> None:
    assert say(f"cli.badge.{badge}", lang) == say(f"cli.policy.badge.{badge}", lang)


def test_show_names_the_template_that_gives_exactly_this_policy(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> a filled template, another rule << the command that fills it again; no template."""
    filled = tmp_path / "filled.json"
    slots = ("--slot", "source=Stadt Musterstadt")
    filled.write_text(run("policy", "templates", "open-attribution", *slots)[1], encoding="utf-8")
    assert "Template: open-attribution --slot source='Stadt Musterstadt'" in run("policy", "show", filled)[1]
    (shown,) = run("policy", "show", filled, "--json")[1]["policies"]
    assert shown["template"] == {"template": "open-attribution", "slots": {"source": "Stadt Musterstadt"}}
    assert run("policy", "show", rule, "--json")[1]["policies"][0]["template"] is None

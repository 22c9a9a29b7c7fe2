"""`hanse policy show` as a steward meets it, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import fill
from connector.foundation.language import say
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
    assert (
        "Template: open-attribution --slot source='Stadt Musterstadt' --slot licence=dl-by-de/2.0"
        in run("policy", "show", filled)[1]
    )
    (shown,) = run("policy", "show", filled, "--json")[1]["policies"]
    slots = {"source": "Stadt Musterstadt", "licence": "dl-by-de/2.0"}
    assert shown["template"] == {"template": "open-attribution", "slots": slots, "edition": 0}
    assert run("policy", "show", rule, "--json")[1]["policies"][0]["template"] is None


def test_a_policy_of_an_earlier_edition_is_said_to_be_one(run: Any, tmp_path: Path) -> None:
    """>> what template 16 said before  << its name, the edition, and that the template says something else today."""
    place = tmp_path / "fee.json"
    place.write_text(json.dumps(fill("fee", {"amount": "12,50", "statute": "Satzung"}, 1)))
    shown = run("policy", "show", place)[1]
    assert "Template: fee --slot amount=12.50 --slot currency=EUR --slot statute=Satzung in its edition 1." in shown
    assert "passing on" not in shown
    place.write_text(json.dumps(fill("fee", {"amount": "12,50", "statute": "Satzung"})))
    assert "edition" not in run("policy", "show", place)[1]


def put(place: Path, document: dict[str, Any]) -> Path:
    place.write_text(json.dumps(document), encoding="utf-8")
    return place


NAMED = {"assigner": "did:web:giver.example", "assignee": "did:web:town.example", "target": "urn:uuid:trees"}
OVER = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2021-01-01T00:00:00+01:00"}


@pytest.mark.parametrize("command", ["show", "check"])
def test_bug_the_policys_own_parties_and_data_were_left_out(run: Any, tmp_path: Path, command: str) -> None:
    """>> a policy that names giver, assignee and target for all its rules << each said before the clauses."""
    place = put(tmp_path / "named.json", {"@type": "Offer", "@id": "urn:uuid:1", **RULE, **NAMED})
    _, text, _ = run("policy", command, place)
    lines = [line.strip() for line in text.split("\n")]
    first = lines.index("Set by: did:web:giver.example.")
    assert lines[first + 1 : first + 3] == ["Only for: did:web:town.example.", "Concerns the data: urn:uuid:trees."]
    assert "Permitted" in lines[first + 3]
    assert len(run("policy", command, place, "--json")[1]["policies"][0]["names"]) == 3


@pytest.mark.parametrize("command", ["show", "check"])
def test_bug_an_expired_rule_did_not_say_so(run: Any, tmp_path: Path, command: str) -> None:
    """>> a rule until the end of 2020; one without an end << expired since the day after; nothing of the kind."""
    over = put(tmp_path / "over.json", {"permission": [{"action": "use", "constraint": [OVER]}]})
    assert "Expired since 01 Jan 2021: this rule permits nothing any more." in run("policy", command, over)[1]
    assert "expired" not in run("policy", command, put(tmp_path / "r.json", RULE))[1].lower()


def test_a_rule_with_one_permission_that_lasts_has_not_expired(run: Any, tmp_path: Path) -> None:
    """>> a permission that is over beside one without an end << not expired."""
    rules = [{"action": "use", "constraint": [OVER]}, {"action": "use"}]
    assert "Expired" not in run("policy", "show", put(tmp_path / "two.json", {"permission": rules}))[1]


def test_bug_a_policy_without_sentences_did_not_say_why(run: Any, odd: Path, tmp_path: Path) -> None:
    """>> an operand that nobody knows; a condition of a foreign form; an unknown profile << place and name first."""
    text = run("policy", "show", odd)[1]
    assert "Not understood at /permission/0/constraint/0: urn:mood. As long" in text
    document = {"profile": "urn:strange", "permission": [{"action": "use", "constraint": [{"ex:a": "b"}]}]}
    text = run("policy", "show", put(tmp_path / "strange.json", document))[1]
    assert "Not understood at /permission/0/constraint/0: it has a foreign form." in text
    assert ": urn:strange. As long" in text

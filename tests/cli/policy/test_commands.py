"""`hanse policy show|explain|try|check|templates` as a steward meets them, without a server."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from connector.language import say

H = "https://w3id.org/hanse/v1#"
CITY = f"{H}municipality"
RULE: dict[str, Any] = {
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        {
                            "leftOperand": f"{H}participantKind",
                            "operator": "isAnyOf",
                            "rightOperand": [f"{H}municipality"],
                        },
                        {"leftOperand": "odrl:purpose", "operator": "isAnyOf", "rightOperand": [f"{H}research"]},
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2090-01-01T00:00:00+01:00"},
                    ]
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}],
}
GOOD = ("--as", "did:web:a", "--as", "municipality", "--purpose", "research", "--at", "2027-01-01")


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    place = tmp_path / "rule.json"
    place.write_text(json.dumps(RULE), encoding="utf-8")
    return place


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A policy with a clause that nobody understands."""
    place = tmp_path / "odd.ttl"
    place.write_text(
        "@prefix odrl: <http://www.w3.org/ns/odrl/2/> . <urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ;"
        " odrl:constraint [ odrl:leftOperand <urn:mood> ; odrl:operator odrl:eq ; odrl:rightOperand 'good' ] ] .",
        encoding="utf-8",
    )
    return place


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


def test_show_names_the_template_that_gives_exactly_this_policy(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> a filled template, another rule << the command that fills it again; no template."""
    filled = tmp_path / "filled.json"
    slots = ("--slot", "source=Stadt Musterstadt")
    filled.write_text(run("policy", "templates", "open-attribution", *slots)[1], encoding="utf-8")
    assert "Template: open-attribution --slot source='Stadt Musterstadt'" in run("policy", "show", filled)[1]
    (shown,) = run("policy", "show", filled, "--json")[1]["policies"]
    assert shown["template"] == {"template": "open-attribution", "slots": {"source": "Stadt Musterstadt"}}
    assert run("policy", "show", rule, "--json")[1]["policies"][0]["template"] is None


def test_a_policy_that_cannot_be_said_is_shown_as_it_stands(run: Any, odd: Path) -> None:
    code, text, _ = run("policy", "show", odd)
    assert code == 0
    assert "Read as: RDF" in text
    assert "cannot be said completely" in text
    assert '"leftOperand": "urn:mood"' in text


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
    assert len(value["decisions"][0]["reasons"]) == 2


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


def test_check_of_a_sound_policy(run: Any, rule: Path) -> None:
    code, text, _ = run("policy", "check", rule)
    assert code == 0
    assert "EDC partners do not take over these parts: conflict, profile" in text
    assert "EDC partners do not evaluate 3 clauses: kind of participant, purpose, time of access" in text
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


# ---- templates


def test_templates_are_listed_with_their_effect(run: Any) -> None:
    code, value, _ = run("policy", "templates", "--json")
    assert code == 0
    assert [one["number"] for one in value["templates"]] == list(range(1, 18))
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


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_dash_reads_the_policy_from_standard_input(
    run: Any, rule: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    _, from_file, _ = run("policy", command, rule)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rule.read_bytes())))
    assert run("policy", command, "-")[1] == from_file


def test_nothing_on_standard_input_is_no_policy(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert run("policy", "show", "-")[0] == 1


def test_the_check_counts_the_badges_it_shows(run: Any, tmp_path: Path) -> None:
    slots = ("--slot", "purpose=environmentalMonitoring", "--slot", "until=31.12.2090")
    _, policy, _ = run("policy", "templates", "municipal-purpose", *slots, "--json")
    place = tmp_path / "filled.json"
    place.write_text(json.dumps(policy))
    _, value, _ = run("policy", "check", place, "--json")
    (told,) = value["policies"]
    assert sum(told["badges"].values()) == len(told["clauses"])


@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("badge", ["enforced", "monitored", "contractual"])
def test_publish_and_find_name_a_badge_as_the_policy_commands_do(lang: str, badge: str) -> None:
    assert say(f"cli.badge.{badge}", lang) == say(f"cli.policy.badge.{badge}", lang)


# ---- wrong usage


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("explain", "{rule}", "--at", "soon"), 2, "--at"),
        (("explain", "{rule}", "--fact", "mood=good"), 2, "mood=good"),
        (("explain", "{rule}", "--fact", "memberOf"), 2, "memberOf"),
        (("explain", "{rule}", "--purpose", "reserach"), 2, "research"),
        (("explain", "{rule}", "--action", "hanse:trainAi"), 2, "aiTraining"),
        (("explain", "{rule}", "--fact", "resolution=sharp"), 2, "resolution=sharp"),
        (("explain", "{rule}", "--as", "did:web:a", "--as", "did:web:b"), 2, "--as"),
        (("show", "{folder}/none.json"), 2, "none.json"),
        (("show", "urn:uuid:1"), 2, "--of"),
        (("templates", "--slot", "a=b"), 2, "--slot"),
        (("templates", "--fill"), 2, "--fill"),
        (("templates", "pilot", "--slot", "a"), 2, "SLOT=VALUE"),
        (("templates", "nosuch"), 1, "nosuch"),
        (("suite", "{folder}/none"), 2, "none"),
        (("suite", "{folder}"), 2, "no test cases"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    run: Any, rule: Path, tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    found, _, error = run("policy", *(word.format(rule=rule, folder=tmp_path) for word in words))
    assert (found, told in error) == (code, True)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 2}', "\x00", "5", '{"permission": []'])
def test_a_file_that_is_no_policy_is_refused_with_a_sentence(run: Any, tmp_path: Path, text: str) -> None:
    place = tmp_path / "bad.json"
    place.write_text(text)
    code, _, error = run("policy", "show", place)
    assert code == 1
    assert "bad.json cannot be read" in error


def test_what_a_stranger_wrote_cannot_steer_the_terminal(run: Any, tmp_path: Path) -> None:
    place = tmp_path / "loud.json"
    clause = {"leftOperand": "urn:\u001b[31m", "operator": "eq", "rightOperand": "\u202e"}
    place.write_text(json.dumps({"permission": [{"action": "use", "constraint": [clause]}]}))
    for command in ("show", "check", "explain", "try"):
        _, text, error = run("policy", command, place)
        assert "\u001b" not in text + error
        assert "\u202e" not in text + error


def narrower(place: Path) -> Path:
    """The rule without its term: what it permits is more."""
    wide = json.loads(json.dumps(RULE))
    del wide["permission"][0]["constraint"][0]["and"][2]
    place.write_text(json.dumps(wide), encoding="utf-8")
    return place


def test_check_of_two_policies_says_which_is_narrower(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> a rule and the same without a term  << narrower, with the clause that says so; both can be in force."""
    wide = narrower(tmp_path / "wide.json")
    code, text, _ = run("policy", "check", wide, rule)
    assert code == 0
    assert f"{rule} is narrower than {wide}" in text
    assert f"{wide} goes beyond {rule}: access up to and including 2089-12-31" in text
    assert "both policies can be in force together" in text
    code, value, _ = run("policy", "check", rule, wide, "--json")
    assert (code, value["relation"], value["compatible"]) == (0, "wider", True)
    code, value, _ = run("policy", "check", rule, rule, "--json")
    assert (code, value["relation"], value["wider"], value["clashes"]) == (0, "equal", [], [])


def test_check_of_two_policies_finds_what_one_permits_and_the_other_forbids(
    run: Any, rule: Path, tmp_path: Path
) -> None:
    """>> passing on is forbidden here and permitted there  << a conflict that names both, and exit code 1."""
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"permission": [{"action": "odrl:distribute"}]}), encoding="utf-8")
    code, text, _ = run("policy", "check", rule, other, "--lang", "en")
    assert code == 1
    assert f"Conflict: {other} permits what {rule} forbids: the permission “passing on”; the prohibition" in text
    assert "cannot be in force together" in text
    code, value, _ = run("policy", "check", rule, other, "--json")
    assert value["places"] == [["/permission/0", "/prohibition/0"]]


def test_check_of_two_needs_one_policy_in_each_file(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> an unreadable second file, and one with two policies  << a sentence that names it."""
    two = tmp_path / "two.ttl"
    two.write_text(
        "@prefix odrl: <http://www.w3.org/ns/odrl/2/> ."
        + "".join(f" <urn:{n}> a odrl:Set ; odrl:permission [ odrl:action odrl:use ] ." for n in "ab"),
        encoding="utf-8",
    )
    code, _, said = run("policy", "check", rule, two)
    assert code != 0
    assert "exactly one" in said
    assert run("policy", "check", rule, tmp_path / "none.json")[0] != 0


def test_check_refuses_what_could_permit_nobody_here(run: Any, tmp_path: Path) -> None:
    """>> a template that waits for an event feed  << not publishable, with the value that nobody here vouches for."""
    place = tmp_path / "disaster.json"
    place.write_text(run("policy", "templates", "disaster", "--fill")[1], encoding="utf-8")
    code, text, _ = run("policy", "check", place)
    assert code == 1
    assert "nothing stands in the way" not in text
    assert "there is no source here that vouches for its value" in text


def test_templates_that_nobody_could_use_yet_are_listed_as_such(run: Any) -> None:
    """>> the list  << six templates wait for something, with the reason; the others do not."""
    _, value, _ = run("policy", "templates", "--json")
    waiting = {one["number"]: one["why"] for one in value["templates"] if not one["usable"]}
    assert sorted(waiting) == [5, 7, 8, 13, 14, 17]
    assert all(why and "/permission" not in why for why in waiting.values())
    _, text, _ = run("policy", "templates", "--lang", "en")
    assert text.count("Not usable yet.") == 6


def test_explain_takes_the_words_that_a_request_takes(run: Any, rule: Path) -> None:
    """Bug: a label, or a purpose with a slip in it, was in no list, and the answer a refusal that did not say so."""
    assert run("policy", "explain", rule, *GOOD, "--as", "Kommune", "--purpose", "hanse:research")[0] == 0

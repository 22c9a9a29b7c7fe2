"""What names a policy on the command line, and what is said of what is none or is wrongly asked for."""

import io
import json
from pathlib import Path
from typing import Any

import pytest


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

"""`hanse duties`: what is owed, and how to record that it is done."""

import json
from typing import Any

import pytest

from tests.cli.playback import Playback, hanse, said

DUTY: dict[str, Any] = {
    "rule": "/obligation/0",
    "action": "http://www.w3.org/ns/odrl/2/delete",
    "state": "not-set",
    "active": True,
    "due_at": None,
    "owed": True,
    "blocks": False,
    "label": {"de": "Löschung", "en": "deletion"},
}


@pytest.mark.parametrize(
    ("change", "offered"),
    [
        ({}, True),
        ({"state": "violated"}, True),
        ({"state": "fulfilled"}, False),
        ({"owed": False}, False),
        ({"active": False}, False),
    ],
    ids=["open", "late", "done", "theirs", "inactive"],
)
def test_the_word_that_records_a_duty_is_told(
    play: Playback, capsys: pytest.CaptureFixture[str], change: dict[str, Any], offered: bool
) -> None:
    """Bug: >> duties << “Löschung … [/obligation/0]”, which --done refuses; nothing said that its name is delete."""
    play.on("GET /participants/a/agreements/x/duties", {"duties": [{**DUTY, **change}], "deeds": []})
    assert hanse("duties x --as a") == 0
    told = said(capsys)
    assert told.startswith("1. Löschung (")
    assert ("hanse duties x --as a --done delete" in told) is offered


@pytest.mark.parametrize(("given", "place"), [("2", "/obligation/1"), ("/obligation/0", "/obligation/0")])
def test_a_duty_is_named_by_its_number(
    given: str, place: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: >> duties << “[/obligation/1]” was all there was to tell two payments apart."""
    listed = {"duties": [DUTY, {**DUTY, "rule": "/obligation/1"}], "deeds": []}
    play.on("GET /participants/a/agreements/x/duties", listed)
    play.on("POST /participants/a/agreements/x/duties", listed)
    assert hanse(f"duties x --as a --done delete --rule {given}") == 0
    assert json.loads(play.asked[-1][1])["rule"] == place
    assert "/obligation" not in said(capsys)


@pytest.mark.parametrize("number", ["0", "3", "99999999999"])
def test_a_number_that_no_duty_has_is_refused(number: str, play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/agreements/x/duties", {"duties": [DUTY, DUTY], "deeds": []})
    assert hanse(f"duties x --as a --done delete --rule {number}") == 2
    assert "die Liste geht bis 2" in capsys.readouterr().err


@pytest.mark.threat("T116")
def test_a_partners_name_for_an_action_is_one_word_of_the_command(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a duty whose action ends like a second command << quoted, as a shell takes it for one word."""
    listed = {"duties": [{**DUTY, "action": "urn:x:pay;$(reboot)"}], "deeds": []}
    play.on("GET /participants/a/agreements/x/duties", listed)
    assert hanse("duties x --as a") == 0
    assert "hanse duties x --as a --done 'pay;$(reboot)'" in said(capsys)

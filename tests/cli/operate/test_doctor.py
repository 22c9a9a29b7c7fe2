"""`hanse doctor` beside a server that runs."""

import json

import pytest

from connector.cli.main import main
from tests.cli.playback import Playback, said


def test_doctor_sees_the_server(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /health/ready", {})
    main(["doctor", "--json"], {})
    assert "server" in [finding["check"] for finding in json.loads(said(capsys))["findings"]]


def test_an_address_that_a_participant_has_left_is_not_amiss(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> one works here, one has moved, whose address answers 410 << the first address is looked at, not the second."""
    gone = {"did": "did:web:there.example", "at": "2026-11-28T12:00:00Z", "until": "2027-11-28T12:00:00Z"}
    play.on("GET /health/ready", {})
    play.on("GET /participants", {"participants": [{"slug": "a", "moved": None}, {"slug": "b", "moved": gone}]})
    play.on("GET /participants/a/reachable", {"url": "https://a.example", "ok": True, "reason": None})
    play.on("GET /participants/b/reachable", {"url": "https://b.example", "ok": False, "reason": {"de": "410"}})
    main(["doctor", "--json"], {})
    found = [one for one in json.loads(said(capsys))["findings"] if "reachable" in one["check"]]
    assert [one["check"] for one in found] == ["reachable"]

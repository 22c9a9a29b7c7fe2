"""`hanse doctor` beside a server that runs."""

import json
import socket
from pathlib import Path

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


def test_a_server_that_is_not_ready_is_told_why(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: doctor said „HTTP 503“ of a full disk. >> a server without room << what is amiss, and what to do."""
    play.on("GET /health/ready", {"ready": False, "checks": {"database": True, "disk": False, "clock": False}}, 503)
    main(["doctor", "--json"], {})
    found = [one for one in json.loads(said(capsys))["findings"] if one["check"] == "not-ready"]
    assert [one["state"] for one in found] == ["bad", "bad"]
    assert "Bitte schaffen Sie Platz" in found[0]["text"]
    assert "Uhr" in found[1]["text"]


def test_what_a_start_would_refuse_is_said_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: doctor found a master key good that is none, and the key of another certificate. >> both << bad."""
    main(["dev", "init", str(tmp_path)], {})
    (tmp_path / "trust/master.key").write_text("rosebud")
    certs = tmp_path / "certs"
    (certs / "server.key").write_bytes((certs / "seal-ca.key").read_bytes())
    said(capsys)
    assert main(["doctor", "--json", "--data", str(tmp_path)], {}) == 1
    found = [one["text"] for one in json.loads(said(capsys))["findings"] if one["state"] == "bad"]
    assert ["server.key" in found[0], "Hauptschlüssel" in found[1], len(found)] == [True, True, 2]


def test_bug_a_port_was_called_taken_whose_address_is_of_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a port that somebody has, an address that this machine does not have << what a start would say. Bug: nobody
    looked once a server had left its socket behind."""
    main(["dev", "init", str(tmp_path)], {})
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "api.sock"))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        for host, words in (
            ("127.0.0.1", f"Port {port} ist belegt: Dort"),
            ("192.0.2.1", "diese Maschine hat sie nicht"),
        ):
            said(capsys)
            main(["doctor", "--json", "--data", str(tmp_path)], {"HANSE_PEER__HOST": host, "HANSE_PEER__PORT": port})
            bad = [one["text"] for one in json.loads(said(capsys))["findings"] if one["state"] == "bad"]
            assert [words in text for text in bad] == [True]

"""`hanse get` against a management surface that plays back canned answers."""

import hashlib
import json
from pathlib import Path

import pytest

from connector.surfaces.views import status
from tests.cli.playback import WHY, Playback, hanse, said, standing


def transfer(body: bytes, play: Playback, **change: object) -> None:
    digest = hashlib.sha256(body).hexdigest()
    done = {
        "id": "t1",
        "state": "COMPLETED",
        "bytes": len(body),
        "sha256": digest,
        "outcome": "complete",
        "reason": None,
        **standing(status.transfer("COMPLETED", None)),
    }
    play.on("POST /participants/a/transfers", {"id": "t1"}, 201)
    play.on("GET /participants/a/transfers/t1?wait=30", done | {"file": "x.csv"} | change)
    play.on("GET /participants/a/transfers/t1/content", body)


def test_get_saves_the_checked_bytes(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"Baum\n" * 500_000, play)
    assert hanse("get urn:uuid:9 --as a -o out.csv") == 0
    assert Path("out.csv").read_bytes() == b"Baum\n" * 500_000
    assert "2.500.000 Bytes" in said(capsys)


@pytest.mark.parametrize("body", [b"half CUT", b"other bytes"])
def test_get_leaves_nothing_that_is_cut_or_changed(body: bytes, play: Playback) -> None:
    """A cut stream leaves no file at all; a wrong hash is no success."""
    transfer(body, play, sha256="0" * 64)
    assert hanse("get urn:uuid:9 --as a -o out.csv") == 4
    assert not Path("out.csv").exists()
    assert not Path("out.csv.part").exists()


def test_get_says_why_not(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"", play, file=None, state="TERMINATED", outcome="refused", reason=WHY)
    assert hanse("get urn:uuid:9 --as a -o out.csv --lang en") == 1
    assert "REFUSED: The kind is not municipality." in said(capsys)


def test_get_can_have_it_sent(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"Baum", play)
    for words, mode in (("", "pull"), ("--push", "push")):
        assert hanse(f"get urn:uuid:9 --as a -o out.csv {words}") == 0
        [body] = [body for asked, body in play.asked if asked == "POST /participants/a/transfers"]
        assert json.loads(body)["mode"] == mode
        play.asked.clear()

"""`hanse participant` against a management surface that plays back canned answers."""

import json

import pytest

from tests.cli.playback import Playback, hanse, said


def test_participants(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"slug": "a", "name": "Astadt", "did": "did:web:localhost%3A1:a", "root": "https://localhost:1/a"}
    one |= {"seal": {"level": "L1", "signer": "file", "alg": "ES256"}}
    play.on("POST /participants", one, 201)
    play.on("GET /participants", [one])
    play.on("POST /participants/a/keys/peer/rotate", {}, 200)
    assert hanse("participant add a --name Astadt --kind municipality") == 0
    assert "did:web:localhost%3A1:a" in said(capsys)
    assert json.loads(play.asked[0][1]) == {
        "slug": "a",
        "name": "Astadt",
        "kind": "https://w3id.org/hanse/v1#municipality",
    }
    assert hanse("participant list") == 0
    assert "Astadt" in said(capsys)
    assert hanse("participant rotate-key a peer") == 0

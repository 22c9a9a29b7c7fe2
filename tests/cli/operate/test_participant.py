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


@pytest.mark.threat("T148")
def test_two_towns_of_one_look_are_told(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> what the server says of others of that look << a remark for each, with its short name."""
    one = {"slug": "a", "name": "Astadt", "did": "did:web:localhost%3A1:a", "root": "https://localhost:1/a"}
    play.on("POST /participants", {**one, "alike": [{"slug": slug, "name": "ASTADT"} for slug in "bc"]}, 201)
    assert hanse("participant add a --name Astadt --kind municipality") == 0
    told = said(capsys)
    assert [slug for slug in "abc" if f"ASTADT ({slug})" in told] == ["b", "c"]


NOTHING = {
    "ars": "",
    "ags": "",
    "level": "",
    "contact_name": "",
    "contact_email": "",
    "contact_url": "",
    "contact_telephone": "",
    "contributor": "",
    "box": None,
}


def test_what_datasets_say_of_their_publisher(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> key, contact and box when it is added and later << sent as numbers and texts; told with what follows."""
    shown = {"slug": "a", "name": "A", "did": "did:web:a", "root": "https://a.example"}
    play.on("POST /participants", shown, 201)
    play.on("GET /participants", [shown])
    play.on("POST /participants/a/publisher", {"publisher": {**NOTHING, "ars": "095640000000", "box": [1.0, 2, 3, 4]}})
    assert hanse("participant add a --name A --kind municipality --ars 095640000000 --box 1,2,3,4") == 0
    assert json.loads(play.asked[0][1])["publisher"] == {"ars": "095640000000", "box": [1.0, 2.0, 3.0, 4.0]}
    assert hanse("participant change a --contact-email a@b.example --contributor=") == 0
    assert json.loads(play.asked[-1][1]) == {"contact_email": "a@b.example", "contributor": ""}
    out = said(capsys)
    assert "Regionalschlüssel: 095640000000" in out
    assert "1.0, 2, 3, 4" in out
    assert "E-Mail" not in out
    for words, code in (("", 2), (" --box 1,2,3", 1), (" --box a,b,c,d", 1)):
        assert hanse("participant change a" + words) == code
    assert len(play.asked) == 2

"""`hanse person` against a management surface that plays back canned answers."""

import json

import pytest

from tests.cli.playback import Playback, hanse, said

PETRA = {
    "login": "petra@musterstadt.de",
    "name": "Petra Muster",
    "operator": False,
    "second_factor": True,
    "external": False,
    "roles": {"musterstadt": ["admin", "steward"]},
    "seen": "2027-01-05T09:00:00Z",
}
URL = "http://localhost:8080/sign-in/link?code=x"


def body(play: Playback) -> object:
    return json.loads(play.asked[-1][1])


def test_who_signs_in(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> two persons << names, roles in German words, what guards them."""
    odd = PETRA | {"login": "x", "seen": None, "second_factor": False, "operator": True, "roles": {}}
    play.on("GET /people", {"people": [PETRA, odd]})
    assert hanse("person list") == 0
    out = said(capsys)
    assert "Petra Muster (petra@musterstadt.de), mit zweitem Faktor, zuletzt angemeldet 05.01.2027" in out
    assert "musterstadt: Verwaltung, Freigabe" in out
    assert "ohne zweiten Faktor, noch nie angemeldet" in out
    assert "Betrieb dieses Dienstes" in out


def test_nobody_yet(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /people", {"people": []})
    assert hanse("person list") == 0
    assert "hanse person invite" in said(capsys)


def test_somebody_new(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> invited, or added << what is sent, and the link, shown once."""
    play.on("POST /participants/musterstadt/invitations", {"url": URL, "minutes": 10080}, 201)
    assert hanse("person invite Petra --as musterstadt --role admin --role steward") == 0
    assert body(play) == {"name": "Petra", "roles": ["admin", "steward"]}
    out = said(capsys)
    assert URL in out
    assert "Verwaltung, Freigabe" in out
    play.on("POST /people", PETRA, 201)
    assert hanse("person add petra@musterstadt.de --name Petra --operator") == 0
    assert body(play) == {"login": "petra@musterstadt.de", "name": "Petra", "operator": True}
    play.on("POST /people/link", {"url": URL, "minutes": 15}, 201)
    assert hanse("person link petra@musterstadt.de") == 0
    assert URL in said(capsys)


def test_somebody_new_with_a_role(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> added with two roles at a participant, and with half of what a role takes << sent one by one; nothing."""
    play.on("POST /people", PETRA, 201)
    play.on("POST /people/role", {"login": "x", "participant": "kreis", "roles": ["steward"]})
    assert hanse("person add x --name X --as kreis --role steward --role admin") == 0
    given = {"login": "x", "participant": "kreis"}
    assert [json.loads(sent) for _, sent in play.asked[1:]] == [
        {**given, "role": "steward"},
        {**given, "role": "admin"},
    ]
    assert "Freigabe, Verwaltung" in said(capsys)
    for half in ("--as kreis", "--role steward"):
        assert hanse(f"person add x --name X {half}") == 1
    assert len(play.asked) == 3


def test_roles(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> at a participant, of the process, the wrong way round << sent; sent; asked again without a call."""
    play.on("POST /people/role", {"login": "x", "participant": "musterstadt", "roles": ["steward"]})
    assert hanse("person role x steward --as musterstadt") == 0
    assert body(play) == {"login": "x", "role": "steward", "participant": "musterstadt", "take": False}
    assert "Freigabe" in said(capsys)
    play.on("POST /people/role", {"login": "x", "participant": None, "roles": []})
    assert hanse("person role x operator --take") == 0
    assert "nicht mehr" in said(capsys)
    before = len(play.asked)
    assert hanse("person role x operator --as musterstadt") == 2
    assert hanse("person role x steward") == 2
    assert len(play.asked) == before
    play.on("POST /people/remove", PETRA)
    assert hanse("person remove x --yes") == 0
    assert body(play) == {"login": "x"}


def test_keys_for_programs(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> one of a participant, one of the process, the list, an end, half a wish << shown once; no call for that."""
    play.on("POST /program-keys", {"key": "hanse_0a1b2c3d_x", "days": 30}, 201)
    assert hanse("person token x --as musterstadt --label QGIS --scope read --scope fetch --days 30") == 0
    wish = {"login": "x", "participant": "musterstadt", "label": "QGIS", "scopes": ["read", "fetch"], "days": 30}
    assert body(play) == wish
    assert "hanse_0a1b2c3d_x" in said(capsys)
    assert hanse("person token x --label Prometheus") == 0
    assert body(play) == {"login": "x", "label": "Prometheus", "days": 90}
    before = len(play.asked)
    for words in ("person token x", "person token x --label a --scope read", "person token x --label a --as m"):
        assert hanse(words) == 2
    assert len(play.asked) == before
    key = {"id": "0a1b2c3d", "label": "Prometheus", "owner": "Petra", "ends": "2027-04-05T09:00:00Z"}
    play.on("GET /program-keys", {"keys": [key]})
    assert hanse("person token") == 0
    assert "0a1b2c3d Prometheus (Petra)" in said(capsys)
    play.on("POST /program-keys/end", {"keys": []})
    assert hanse("person token --end 0a1b2c3d") == 0
    assert body(play) == {"id": "0a1b2c3d"}

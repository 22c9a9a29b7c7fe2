"""`hanse policy audience` against a management surface that plays back canned answers."""

import json

import pytest

from tests.cli.playback import Playback, hanse, said

TOWNS = [{"name": f"Stadt {n}", "did": f"did:web:stadt-{n}.example"} for n in range(22)]
FOUND = {
    "count": 22,
    "text": {"de": "22 Kommunen, 0 Firmen", "en": "22 municipalities, 0 companies"},
    "kinds": [
        {"kind": "k", "count": 22, "of": 23, "text": {"de": "22 von 23 Kommunen", "en": "22 of 23"}, "members": TOWNS},
        {"kind": "f", "count": 0, "of": 1, "text": {"de": "0 von 1 Firma", "en": "0 of 1 company"}, "members": []},
    ],
    "examples": [
        {
            "who": {"de": "Firma (erfunden)", "en": "company"},
            "permit": False,
            "begins": None,
            "text": {"de": "Bekommt nichts.", "en": "Gets nothing."},
            "reasons": {},
            "help": {},
        },
    ],
    "begins": None,
    "ends": "2027-12-31T23:00:00Z",
    "hindered": None,
}


def test_numbers_come_with_the_names_behind_them(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("POST /participants/a/audience", FOUND)
    assert hanse("policy audience municipal-purpose --as a --slot until=31.12.2027") == 0
    assert json.loads(play.asked[0][1]) == {"rule": "municipal-purpose", "slots": {"until": "31.12.2027"}}
    out = said(capsys)
    assert "Heute könnten diese Daten nutzen: 22 Kommunen, 0 Firmen." in out
    assert "Stadt 19 und 2 weitere" in out
    assert "0 von 1 Firma: niemand" in out
    assert "einschließlich 31.12.2027" in out
    assert "Firma (erfunden): Bekommt nichts." in out


def test_a_rule_that_permits_nobody_ends_with_one(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("POST /participants/a/audience", {**FOUND, "hindered": {"de": "Gruppe ohne Mitglied", "en": "empty"}})
    assert hanse("policy audience https://localhost/a/datasets/1/offers/2 --as a") == 1
    assert json.loads(play.asked[0][1]) == {"offer": "https://localhost/a/datasets/1/offers/2"}
    assert "Noch niemand: Gruppe ohne Mitglied" in said(capsys)

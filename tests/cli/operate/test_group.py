"""`hanse group`: who belongs to a group of one's own, and since when."""

import pytest

from tests.cli.playback import Playback, hanse, said


def test_bug_days_were_cut_from_utc(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a group with a member since shortly before midnight in UTC << the day on the calendar here."""
    members = [
        {"did": "did:web:b", "since": "2026-11-27T23:30:00Z", "until": None},
        {"did": "did:web:c", "since": "2026-11-27T12:00:00Z", "until": "2036-12-31T23:00:00Z"},
    ]
    group = {"group": "https://a.example/groups/north", "name": "north", "label": {"de": "Norden"}, "members": members}
    play.on("GET /participants/a/groups/north", {**group, "ended": "2037-06-30T22:30:00Z"})
    assert hanse("group show north --as a") == 0
    assert said(capsys).splitlines()[1:] == [
        "  aufgelöst am 01.07.2037",
        "  did:web:b, seit 28.11.2026, bis –",
        "  did:web:c, seit 27.11.2026, bis einschließlich 31.12.2036",
    ]

"""`hanse mandate`: days that people write and read are those of the space."""

import json

import pytest

from tests.cli.playback import Playback, hanse, said

PLACE = "/participants/a/mandates"
GIVEN = {"name": "IT", "agent": "did:web:b", "state": "in-force", "until": "2028-12-31T23:00:00Z", "mandate": "ff"}


def test_bug_the_last_day_of_a_mandate_was_another_than_at_the_desk(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a mandate that ends at midnight << its last day, as the contract and the desk say it."""
    play.on(f"GET {PLACE}", {"mandates": [GIVEN]})
    assert hanse("mandate list --as a") == 0
    assert "bis einschließlich 31.12.2028" in said(capsys)


@pytest.mark.parametrize("day", ["2029-01-01", "1.1.2029"])
def test_bug_a_mandate_ended_at_midnight_in_utc(play: Playback, capsys: pytest.CaptureFixture[str], day: str) -> None:
    """>> until a day that counts no more << until it begins here (decision 0044), and its last day is told."""
    play.on(f"POST {PLACE}", {"mandate": GIVEN, "code": "abcd"})
    assert hanse(f"mandate give did:web:b --name IT --until {day} --contract AVV --as a") == 0
    assert json.loads(play.asked[-1][1])["until"] == "2029-01-01T00:00:00+01:00"
    assert "bis einschließlich 31.12.2028" in said(capsys)


def test_a_moment_is_sent_as_it_is(play: Playback) -> None:
    play.on(f"POST {PLACE}", {"mandate": GIVEN, "code": "abcd"})
    assert hanse("mandate give did:web:b --name IT --until 2028-12-31T12:00:00Z --contract AVV --as a") == 0
    assert json.loads(play.asked[-1][1])["until"] == "2028-12-31T12:00:00Z"

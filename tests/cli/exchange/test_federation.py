"""`hanse federation`: how each copy stands in words, a line for each member that is read, and the exit codes."""

import json
from typing import Any

import pytest

from connector.cli.frame.call import OK, PEER_UNAVAILABLE
from tests.cli.playback import Playback, hanse, said

PLACE = "/participants/nachbardorf/federation"
WHY = {"de": "Nicht erreichbar.", "en": "Cannot be reached."}


def copy(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "member": f"did:web:{name}",
        "name": name,
        "state": state,
        "form": "inventory",
        "datasets": 3,
        "complete": "2026-11-20T00:00:00Z",
        "age_s": 7200,
        "silent_since": None,
        "reason": None,
        "due": "2026-11-28T00:00:00Z",
        "set_aside_count": 0,
        "set_aside": [],
        **more,
    }


def read(name: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "member": f"did:web:{name}",
        "name": name,
        "outcome": outcome,
        "listed": 3,
        "fetched": 2,
        "gone": 1,
        "set_aside": 0,
        "reason": None,
        **more,
    }


def test_status_says_how_each_copy_stands(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> one good, one silent for days with one set aside of two, one in part, one never read << a line of each."""
    aside = {"set_aside_count": 2, "set_aside": [{"dataset": "urn:x", "reason": WHY}]}
    silent = copy("B", "silent", silent_since="2026-11-21T00:00:00Z", age_s=8 * 86_400, reason=WHY, **aside)
    members = [copy("A", "good"), silent, copy("C", "part", age_s=120), copy("D", "never", complete=None, age_s=None)]
    play.on(f"GET {PLACE}", {"members": members})
    assert hanse("federation status --as nachbardorf --lang en") == OK
    assert said(capsys).splitlines() == [
        "A: read 2 h ago, datasets: 3",
        "B: NO ANSWER since 21 Nov 2026, 01:00:00 (CET); last read 8 days ago, datasets: 3",
        "  Cannot be reached.",
        "  not usable: urn:x: Cannot be reached.",
        "  more that are not usable: 1",
        "C: not all of it taken over the last time, before that 2 min ago, datasets: 3",
        "D: not read yet",
    ]
    assert hanse("federation status --as nachbardorf --json") == OK
    assert json.loads(said(capsys))["members"] == members


@pytest.mark.parametrize("lang", ["de", "en"])
def test_status_of_all_silent_and_of_nobody(lang: str, play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> everybody silent << exit 4, for something is wrong here; nobody there << said, 0."""
    play.on(f"GET {PLACE}", {"members": [copy("A", "silent", silent_since="2026-11-21T00:00:00Z", age_s=5)]})
    assert hanse(f"federation status --as nachbardorf --lang {lang}") == PEER_UNAVAILABLE
    play.answers[f"GET {PLACE}"] = [(200, json.dumps({"members": []}).encode())]
    assert hanse(f"federation status --as nachbardorf --lang {lang}") == OK
    assert len(said(capsys).splitlines()) == 2


def test_refresh_tells_of_each_member_as_it_is_read(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> four members, one of them being read already << a line each, the others are read all the same."""
    play.on(f"GET {PLACE}", {"members": [copy(name, "never") for name in "ABCD"]})
    busy = {"code": "federation.running", "reason": {"de": "Läuft.", "en": "Running."}}
    for outcome in ("read", "unchanged", "doubted"):
        play.on(f"POST {PLACE}/refresh", read("X", outcome))
    play.on(f"POST {PLACE}/refresh", busy, 503)
    assert hanse("federation refresh --as nachbardorf --lang en") == OK
    assert said(capsys).splitlines() == [
        "1/4 X: read. Datasets: 3; new or changed: 2, not shown any more: 1, not usable: 0",
        "2/4 X: unchanged",
        "3/4 X: read. Datasets: 3; new or changed: 2. So much is missing that we look again"
        " in 10 minutes; until then all of it stays.",
        "4/4 D: NOT READ TO ITS END, new or changed: 0",
        "  Running.",
    ]
    asked = [json.loads(body)["member"] for place, body in play.asked if place.startswith("POST")]
    assert asked == ["did:web:A", "did:web:B", "did:web:C", "did:web:D"]


def test_refresh_of_one_member(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> by its name; it cannot be read << 4 with the reason; nobody called so << the server's word."""
    play.on(f"POST {PLACE}/refresh", read("Seestadt", "failed", reason=WHY))
    assert hanse("federation refresh --as nachbardorf --from Seestadt --lang de") == PEER_UNAVAILABLE
    assert "Nicht erreichbar." in said(capsys)
    play.answers[f"POST {PLACE}/refresh"] = [(400, json.dumps({"code": "api.nobody-called", "reason": WHY}).encode())]
    assert hanse("federation refresh --as nachbardorf --from Seestatt --lang de") == 1
    assert "Nicht erreichbar." in capsys.readouterr().err


def test_refresh_of_nobody_and_as_json(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on(f"GET {PLACE}", {"members": []})
    assert hanse("federation refresh --as nachbardorf --json") == OK
    assert json.loads(said(capsys)) == {"members": []}

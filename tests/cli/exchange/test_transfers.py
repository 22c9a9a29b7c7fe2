"""`hanse transfers|suspend|resume|stop` against a management surface that plays back canned answers."""

import json

import pytest

from connector.surfaces.views import status
from tests.cli.playback import WHY, Playback, hanse, said, standing

RUNNING = {
    "id": "t1",
    "state": "SUSPENDED",
    "format": "HttpData-PUSH",
    "bytes": 1234,
    "reason": WHY,
    "title": "Bäume",
    "partner": "Bdorf",
    "role": "provider",
    "agreement": "urn:uuid:9",
    "created": "2026-11-18T11:06:40Z",
    **standing(status.transfer("SUSPENDED", None)),
}


LINES = ["Bäume – Bdorf", "    angehalten, wir senden, 1.234 Bytes, begonnen 18.11.2026, 12:06:40 Uhr (MEZ)", "    t1"]


def test_transfers_are_listed_with_the_reason(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/transfers", {"transfers": [RUNNING]})
    assert hanse("transfers --as a") == 0
    assert said(capsys).splitlines() == [*LINES, f"    {WHY['de']}"]
    play.on("GET /participants/a/transfers?agreement=urn%3Auuid%3A9", {"transfers": []})
    assert hanse("transfers --as a --agreement urn:uuid:9") == 0
    assert said(capsys).splitlines() == ["Noch keine Übertragung."]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        ("suspend t1 --as a --reason Wartung", "suspend", {"reason": "Wartung"}),
        ("suspend t1 --as a", "suspend", {}),
        ("resume t1 --as a", "resume", {}),
        ("stop t1 --as a --reason Schluss", "terminate", {"reason": "Schluss"}),
    ],
)
def test_a_transfer_is_steered(
    words: str, path: str, body: dict[str, object], play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    play.on(f"POST /participants/a/transfers/t1/{path}", {**RUNNING, "reason": None})
    assert hanse(words) == 0
    assert json.loads(play.asked[-1][1]) == body
    assert said(capsys).splitlines() == LINES

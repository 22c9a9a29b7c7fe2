"""`hanse participant receive` to `give-up`: what is written where, and what the server is asked."""

import json
import stat
from argparse import Namespace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from connector.cli.frame.call import Call
from connector.cli.operate.moving import tell_progress
from tests.cli.playback import Playback, hanse, said

MOVE: dict[str, Any] = {
    "slug": "a",
    "did": "did:web:a",
    "participant": "active",
    "state": None,
    "to": "did:web:b:a",
    "fingerprint": None,
    "digest": None,
    "statement": None,
    "since": None,
    "rows": 9,
    "agreements": 2,
    "records": 30,
    "files": 1,
    "bytes": 2_000,
}
ARRIVAL: dict[str, Any] = {
    "slug": "a",
    "state": "waiting",
    "did": "did:web:b:a",
    "root": "https://b/a",
    "address": "hanse-move-1.AAAA",
    "fingerprint": "0123 4567",
    "origin": "did:web:a",
    "name": "Amt A",
    "digest": None,
    "receipt": "r.r.r",
    "since": None,
    "rows": 9,
    "agreements": 2,
    "records": 30,
}


def test_the_address_lands_in_a_file_and_its_digits_on_the_screen(
    play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play.on("POST /arrivals", ARRIVAL)
    assert hanse(f"participant receive a -o {tmp_path}/address") == 0
    assert "0123 4567" in said(capsys)
    assert (tmp_path / "address").read_text() == "hanse-move-1.AAAA\n"
    assert hanse("participant receive a") == 0
    assert "hanse-move-1.AAAA" in said(capsys)


def test_an_archive_is_written_whole_for_its_owner_alone(
    play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a dry run << the numbers, nothing begun; >> export << laid to rest, then the file, mode 0600."""
    play.on("GET /participants/a/move", MOVE)
    assert hanse("participant export a --dry-run") == 0
    assert "Verträge: 2, Einträge im Protokoll: 30" in said(capsys)
    assert all(not request.startswith("POST") for request, _ in play.asked)
    assert hanse("participant export a") == 1
    (tmp_path / "address").write_text("hanse-move-1.AAAA\n")
    play.on("POST /participants/a/move", MOVE)
    play.on("GET /participants/a/move/archive", b"secret bytes")
    assert hanse(f"participant export a --to {tmp_path}/address --fingerprint 01234567 -o {tmp_path}/a.move") == 0
    wished = next(body for request, body in play.asked if request.startswith("POST"))
    assert json.loads(wished) == {"to": "hanse-move-1.AAAA", "fingerprint": "01234567"}
    place = tmp_path / "a.move"
    assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (b"secret bytes", 0o600)


def test_what_the_other_operator_is_given_lands_in_files(
    play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> import, hand-over, begin, stay, give-up << receipt and statement as they were signed."""
    for name in ("archive", "receipt", "word"):
        (tmp_path / name).write_text(f"{name}.b.c\n")
    play.on("POST /arrivals/a/archive", ARRIVAL)
    assert hanse(f"participant import a {tmp_path}/archive -o {tmp_path}/given") == 0
    assert (tmp_path / "given").read_text() == "r.r.r\n"
    play.on("POST /participants/a/move/hand-over", {"statement": "s.s.s"})
    assert hanse(f"participant hand-over a {tmp_path}/receipt -o {tmp_path}/given") == 0
    assert json.loads(play.asked[-1][1]) == {"receipt": "receipt.b.c"}
    assert (tmp_path / "given").read_text() == "s.s.s\n"
    play.on("POST /arrivals/a/begin", {**ARRIVAL, "state": "arrived"})
    assert hanse(f"participant begin a {tmp_path}/word") == 0
    assert json.loads(play.asked[-1][1]) == {"statement": "word.b.c"}
    assert "did:web:b:a" in said(capsys)
    play.on("POST /participants/a/move/stay", {"statement": "t.t.t"})
    assert hanse("participant stay a") == 0
    assert "t.t.t" in said(capsys)
    play.on("POST /arrivals/a/give-up", {"arrivals": []})
    assert hanse(f"participant give-up a --statement {tmp_path}/word") == 0
    assert json.loads(play.asked[-1][1]) == {"statement": "word.b.c"}


class Pauses(Event):
    """So many pauses, and then it is over."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self._left = left

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        return self._left < 0


def test_whoever_waits_for_an_import_hears_how_far_it_is(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> no rows yet, then a problem, then nine rows, twice << a line for each news, and no word of the rest."""
    call = Call(Namespace(json=False, data=None), "de", {})
    play.on("GET /arrivals/a", {**ARRIVAL, "rows": 0})
    play.on("GET /arrivals/a", {"code": "moving.not-expected"}, 400)
    for _ in range(2):
        play.on("GET /arrivals/a", ARRIVAL)
    tell_progress(call, "a", Pauses(4))
    assert capsys.readouterr().err.splitlines() == ["Das Archiv wird geprüft …", "9 Einträge übernommen …"]


@pytest.mark.threat("T148")
def test_bug_who_moved_here_under_the_name_of_another_one_was_not_remarked(
    play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> an archive of a town whose name looks like that of one here << told when it is taken in and when it begins."""
    (tmp_path / "archive").write_text("a.b.c\n")
    play.on("POST /arrivals/a/archive", {**ARRIVAL, "alike": [{"slug": "amt", "name": "AMT A"}]})
    play.on("POST /arrivals/a/begin", {**ARRIVAL, "state": "arrived", "alike": [{"slug": "amt", "name": "AMT A"}]})
    for command in ("import", "begin"):
        assert hanse(f"participant {command} a {tmp_path}/archive") == 0
        assert "AMT A (amt)" in said(capsys)

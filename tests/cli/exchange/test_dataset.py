"""`hanse dataset` against a management surface that plays back canned answers."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from connector.surfaces.views import status
from tests.cli.playback import Playback, Terminal, hanse, said, standing

UUID = "3d7f443a-6bb7-48a4-bf75-2b957ff7e45e"
PATH = f"/participants/a/datasets/{UUID}"
RUNNING = {"agreement": "urn:uuid:1", "counterparty": "did:web:b.example", "partner": "Nachbardorf"}
SHOWN: dict[str, Any] = {
    "dataset": f"https://a.example/datasets/{UUID}",
    "title": "Bäume",
    "version": "0" * 64,
    "revision": 3,
    "state": "published",
    "access": "open",
    "created": "2026-11-28T00:00:00Z",
    "changed": "2026-11-28T00:00:00Z",
    "record": {
        "title": {"de": "Bäume", "en": "Trees"},
        "licence": "http://dcat-ap.de/def/licenses/cc-zero",
        "themes": ["http://publications.europa.eu/resource/authority/data-theme/ENVI"],
        "periods": [{"start": "2026"}],
        "access": "open",
    },
    "file": {"name": "a.csv", "media_type": "text/csv", "bytes": 1234, "sha256": "0" * 64},
    "page": "https://a.example/x.html",
    "download": "https://a.example/x/a.csv",
    "terms": [],
    "running": [],
    **standing(status.dataset("published")),
}


def test_show_says_codes_by_their_names(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on(f"GET {PATH}", {**SHOWN, "running": [RUNNING]})
    assert hanse(f"dataset show https://a.example/datasets/{UUID} --as a") == 0
    out = said(capsys)
    for part in (
        "Bäume",
        "offen für alle",
        "Creative Commons CC0",
        "Umwelt",
        "1.234",
        "https://a.example/x/a.csv",
        "Nachbardorf",
    ):
        assert part in out


def test_change_names_the_revision_that_was_seen(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> change, change that changes nothing, change of an older revision << the number goes along each time."""
    play.on(f"GET {PATH}", SHOWN)
    play.on(f"POST {PATH}/change", {**SHOWN, "revision": 4, "title": "Neu"})
    play.on(f"POST {PATH}/change", SHOWN)
    assert hanse(f"dataset change {UUID} --as a --title Neu --visibility eligible") == 0
    assert json.loads(play.asked[-1][1]) == {"title": "Neu", "visibility": "eligible", "revision": 3}
    assert hanse(f"dataset change {UUID} --as a --licence  --revision 2".replace("--licence ", "--licence=")) == 0
    assert json.loads(play.asked[-1][1]) == {"licence": "", "revision": 2}
    out = said(capsys)
    assert "Stand 4" in out
    assert "Nichts war zu ändern" in out
    assert hanse(f"dataset change {UUID} --as a") == 2


def test_replace_names_the_contracts_that_keep_their_version(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("neu.csv").write_bytes(b"x")
    play.on(f"GET {PATH}", SHOWN)
    play.on("POST /participants/a/files?name=neu.csv", {"source": "s9", "sha256": "ff", "bytes": 1})
    play.on(f"POST {PATH}/replace", {**SHOWN, "revision": 4, "version": "1" * 64, "running": [RUNNING]})
    assert hanse(f"dataset replace {UUID} neu.csv --as a --notes nachgemessen") == 0
    assert json.loads(play.asked[-1][1]) == {"notes": "nachgemessen", "revision": 3, "source": "s9"}
    assert "Nachbardorf" in said(capsys)


def test_withdraw_names_the_contracts_and_asks(
    play: Playback, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> contracts run: no terminal, no, yes, --yes << refused, nothing sent, withdrawn, withdrawn."""
    play.on(f"GET {PATH}", {**SHOWN, "running": [RUNNING]})
    play.on(f"POST {PATH}/withdraw", {**SHOWN, "state": "withdrawn"})
    monkeypatch.setattr(sys, "stdin", io.StringIO("j\n"))
    assert hanse(f"dataset withdraw {UUID} --as a") == 2
    assert "Nachbardorf" in said(capsys)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert hanse(f"dataset withdraw {UUID} --as a") == 1
    assert not [one for one, _ in play.asked if one.startswith("POST")]
    for words, answer in (("", "j\n"), (" --yes", "")):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert hanse(f"dataset withdraw {UUID} --as a{words}") == 0
        assert json.loads(play.asked[-1][1]) == {"confirmed": True}


def test_withdraw_without_contracts_asks_nobody(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on(f"GET {PATH}", SHOWN)
    play.on(f"POST {PATH}/withdraw", {**SHOWN, "state": "withdrawn"})
    assert hanse(f"dataset withdraw {UUID} --as a") == 0
    assert json.loads(play.asked[-1][1]) == {"confirmed": False}
    assert "in keinem Katalog" in said(capsys)


def test_history_says_what_was_different(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    at = "2026-11-28T00:00:00Z"
    differences = [
        {"field": "title", "before": {"de": "A", "en": "T"}, "after": {"de": "B", "en": "T"}},
        {"field": "description", "before": None, "after": {"de": "Alle", "fr": "Tous"}},
        {"field": "access", "before": "contract", "after": "open"},
        {"field": "periods", "before": None, "after": [{"start": "2026", "end": "2027"}]},
    ]
    usual = {"at": at, "version": "0" * 64}
    revisions = [
        {**usual, "number": 1, "action": "published", "differences": []},
        {**usual, "number": 2, "action": "changed", "differences": differences},
    ]
    play.on(f"GET {PATH}/history", {"title": "B", "revisions": revisions})
    assert hanse(f"dataset history {UUID} --as a --lang en") == 0
    out = said(capsys)
    assert "Title: A → B" in out
    assert "Description: (empty) → Alle" in out
    assert "Description (fr): (empty) → Tous" in out
    assert "Access: members only, on contract → open to everybody" in out
    assert "Period: (empty) → 2026 – 2027" in out
    assert "2. " in out


def test_whose_dataset_it_is(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> no --as: a whole address of one hosted here, a bare UUID among two, among one << found, asked for, found."""
    hosted = [{"slug": "b", "root": "https://x.example/b"}, {"slug": "a", "root": "https://x.example/a"}]
    play.on("GET /participants", {"participants": hosted})
    play.on(f"GET {PATH}", SHOWN)
    assert hanse(f"dataset show https://x.example/a/datasets/{UUID}") == 0
    assert hanse(f"dataset show {UUID}") == 2
    assert "--as" in capsys.readouterr().err
    play.answers["GET /participants"] = []
    play.on("GET /participants", {"participants": hosted[1:]})
    assert hanse(f"dataset show {UUID}") == 0

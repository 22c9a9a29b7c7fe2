"""`hanse participant close` and `delete`: what is asked, what lands on the disk, what is not done twice."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_client import Playback, hanse, play, said

__all__ = ["play"]
UUID = "0d5f5f3e-7f0e-4f5c-9f57-0a4b8a6f0c11"
STANDING: dict[str, Any] = {
    "slug": "a", "did": "did:web:a", "name": "Amt A", "state": "active", "reason": None, "closed_at": None,
    "deleted_at": None, "contracts": 2, "partners": 1, "negotiations": 3, "transfers": 4, "offers": 5, "waiting": {},
    "refused": [], "holds": 0, "unhanded": 0, "elsewhere": None, "problem": None,
}  # fmt: skip


def test_closing_says_what_ends_and_asks_first(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> without --yes, not on a terminal << the counts, nothing posted; >> with it << closed, and who waits."""
    play.on("GET /participants/a/leaving", STANDING)
    play.on("POST /participants/a/close", {**STANDING, "state": "closed", "waiting": {"did:web:b": 2}})
    assert hanse("participant close a --reason Fusion") == 1
    told = said(capsys)
    assert "2 Verträge mit 1 Partnern, 3 Verhandlungen und 4 Übertragungen" in told
    assert all(not request.startswith("POST") for request, _ in play.asked)
    assert hanse("participant close a --reason Fusion --yes") == 0
    told = said(capsys)
    assert "did:web:b: 2" in told
    assert "hanse participant delete a --evidence" in told
    assert json.loads(play.asked[-1][1]) == {"reason": "Fusion"}


def test_what_stands_in_the_way_is_told(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closing"})
    problem = {"de": "Der Schlüssel ist weg.", "en": "The key is away."}
    play.on("POST /participants/a/close", {**STANDING, "state": "closing", "problem": problem, "elsewhere": "vault"})
    assert hanse("participant close a --reason Fusion") == 2  # begun before: nothing to ask any more
    told = said(capsys)
    assert "Der Schlüssel ist weg." in told
    assert "Offen sind 2 Verträge" in told


def test_evidence_first_then_deletion(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> delete << a bundle is on the disk before the server hears of it; >> again << not fetched anew."""
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closed"})
    bare = "x" * 40 + "/../../etc"
    data = b"PK-bundle"
    digest = hashlib.sha256(data).hexdigest()
    first = [
        {"agreement": f"urn:uuid:{UUID}", "bundle": True, "sha256": None},
        {"agreement": bare, "bundle": False, "sha256": None},
    ]
    place = "GET /participants/a/leaving/evidence?after="
    play.on(place, {"agreements": first})
    play.on(place, {"agreements": [{**first[0], "sha256": digest}]})
    last = bare.replace("/", "%2F")
    play.on(f"{place}{last}", {"agreements": []})
    play.on(f"{place}urn%3Auuid%3A{UUID}", {"agreements": []})
    play.on(f"GET /participants/a/agreements/{UUID}/evidence", data)
    play.on(f"GET /participants/a/leaving/agreements/{last}", {"agreement": "{}"})
    play.on("POST /participants/a/leaving/evidence", {"agreement": "x"})
    play.on("POST /participants/a/delete", {**STANDING, "state": "deleted"})
    assert hanse("participant delete a --evidence out --yes") == 0
    told = said(capsys)
    assert "2 Nachweise" in told
    assert "did:web:a" in told
    assert Path(f"out/{UUID}.zip").read_bytes() == data
    names = sorted(one.name for one in Path("out").iterdir())
    assert names == sorted([f"{UUID}.zip", hashlib.sha256(bare.encode()).hexdigest() + ".json"])
    handed = [
        json.loads(body) for request, body in play.asked if request.endswith("POST /participants/a/leaving/evidence")
    ]
    assert handed[0] == {"agreement": f"urn:uuid:{UUID}", "sha256": digest}
    before = len(play.asked)
    assert hanse("participant delete a --evidence out --yes") == 0
    again = [request for request, _ in play.asked[before:]]
    assert all("agreements/" not in request for request in again)
    assert "POST /participants/a/leaving/evidence" not in again
    Path(f"out/{UUID}.zip").write_bytes(b"bent")
    assert hanse("participant delete a --evidence out --yes") == 0
    assert Path(f"out/{UUID}.zip").read_bytes() == data


def test_what_cannot_be_written_deletes_nothing(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closed", "elsewhere": "pkcs11"})
    Path("file").write_text("")
    assert hanse("participant delete a --evidence file --yes") != 0
    assert hanse("participant delete a --evidence out") == 1
    assert "pkcs11" in said(capsys)
    assert all("delete" not in request for request, _ in play.asked)


def test_json_is_one_document(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closing"})
    play.on("POST /participants/a/close", {**STANDING, "state": "closed"})
    assert hanse("--json participant close a --reason Fusion") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "closed"

"""`hanse participant close` and `delete`: what is asked, what lands on the disk, what is not done twice."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.playback import Playback, hanse, said

UUID = "0d5f5f3e-7f0e-4f5c-9f57-0a4b8a6f0c11"
STANDING: dict[str, Any] = {
    "slug": "a",
    "did": "did:web:a",
    "name": "Amt A",
    "state": "active",
    "reason": None,
    "closed_at": None,
    "deleted_at": None,
    "contracts": 2,
    "partners": 1,
    "negotiations": 3,
    "transfers": 4,
    "offers": 5,
    "waiting": {},
    "refused": [],
    "holds": 0,
    "unhanded": 0,
    "elsewhere": None,
    "problem": None,
    "retained": [],
    "doubted": False,
}


def test_closing_says_what_ends_and_asks_first(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> without --yes, not on a terminal << the counts, nothing posted; >> with it << closed, and who waits."""
    play.on("GET /participants/a/leaving", STANDING)
    silent = {"waiting": {"did:web:b": 2}, "names": {"did:web:b": "Bdorf"}}
    play.on("POST /participants/a/close", {**STANDING, "state": "closed", **silent})
    assert hanse("participant close a --reason Fusion") == 1
    told = said(capsys)
    assert "Verträge: 2 (Partner: 1), Verhandlungen: 3, Übertragungen: 4; zurückgezogene Angebote: 5" in told
    assert all(not request.startswith("POST") for request, _ in play.asked)
    assert hanse("participant close a --reason Fusion --yes") == 0
    told = said(capsys)
    assert "Bdorf, Nachrichten: 2" in told
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


def test_bug_the_same_command_ended_with_an_error_once_it_was_over(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> delete, again << deleted, exit 0; nothing is asked for that is gone."""
    play.on("GET /participants/a/leaving", {**STANDING, "state": "deleted"})
    assert hanse("participant delete a --evidence x --yes") == 0
    assert "Amt A ist gelöscht" in said(capsys)
    assert len(play.asked) == 1


def test_evidence_first_then_deletion(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> delete << a bundle is on the disk before the server hears of it; >> again << not fetched anew."""
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closed"})
    bare = "x" * 40 + "/../../etc"
    data = b"PK-bundle"
    digest = hashlib.sha256(data).hexdigest()
    first: list[dict[str, Any]] = [
        {"agreement": f"urn:uuid:{UUID}", "bundle": True, "sha256": None, "records": 4},
        {"agreement": bare, "bundle": False, "sha256": None, "records": 0},
    ]
    written = hashlib.sha256(json.dumps({"agreement": "{}"}, indent=1).encode()).hexdigest()
    place = "GET /participants/a/leaving/evidence?after="
    play.on(place, {"agreements": first})
    play.on(place, {"agreements": [{**first[0], "sha256": digest}, {**first[1], "sha256": written}]})
    last = bare.replace("/", "%2F")
    play.on(f"{place}{last}", {"agreements": []})
    play.on(f"GET /participants/a/agreements/urn%3Auuid%3A{UUID}/evidence", data)
    play.on(f"GET /participants/a/leaving/agreements/{last}", {"agreement": "{}"})
    play.on("POST /participants/a/leaving/evidence", {"agreement": "x"})
    play.on("POST /participants/a/delete", {**STANDING, "state": "deleted"})
    assert hanse("participant delete a --evidence out --yes") == 0
    told = said(capsys)
    assert ": 2. Bitte verwahren Sie den Ordner" in told
    assert "did:web:a" in told
    assert Path(f"out/{UUID}.zip").read_bytes() == data
    names = sorted(one.name for one in Path("out").iterdir())
    assert names == sorted([f"{UUID}.zip", hashlib.sha256(bare.encode()).hexdigest() + ".json"])
    handed = [
        json.loads(body) for request, body in play.asked if request.endswith("POST /participants/a/leaving/evidence")
    ]
    assert handed[0] == {"agreement": f"urn:uuid:{UUID}", "sha256": digest, "records": 4}
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


def deleting(play: Playback, *looks: list[dict[str, Any]]) -> None:
    """The server of a closed participant, with what it says at each look."""
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closed"})
    for look in looks:
        play.on("GET /participants/a/leaving/evidence?after=", {"agreements": look})
        play.on(
            f"GET /participants/a/leaving/evidence?after={quote(look[-1]['agreement'], safe='')}", {"agreements": []}
        )
    play.on("POST /participants/a/leaving/evidence", {"agreement": "x"})
    play.on("POST /participants/a/delete", {**STANDING, "state": "deleted"})


def agreement(name: str, sha256: str | None = None, records: int = 1) -> dict[str, Any]:
    return {"agreement": name, "bundle": True, "sha256": sha256, "records": records}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_bug_two_agreements_never_share_a_file(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a partner called its agreement as the UUID of another one << both bundles are there, by their whole ids."""
    names = [f"urn:uuid:{UUID}", UUID, f"urn:uuid:{UUID.upper()}"]
    bodies = {name: name.encode() for name in names}
    deleting(play, [agreement(name) for name in names], [agreement(name, sha256(bodies[name])) for name in names])
    for name, data in bodies.items():
        play.on(f"GET /participants/a/agreements/{quote(name, safe='')}/evidence", data)
    assert hanse("participant delete a --evidence out --yes") == 0
    assert {one.read_bytes() for one in Path("out").iterdir()} == set(bodies.values())
    assert Path(f"out/{UUID}.zip").read_bytes() == bodies[names[0]]
    said(capsys)


def test_bug_what_is_not_there_at_the_end_is_not_deleted(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> another command hands over other bytes each time << after a few rounds said, nothing deleted."""
    name = f"urn:uuid:{UUID}"
    deleting(play, [agreement(name)], [agreement(name, "0" * 64)])
    play.on(f"GET /participants/a/agreements/{quote(name, safe='')}/evidence", b"ours")
    assert hanse("participant delete a --evidence out --yes") == 1
    assert "nur einen Befehl zugleich" in capsys.readouterr().err
    assert all("delete" not in request for request, _ in play.asked)
    assert [one.name for one in Path("out").iterdir()] == [f"{UUID}.zip"]  # no draft either


def test_bug_a_folder_that_goes_with_the_participant_is_refused(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> evidence into a folder of the participant itself, also by a link << refused before anything is asked for."""
    deleting(play, [agreement(f"urn:uuid:{UUID}")])
    data = Path("hanse-data").absolute()
    shown: list[str] = []
    for place in ("files/a", "files/a/deep", "received/a", "log/a"):
        assert hanse(f"participant delete a --evidence {data / place} --yes") == 1
        shown.append(capsys.readouterr().err)
    (data / "files" / "a").mkdir(parents=True)
    Path("link").symlink_to(data / "files" / "a")
    assert hanse("participant delete a --evidence link/deep --yes") == 1
    assert all("wird zusammen mit a gelöscht" in one for one in [*shown, capsys.readouterr().err])
    assert all("evidence" not in request and "delete" not in request for request, _ in play.asked)


def test_a_bundle_that_is_cut_is_not_handed_over(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"urn:uuid:{UUID}"
    deleting(play, [agreement(name)])
    play.on(f"GET /participants/a/agreements/{quote(name, safe='')}/evidence", b"half CUT")
    assert hanse("participant delete a --evidence out --yes") != 0
    assert list(Path("out").iterdir()) == []
    assert all(not request.startswith("POST") for request, _ in play.asked)
    said(capsys)


@pytest.mark.parametrize(("number", "goes_on"), [(errno.EINVAL, True), (errno.EIO, False), (errno.ENOSPC, False)])
def test_what_is_not_surely_on_the_disk_is_not_handed_over(
    play: Playback, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, goes_on: bool
) -> None:
    """>> the folder cannot be synced: no such thing on this file system << on; >> a broken or full disk << stop."""
    name = f"urn:uuid:{UUID}"
    deleting(play, [agreement(name)], [agreement(name, sha256(b"ours"))])
    play.on(f"GET /participants/a/agreements/{quote(name, safe='')}/evidence", b"ours")
    Path("out").mkdir()
    real = os.fsync

    def fsync(opened: int) -> None:
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            raise OSError(number, os.strerror(number))
        real(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    assert (hanse("participant delete a --evidence out --yes") == 0) is goes_on
    posted = [request for request, _ in play.asked if request.startswith("POST")]
    assert bool(posted) is goes_on
    said(capsys)


KEPT = [
    {"type": "agreement", "count": 3, "loose": 0, "until": "2036-11-26T00:00:00Z"},
    {"type": "log-origin", "count": 1, "loose": 1, "until": None},
]


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        (
            "de",
            [
                "Vereinbarung, Einträge: 3, bis 26.11.2036, 01:00:00 Uhr (MEZ).",
                "log-origin, Einträge: 1, ohne festes Ende; davon in keinem",
            ],
        ),
        (
            "en",
            [
                "agreement, records: 3, until 26 Nov 2036, 01:00:00 (CET).",
                "log-origin, records: 1, without a fixed end; of these in no",
            ],
        ),
    ],
)
def test_periods_that_run_are_told_by_type_and_need_a_word(
    play: Playback, capsys: pytest.CaptureFixture[str], lang: str, told: list[str]
) -> None:
    """>> delete, also with --yes << how many, until when, refused before anything is fetched; >> with it << sent on."""
    for _ in range(2):
        play.on("GET /participants/a/leaving", {**STANDING, "state": "closed", "retained": KEPT})
    deleting(play, [agreement(f"urn:uuid:{UUID}")], [agreement(f"urn:uuid:{UUID}", sha256(b"ours"))])
    play.on(f"GET /participants/a/agreements/urn%3Auuid%3A{UUID}/evidence", b"ours")
    assert hanse(f"--lang {lang} participant delete a --evidence out --yes") == 1
    shown = capsys.readouterr()
    assert all(one in shown.out for one in told), shown.out
    assert "--despite-retention" in shown.err
    assert [request for request, _ in play.asked] == ["GET /participants/a/leaving"]
    assert not Path("out").exists()
    assert hanse("participant delete a --evidence out --yes --despite-retention") == 0
    assert json.loads(play.asked[-1][1]) == {"abandon": False, "despite_retention": True}
    said(capsys)


def test_a_clock_in_doubt_is_said_by_its_name(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/leaving", {**STANDING, "state": "closed", "doubted": True})
    assert hanse("participant delete a --evidence out --yes") == 1
    assert "Uhr passt nicht zur Vertrauensliste" in capsys.readouterr().err
    assert len(play.asked) == 1

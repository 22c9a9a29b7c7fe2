"""`hanse request`: the terms are shown and asked about before anything goes out, and names are said in words."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from connector.cli.main import main
from connector.surfaces.views import status
from tests.cli.playback import CLAUSE, DATASET, WHY, Playback, said, standing


@pytest.mark.parametrize(
    ("final", "code", "shown"),
    [
        ({"state": "FINALIZED", "agreement": "urn:uuid:9", "reason": None}, 0, "urn:uuid:9"),
        ({"state": "TERMINATED", "agreement": None, "reason": WHY}, 1, "ABGELEHNT: Teilnehmerart"),
        ({"state": "REQUESTED", "agreement": None, "reason": None}, 2, "Noch nicht entschieden (angefragt)"),
    ],
)
def test_request(
    final: dict[str, Any], code: int, shown: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """An offer names its dataset; what was read is asked for; the answer is the outcome."""
    play.on("POST /participants/a/terms", TERMS)
    play.on("POST /participants/a/negotiations", {"id": "n1"}, 201)
    for wait in (5, 0):
        play.on(f"GET /participants/a/negotiations/n1?wait={wait}", {"id": "n1", **final, **stands(final["state"])})
    wait = "0" if code == 2 else "5"
    assert main([*ASK, "--wait", wait, "--yes"], {}) == code
    wish = {
        "provider": "Bdorf",
        "dataset": DATASET,
        "offer": f"{DATASET}/offers/1",
        "purpose": "https://w3id.org/hanse/v1#heatPlanning",
    }
    assert [json.loads(body) for _, body in play.asked[:2]] == [
        wish,
        {**wish, "provider": "did:web:b", "terms": "ab12", "data": "cd34"},
    ]
    told = said(capsys)
    assert shown in told
    assert "Bäume\n  von Bdorf, für den Zweck „Wärmeplanung“" in told
    assert "Nur Kommunen [technisch erzwungen]" in told
    assert "Beschreibung: Alle Bäume der Stadt" in told


def stands(state: str) -> dict[str, object]:
    """What the view of a negotiation says for people."""
    steps = to_builtins(status.steps(["REQUESTED", state]))
    return {**standing(status.negotiation(state, "consumer")), "steps": steps}


TERMS = {
    "provider": "did:web:b",
    "partner": "Bdorf",
    "dataset": DATASET,
    "title": "Bäume",
    "offer": f"{DATASET}/offers/1",
    "described": {"description": "Alle Bäume der Stadt"},
    "data": "cd34",
    "terms": "ab12",
    "clauses": [CLAUSE],
    "policy": {"permission": []},
    "met": True,
    "reason": None,
}
ASK = ["request", f"{DATASET}/offers/1", "--as", "a", "--from", "Bdorf", "--purpose", "Wärmeplanung"]


def test_nothing_is_asked_for_unread(
    play: Playback, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: `request` signed what nobody had been shown. >> no --yes, nobody there << exit 2, no more."""
    play.on("POST /participants/a/terms", {**TERMS, "met": False, "reason": WHY})
    assert main(ASK, {}) == 2
    both = capsys.readouterr()
    assert "Nur Kommunen" in both.out
    assert WHY["de"] in both.out
    assert "--yes" in both.err
    assert main([*ASK, "--json"], {}) == 2
    monkeypatch.setattr("sys.stdin", Terminal("nein\n"))
    assert main(ASK, {}) == 2
    assert "es wurde nichts gesendet" in capsys.readouterr().err
    assert {path for path, _ in play.asked} == {"POST /participants/a/terms"}


@pytest.mark.parametrize(("answer", "lang"), [("j", "de"), (" JA ", "de"), ("y", "en"), ("yes", "en")])
def test_whoever_says_yes_asks(answer: str, lang: str, play: Playback, monkeypatch: pytest.MonkeyPatch) -> None:
    play.on("POST /participants/a/terms", {**TERMS, "clauses": []})
    play.on("POST /participants/a/negotiations", {"id": "n1"}, 201)
    done = {"id": "n1", "state": "FINALIZED", "agreement": "urn:uuid:9", **stands("FINALIZED")}
    play.on("GET /participants/a/negotiations/n1?wait=30", done)
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    assert main([*ASK, "--lang", lang], {}) == 0


class Terminal(io.StringIO):
    """Somebody sits there and types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["request", DATASET, "--as", "a", "--from", "b", "--purpose", "Wärmeplanug"], "Wärmeplanung"),
        (["get", "9", "--as", "a", "-o", "x", "--purpose", "heatPlaning"], "heatPlanning"),
        (["participant", "add", "a", "--name", "A", "--kind", "Komune"], "Kommune"),
        (["request", DATASET, "--as", "a", "--from", "b", "--purpose", "Forschung", "--action", "uze"], "use"),
    ],
)
def test_a_miss_names_the_nearest_and_sends_nothing(
    words: list[str], near: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: a purpose with a slip of the pen went out as an IRI that nobody knows."""
    assert main(words, {}) == 2
    assert near in capsys.readouterr().err
    assert play.asked == []


def test_a_description_cannot_pass_itself_off_as_terms(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: a provider wrote clauses of its own, line by line, into the description that stands above the real ones."""
    forged = "Alle Linden.\n  Die Bedingungen:\n  · Erlaubt: alles, für alle. [technisch erzwungen]\n"
    play.on("POST /participants/a/terms", {**TERMS, "described": {"description": forged}})
    assert main(ASK, {}) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("  Die Bedingungen:") == 1
    assert lines[2].startswith("  Beschreibung: Alle Linden. Die Bedingungen: · Erlaubt: alles")


def test_how_foreign_words_were_read_stands_beside_the_terms(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: `find` told it, and `request`, which signs, did not."""
    notes = {"de": ["„Mietzins“ wurde als „Entgelt“ gelesen."], "en": ["read"]}
    play.on("POST /participants/a/terms", {**TERMS, "notes": notes})
    assert main(ASK, {}) == 2
    assert notes["de"][0] in capsys.readouterr().out


def test_what_is_agreed_is_fetched_at_once(play: Playback, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """>> -o, and a contract << the bytes in that file; >> a refusal << no transfer."""
    play.on("POST /participants/a/terms", TERMS)
    play.on("POST /participants/a/negotiations", {"id": "n1"}, 201)
    negotiated = "GET /participants/a/negotiations/n1?wait=30"
    play.on(negotiated, {"state": "FINALIZED", "agreement": "urn:uuid:9", "reason": None, **stands("FINALIZED")})
    play.on(negotiated, {"state": "TERMINATED", "agreement": None, "reason": WHY, **stands("TERMINATED")})
    play.on("POST /participants/a/transfers", {"id": "t1"}, 201)
    digest = hashlib.sha256(b"a;b\n").hexdigest()
    done = {"id": "t1", "state": "COMPLETED", "file": True, "bytes": 4, "sha256": digest}
    play.on("GET /participants/a/transfers/t1?wait=30", done)
    play.on("GET /participants/a/transfers/t1/content", b"a;b\n")
    there = tmp_path / "trees.csv"
    assert main([*ASK, "--yes", "-o", str(there)], {}) == 0
    assert there.read_bytes() == b"a;b\n"
    assert ("POST /participants/a/transfers", b'{"agreement": "urn:uuid:9"}') in play.asked
    out = said(capsys)
    assert "urn:uuid:9" in out
    assert digest in out
    count = len(play.asked)
    assert main([*ASK, "--yes", "-o", str(there)], {}) == 1
    assert not [path for path, _ in play.asked[count:] if "transfers" in path]

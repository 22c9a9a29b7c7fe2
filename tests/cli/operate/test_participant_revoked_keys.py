"""`hanse participant revoke-key` and `csr`: what is sent, and what the operator is told to do next."""

import json
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.foundation.language import local_text
from tests.cli.playback import Playback, hanse, said


def test_a_stolen_key_is_named_and_the_next_steps_are_told(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> no certificate yet << csr and seal are named; the request lands in the file, or where nobody can write."""
    seal = {"signer": "file", "alg": "ES256", "level": None, "until": None}
    play.on("POST /participants/a/keys/seal/revoke", {"seal": seal})
    play.on("POST /participants/a/seal/request", {"request": "-----BEGIN CERTIFICATE REQUEST-----\n"})
    when = "2026-11-20T10:00:00Z"
    assert hanse(f"participant revoke-key a --purpose seal --from {when} --reason weg") == 0
    told = said(capsys)
    assert local_text(when, "de") in told
    assert "hanse participant csr a" in told
    assert json.loads(play.asked[0][1]) == {"from": when, "reason": "weg"}
    assert hanse("participant csr a -o a.csr") == 0
    assert Path("a.csr").read_text().startswith("-----BEGIN")
    assert "hanse participant seal a" in said(capsys)
    assert hanse("participant csr a") == 0
    assert said(capsys).startswith("-----BEGIN")
    assert hanse("participant csr a -o nowhere/a.csr") != 0


@pytest.mark.parametrize("reason", ["", "no", "x" * 501])
def test_a_reason_that_is_too_short_is_said_in_words(
    play: Playback, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    """Bug: >> revoke-key --reason x << “Expected `str` of length >= 3 - at `$.reason`”, in German too."""
    words = ["participant", "revoke-key", "a", "--purpose", "seal", "--from", "2026-11-20T10:00:00Z", "--reason"]
    assert main([*words, reason], {}) == 1
    assert "3 bis 500 Zeichen. Es wurde nichts widerrufen." in capsys.readouterr().err
    assert play.asked == []


def test_a_participant_without_a_name_is_told_by_the_one_it_got(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: >> participant add a --name "" << “ ist angelegt”, while the server had called it by its short name."""
    play.on("POST /participants", {"slug": "a", "name": "a", "did": "did:web:a", "root": "https://a"})
    play.on("GET /participants", [])
    assert main(["participant", "add", "a", "--name", "", "--kind", "municipality"], {}) == 0
    assert said(capsys).startswith("a ist angelegt: did:web:a")


@pytest.mark.parametrize(("until", "stands"), [(None, True), ("2028-01-01T00:00:00+00:00", False)])
def test_a_rotated_seal_key_without_a_certificate_says_so(
    play: Playback, capsys: pytest.CaptureFixture[str], until: str | None, stands: bool
) -> None:
    """Bug: >> rotate-key a seal, nobody here certifies << “new key”, and no word of csr and seal."""
    play.on("POST /participants/a/keys/seal/rotate", {"seal": {"signer": "file", "until": until}})
    assert hanse("participant rotate-key a seal") == 0
    told = said(capsys)
    assert "Stelle, die den Datenraum führt" in told
    assert ("hanse participant csr a" in told) is stands

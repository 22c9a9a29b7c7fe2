"""`hanse participant revoke-key` and `csr`: what is sent, and what the operator is told to do next."""

import json
from pathlib import Path

import pytest

from tests.cli.test_client import Playback, hanse, play, said

__all__ = ["play"]


def test_a_stolen_key_is_named_and_the_next_steps_are_told(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> no certificate yet << csr and seal are named; the request lands in the file, or where nobody can write."""
    seal = {"signer": "file", "alg": "ES256", "level": None, "until": None}
    play.on("POST /participants/a/keys/seal/revoke", {"seal": seal})
    play.on("POST /participants/a/seal/request", {"request": "-----BEGIN CERTIFICATE REQUEST-----\n"})
    when = "2026-11-20T10:00:00Z"
    assert hanse(f"participant revoke-key a --purpose seal --from {when} --reason weg") == 0
    told = said(capsys)
    assert when in told
    assert "hanse participant csr a" in told
    assert json.loads(play.asked[0][1]) == {"from": when, "reason": "weg"}
    assert hanse("participant csr a -o a.csr") == 0
    assert Path("a.csr").read_text().startswith("-----BEGIN")
    assert "hanse participant seal a" in said(capsys)
    assert hanse("participant csr a") == 0
    assert said(capsys).startswith("-----BEGIN")
    assert hanse("participant csr a -o nowhere/a.csr") != 0

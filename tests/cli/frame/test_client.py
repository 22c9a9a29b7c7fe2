"""What every command makes of an answer: problems as sentences, names that stay in their segment, whole bodies."""

import json
from pathlib import Path

import pytest

from connector.cli.frame.client import _Whole
from connector.cli.main import main
from connector.foundation.errors import Mistake
from tests.cli.playback import WHY, Playback, hanse


@pytest.mark.parametrize("change", ["shorter", "longer"])
def test_publish_neither_waits_for_what_is_gone_nor_sends_half_of_what_grows(change: str, tmp_path: Path) -> None:
    """>> a file that is cut, or written on, between its first byte and its last << said at once, not sent whole."""
    path = tmp_path / "trees.csv"
    path.write_bytes(b"x" * 1_000_000)  # more than Python reads ahead: 128 KiB from 3.14 on
    with path.open("rb") as file:
        whole = _Whole(file, 1_000_000, path)
        assert whole.read(16_384) == b"x" * 16_384
        with path.open("r+b") as other:
            other.truncate(500_000 if change == "shorter" else 1_000_001)
        with pytest.raises(Mistake, match="file-changed"):
            list(iter(lambda: whole.read(16_384), b""))
    with path.open("rb") as file:
        whole = _Whole(file, size := path.stat().st_size, path)
        assert sum(map(len, iter(lambda: whole.read(16_384), b""))) == size


@pytest.mark.parametrize(("status", "code"), [(400, 1), (403, 1), (404, 1), (500, 1), (502, 4), (503, 4), (504, 4)])
@pytest.mark.parametrize("lang", ["de", "en"])
def test_a_problem_is_its_sentence(
    status: int, code: int, lang: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    play.on("GET /participants/a/agreements", {"title": "x", "reason": WHY, "code": "c"}, status)
    assert main(["agreements", "--as", "a", "--lang", lang], {}) == code
    assert capsys.readouterr().err == f"hanse: {WHY[lang]}\n"


def test_a_problem_without_form_is_shown_as_its_number(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/agreements", b"<html>", 500)
    assert hanse("agreements --as a") == 1
    assert "HTTP 500" in capsys.readouterr().err


def test_a_name_cannot_leave_its_segment(play: Playback) -> None:
    play.on("GET /participants/..%2F..%2Fx/agreements", [])
    assert main(["agreements", "--as", "../../x"], {}) == 0


def test_an_empty_word_is_said_before_anything_is_asked(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> records lift "" << what to give; it was “There is nothing at this address.”"""
    words = ["records", "lift", "", "--as", "a", "--role", "r", "--ground", "g", "--lang", "en"]
    assert main(words, {}) == 2
    assert "is empty" in capsys.readouterr().err
    assert play.asked == []


def test_a_contract_is_asked_for_by_its_number_alone(play: Playback) -> None:
    """>> records hold --agreement nope << nope, whose error named urn:uuid:urn:uuid:nope"""
    play.on("POST /participants/a/holds", {"reason": WHY, "code": "c"}, 404)
    for name in ("nope", "urn:uuid:nope"):
        assert hanse(f"records hold --as a --role r --ground g --agreement {name}") == 1
    assert [json.loads(body)["agreement"] for _, body in play.asked] == ["nope", "nope"]

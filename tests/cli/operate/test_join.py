"""How `hanse join` comes by the link, which is a secret: it is asked for, or read from standard input."""

import io
import json
import sys
from typing import Any

import pytest

from tests.cli.playback import Playback, Terminal, hanse

LINK = f"https://kreis.example/space#{'x' * 43}"
SAID = {"name": "Musterkreis", "space": "https://kreis.example/space", "fingerprint": "ab cd", "rules": {}}
MEMBER = {**SAID, "state": "member", "reason": ""}


@pytest.fixture
def authority(play: Playback) -> Playback:
    play.on("POST /participants/a/spaces/look", SAID)
    play.on("POST /participants/a/spaces", MEMBER)
    return play


def sent(play: Playback) -> list[Any]:
    return [json.loads(body) for _, body in play.asked]


@pytest.mark.threat("T119")
def test_a_person_is_asked_for_it_and_then_to_compare(
    authority: Playback, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"  {LINK} \nja\n"))
    assert hanse("join --as a") == 0
    assert [body["link"] for body in sent(authority)] == [LINK, LINK]
    assert sent(authority)[1]["fingerprint"] == SAID["fingerprint"]
    assert "Link der Einladung: " in capsys.readouterr().err


@pytest.mark.threat("T119")
@pytest.mark.parametrize("words", ["join --as a --fingerprint abcd", "join - --as a --fingerprint abcd"])
def test_a_script_pipes_it_in(
    authority: Playback, monkeypatch: pytest.MonkeyPatch, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> one line, and more behind it << the first line alone, and nothing asked."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LINK}\nsomething else\n"))
    assert hanse(words) == 0
    assert [body["link"] for body in sent(authority)] == [LINK, LINK]
    assert LINK not in str(capsys.readouterr())


@pytest.mark.threat("T119")
def test_a_program_does_not_compare_a_fingerprint(
    authority: Playback, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a link and a yes through a pipe, or at a terminal with an answer for programs << refused, nothing applied."""
    for stdin, words in (
        (io.StringIO(f"{LINK}\nja\n"), "join --as a"),
        (Terminal(f"{LINK}\nja\n"), "join --as a --json"),
    ):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert hanse(words) == 2
        assert "--fingerprint" in str(capsys.readouterr())
    assert [sorted(body) for body in sent(authority)] == [["link"], ["link"]]


@pytest.mark.parametrize("stdin", [None, io.StringIO(""), Terminal("\n")])
def test_without_one_nothing_is_sent(
    authority: Playback, monkeypatch: pytest.MonkeyPatch, stdin: object, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert hanse("join --as a --fingerprint abcd") == 1
    assert authority.asked == []
    assert "hanse join --as" in capsys.readouterr().err


def test_what_is_no_text_or_endless_is_no_link(authority: Playback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8"))
    assert hanse("join --as a --fingerprint abcd") == 1
    assert authority.asked == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("x" * 1_000_000))
    hanse("join --as a --fingerprint abcd")
    assert len(sent(authority)[0]["link"]) == 1_023

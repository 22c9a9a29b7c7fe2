"""What commands print: whatever strangers wrote is text, on the terminal as elsewhere (threat T133)."""

import argparse

import pytest

from connector.cli.frame.call import Call, visible
from connector.cli.main import main
from tests.cli.playback import Playback

pytestmark = pytest.mark.threat("T133")
LOUD = "\x1b[2J\x1b]0;x\x07 \x9b31m \u202eemuäB \u2066\ufeff\u200b\x08\x7f\r"


def plain(text: str) -> bool:
    return text.replace("\n", "").isprintable()


def test_no_fact_of_a_sentence_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """>> the text of a partner in a sentence, on either stream << each sign that steers is spelled out, the rest is
    there."""
    call = Call(argparse.Namespace(json=False), "en", {})
    call.tell("countersign.clause", text=LOUD)
    call.note("countersign.clause", text=LOUD)
    for said in capsys.readouterr():
        assert plain(said)
        assert "emuäB" in said
        assert "\\u001b[2J" in said
    assert plain(visible(LOUD))


def test_bug_a_refusal_was_printed_as_a_stranger_wrote_it(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> the reason of an answer, which may repeat a partner's words, and the name of a file << spelled out too."""
    play.on("GET /participants/a/agreements", {"reason": {"de": LOUD, "en": LOUD}, "code": "c"}, 403)
    assert main(["agreements", "--as", "a"], {}) == 1
    assert main(["policy", "show", f"{LOUD}.json"], {}) == 2
    error = capsys.readouterr().err
    assert plain(error)
    assert error.count("\\u001b[2J") == 2

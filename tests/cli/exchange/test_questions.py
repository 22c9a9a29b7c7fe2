"""The nine questions at a terminal: proposals, wrong answers, and what is not asked."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connector.cli.exchange.questions import HVD_CATEGORIES, Proposal
from connector.cli.main import main
from tests.cli.playback import PUBLISHED, UPLOADED, Playback, Terminal


def asked(
    monkeypatch: pytest.MonkeyPatch, play: Playback, lines: Sequence[str], *words: str, name: str = "a.csv"
) -> dict[str, Any]:
    """What is sent after these answers."""
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))
    Path(name).write_bytes(b"a;b\n1;2\n")
    play.on(f"POST /participants/a/files?name={name}", UPLOADED)
    play.on("POST /participants/a/datasets", PUBLISHED, 201)
    play.on("GET /participants/a", {"name": "Musterstadt"})
    assert main(["publish", name, "--as", "a", *words], {}) == 0
    sent: dict[str, Any] = json.loads(play.asked[-1][1])
    return sent


def test_enter_takes_every_proposal(
    monkeypatch: pytest.MonkeyPatch, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a file whose name says what it is, Enter but for one << title, licence, theme, keywords, year, concept."""
    found = asked(monkeypatch, play, [*[""] * 7, "Offen", "", ""], name="baumkataster-2026.csv")
    assert found["title"] == "Baumkataster 2026"
    assert found["licence"] == "http://dcat-ap.de/def/licenses/dl-by-de/2.0"
    assert (found["attribution"], found["themes"], found["frequency"][-6:]) == ("Musterstadt", ["ENVI"], "ANNUAL")
    assert found["keywords"] == ["Baumkataster", "Flora und Fauna"]
    assert found["concept"] == "floraUndFauna/baumbestand/baumkataster"
    assert (found["access"], found["start"], found["end"], found["hvd"]) == ("open", "2026", "2026", [])
    assert "api" not in found
    assert capsys.readouterr().err.count("?") >= 9


def test_the_categories_of_high_value_are_named(
    monkeypatch: pytest.MonkeyPatch, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a file whose name suggests no category << the six with their names, before the question."""
    asked(monkeypatch, play, [*[""] * 7, "offen", *[""] * 4])
    told = capsys.readouterr().err
    assert all(code in told for code in HVD_CATEGORIES)
    assert "Mobilität" in told


def test_a_wrong_answer_is_said_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a licence that is none, a date that is none, an HVD category and an API that is none << each asked anew."""
    lines = [
        "T",
        "D",
        "quatsch",
        "cc-zero",
        "ENVI, TRAN",
        "a, b",
        "DAILY",
        "everybody",
        "open",
        "31.2.2026",
        "1.2.2026/2026-03-01",
        "c_43f88346",
        "nowhere",
        "https://a.example/",
    ]
    found = asked(monkeypatch, play, lines)
    assert found["themes"] == ["ENVI", "TRAN"]
    assert (found["start"], found["end"]) == ("2026-02-01", "2026-03-01")
    assert (found["hvd"], found["api"]) == (["c_43f88346"], {"endpoint": "https://a.example/"})
    assert "concept" not in found
    err = capsys.readouterr().err
    for wrong in ("quatsch", "everybody", "31.2.2026", "nowhere"):
        assert wrong in err


def test_only_what_was_not_given_is_asked(monkeypatch: pytest.MonkeyPatch, play: Playback) -> None:
    """>> all but description and keywords as options << two lines are read, not one more."""
    options = (
        "--title",
        "T",
        "--licence",
        "other-closed",
        "--theme",
        "ENVI",
        "--frequency",
        "DAILY",
        "--access",
        "contract",
        "--start",
        "2026",
        "--hvd",
        "no",
        "--rule",
        "municipal-purpose",
        "--ask",
    )
    found = asked(monkeypatch, play, ["Alles", "x", "kept"], *options)
    assert (found["description"], found["keywords"], sys.stdin.read()) == ("Alles", ["x"], "kept\n")


def test_whoever_names_a_restricting_rule_is_offered_no_open_licence(
    monkeypatch: pytest.MonkeyPatch, play: Playback
) -> None:
    """The two would contradict each other."""
    found = asked(monkeypatch, play, [""] * 11, "--rule", "municipal-purpose")
    assert (found["licence"][-12:], found["access"]) == ("other-closed", "contract")


def test_an_input_that_ends_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> the terminal closes after each question in turn << never is anything sent."""
    Path("a.csv").write_bytes(b"x")
    play.on("GET /participants/a", {"name": "Musterstadt"})
    for count in range(10):
        monkeypatch.setattr(sys, "stdin", Terminal("\n" * min(count, 7) + "open\n" * (count > 7) + "\n" * (count > 8)))
        assert main(["publish", "a.csv", "--as", "a"], {}) == 1
        assert "nichts veröffentlicht" in capsys.readouterr().err
    assert not [one for one, _ in play.asked if one.startswith("POST")]


def test_enter_alone_gives_nothing_to_everybody(monkeypatch: pytest.MonkeyPatch, play: Playback) -> None:
    """>> Enter and nothing else, without a rule << that data are open has to be written."""
    monkeypatch.setattr(sys, "stdin", Terminal("\n" * 40))
    Path("a.csv").write_bytes(b"x")
    play.on("GET /participants/a", {"name": "Musterstadt"})
    assert main(["publish", "a.csv", "--as", "a"], {}) == 1
    assert not [one for one, _ in play.asked if one.startswith("POST")]


def test_without_a_rule_a_contract_is_refused_at_its_question(
    monkeypatch: pytest.MonkeyPatch, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a file, no rule, `contract` << --rule is named, and neither period nor anything after it is asked."""
    monkeypatch.setattr(sys, "stdin", Terminal("\n" * 7 + "contract\n" + "2026\n"))
    Path("a.csv").write_bytes(b"x")
    play.on("GET /participants/a", {"name": "Musterstadt"})
    assert main(["publish", "a.csv", "--as", "a"], {}) == 2
    assert "--rule" in capsys.readouterr().err
    assert sys.stdin.read() == "2026\n"


@pytest.mark.parametrize(
    "words",
    [
        "--title T --rule r",
        "--title T --access open --licence cc-zero",
        "--title T --rule r --access announced",
        "--yes --rule r",
        "--yes --access open --licence cc-zero",
    ],
)
def test_a_pasted_line_that_says_enough_waits_for_nobody(
    monkeypatch: pytest.MonkeyPatch, play: Playback, words: str
) -> None:
    """>> title and terms as options, or --yes, at a terminal << the next pasted line is not taken for an answer."""
    asked(monkeypatch, play, ["hanse dataset list"], *words.split())
    assert sys.stdin.read() == "hanse dataset list\n"


def test_nobody_is_asked_for_ever(monkeypatch: pytest.MonkeyPatch, play: Playback) -> None:
    """>> the same wrong answer five times << the command ends with it."""
    monkeypatch.setattr(sys, "stdin", Terminal("t\nd\n" + "quatsch\n" * 9))
    Path("a.csv").write_bytes(b"x")
    assert main(["publish", "a.csv", "--as", "a"], {}) == 1
    assert play.asked == []


def test_what_a_name_suggests() -> None:
    for name, title, theme in (
        ("Baumkataster_2026.csv", "Baumkataster 2026", "ENVI"),
        ("x.csv", "X", ""),
        ("Bäume am Markt.csv", "Bäume am Markt", ""),
        ("bäume_stadt.csv", "Bäume Stadt", ""),
        (".csv", ".csv", ""),
        ("https://a.example/luft/hundesteuer.csv", "Hundesteuer", ""),
        ("ab.12.csv", "Ab", ""),
    ):
        found = Proposal(name)
        assert (found.title, found.theme) == (title, theme)
    assert (Proposal("a1998b.csv").year, Proposal("120260.csv").year) == ("1998", "")

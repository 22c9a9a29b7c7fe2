"""The command line in both languages: help without gaps, wrong usage, language, commands without a server."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli.frame.call import language
from connector.cli.frame.parser import Words
from connector.cli.main import main, parser
from connector.foundation.language import catalogue, say
from tests.testkit.places import ROOT

TERMS = ROOT / "tests/cli/terms.json"
CLIENTS = [
    "participant list",
    "participant add a --name A --kind municipality",
    "participant rotate-key a peer",
    "publish {file} --as a --title T --rule open",
    "find Baum --as a",
    "request https://localhost:1/b/datasets/1 --as a --from did:web:b --purpose research",
    "get urn:uuid:1 --as a -o {file}.out",
    "get urn:uuid:1 --as a -o {file}.out --push",
    "transfers --as a",
    "suspend urn:uuid:1 --as a --reason nein",
    "resume urn:uuid:1 --as a",
    "stop urn:uuid:1 --as a",
    "agreements --as a",
    "negotiations --as a",
    "propose urn:offer --as a --to did:web:b",
    "accept urn:uuid:1 --as a --terms 0123456789ab",
    "decline urn:uuid:1 --as a --reason nein",
    "counter urn:uuid:1 --as a --policy {policy}",
    "evidence urn:uuid:1 --as a -o {file}.zip",
    "agreement end urn:uuid:1 --as a --reason nein --notice 2040-01-31",
    "agreement show urn:uuid:1 --as a",
    "agreement compare urn:uuid:1 urn:uuid:2 --as a",
]


def parsers(top: Words) -> Iterator[Words]:
    """The parser and those of all its commands."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_command_has_help_in_its_language(lang: str) -> None:
    """Each help renders, each argument has a text, and none is argparse's English."""
    for one in parsers(parser(lang)):
        text = one.format_help()
        assert text.startswith("Aufruf: " if lang == "de" else "usage: ")
        assert all(action.help for action in one._actions if not isinstance(action, argparse._SubParsersAction))
        if lang == "de":
            assert not re.search(r"^(usage|options|positional arguments):|show this help", text, re.MULTILINE)


def test_no_help_text_is_left_over() -> None:
    """A message under `cli.help` belongs to a command or an argument that exists."""
    used = {"cli.help.common.data", "cli.help.common.lang", "cli.help.common.json", "cli.help.common.help"}
    used |= {"cli.help.hanse.codes", "cli.help.hanse.version", "cli.help.common.yes"}
    for one in parsers(parser("de")):
        topic = one.topic or "hanse"
        used |= {f"cli.help.{topic}.about", *one.helped}
    assert {key for key in catalogue("de") if key.startswith("cli.help.")} <= used


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["publish"], "es fehlt: --as"),
        (["fnd"], "ist nicht möglich, nur"),
        (["find", "--as"], "--as: der Wert fehlt"),
        (["find", "--as", "a", "--nix"], "unbekannt: --nix"),
        (["request", "d", "--as", "a", "--from", "d", "--purpose", "p", "--wait", "x"], "--wait: 'x' passt nicht"),
        ([], "es fehlt: BEFEHL"),
    ],
)
def test_wrong_usage_is_said_in_german(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv, {})
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_a_parser_that_was_made_before_another_keeps_its_language(capsys: pytest.CaptureFixture[str]) -> None:
    """>> wrong usage in German, in English, in German << each in its language, by two parsers."""
    said = []
    for lang in ("de", "en", "de"):
        with pytest.raises(SystemExit):
            main(["--lang", lang, "publish"], {})
        said.append(capsys.readouterr().err.partition("\n")[2])
    assert said == [said[0], said[1], said[0]]
    assert "es fehlt: --as" in said[0]
    assert "es fehlt" not in said[1]
    assert parser("de") is not parser("en") is parser("en")


@pytest.mark.parametrize(
    ("argv", "environ", "lang"),
    [
        ([], {}, "de"),
        ([], {"LANG": "C.UTF-8"}, "de"),
        ([], {"LANG": "de_AT.UTF-8"}, "de"),
        ([], {"LANG": "en_GB.UTF-8"}, "en"),
        ([], {"LANG": "fr_FR.UTF-8"}, "en"),
        ([], {"LANG": "de_DE.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        (["--lang", "en"], {"LANG": "de_DE"}, "en"),
        (["find", "--lang=de"], {"LANG": "en_US"}, "de"),
        (["--lang", "xx"], {}, "de"),
    ],
)
def test_the_language(argv: list[str], environ: dict[str, str], lang: str) -> None:
    assert language(argv, environ) == lang


@pytest.mark.parametrize("command", CLIENTS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_without_a_server_one_sentence_says_so(
    command: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, how to start one, and `--data` before or after the command."""
    file = tmp_path / "baum.csv"
    file.write_text("a;b\n")
    words = command.format(file=file, policy=TERMS).split()
    data = ["--data", str(tmp_path)]
    assert main([*data, *words] if place == "before" else [*words, *data], {}) == 3
    said = capsys.readouterr()
    assert f"hanse serve --data {tmp_path}\n" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["baum.csv"]


def test_bug_the_folder_of_a_server_that_does_not_run_was_called_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a folder by the environment, one with a space in its name, none named << a command to be copied, each time."""
    spaced = tmp_path / "Meine Daten"
    monkeypatch.chdir(tmp_path)
    for words, environ, folder in (
        ([], {"HANSE_DATA": str(tmp_path)}, str(tmp_path)),
        (["--data", str(spaced)], {}, f"'{spaced}'"),
        ([], {}, str(tmp_path / "hanse-data")),
    ):
        assert main(["agreements", "--as", "a", *words], environ) == 3
        assert capsys.readouterr().err.endswith(f"hanse serve --data {folder}\n")


def test_an_error_is_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreements", "--as", "a", "--json", "--lang", "en", "--data", str(tmp_path)], {}) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert said["code"] == "cli.no-server"
    assert "No server is running" in said["reason"]


def test_a_mistake_in_the_settings_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HANSE_DATA": str(tmp_path), "HANSE_PEER__PROT": "1"}
    assert main(["agreements", "--as", "a"], environ) == 1
    assert "peer.port" in capsys.readouterr().err


def test_doctor_works_without_a_server_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It finds the missing certificate, names origins and hides secrets."""
    environ = {"HANSE_DATA": str(tmp_path), "HANSE_TRUST__MASTER_KEY": "ab" * 32}
    assert main(["doctor", "--json"], environ) == 1
    said = capsys.readouterr().out
    found = {finding["check"]: finding["state"] for finding in json.loads(said)["findings"]}
    assert found["no-certificate"] == "bad"
    assert found["no-server"] == "warn"
    assert found["master-key"] == "ok"
    settings = {row["key"]: row for row in json.loads(said)["settings"]}
    assert settings["trust.master_key"]["origin"] == "HANSE_TRUST__MASTER_KEY"
    assert "abab" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lang", ["de", "en"])
def test_doctor_prints_every_setting(lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--settings", "--lang", lang, "--data", str(tmp_path)], {})
    assert "HANSE_PEER__PORT" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("bench",), ("conformance", "dsp"), ("policy", "suite", "DIR")])
def test_programs_of_a_checkout_say_so_elsewhere(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> installed from the wheel, which holds no tests << one sentence, exit 1."""
    monkeypatch.setattr("connector.cli.checkout.CHECKOUT", tmp_path)
    assert main(list(words), {}) == 1
    assert say("error.cli.only-in-checkout", "de") in capsys.readouterr().err


def test_an_unknown_benchmark_names_the_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.bench.LOAD", tmp_path)
    (tmp_path / "start.py").write_text(
        '"""Time until the server answers."""\n'
        "import json\n"
        'print(json.dumps(dict(name="ready", value=0.5, unit="s", reference=0.1, ratio=5, goal=6, met=True)))\n'
        'print(json.dumps(dict(name="rss", value=60, unit="MB", reference=None, ratio=None, goal=50, met=False)))\n'
    )
    capsys.readouterr()
    assert main(["bench"], {}) == 0
    assert "start          Time until the server answers." in capsys.readouterr().out
    assert main(["bench", "stat"], {}) == 2
    assert "Vorhanden: start." in capsys.readouterr().err
    assert main(["bench", "start"], {}) == 1
    table = capsys.readouterr().out
    assert "0,500 s" in table
    assert re.search(r"rss .* nein", table)
    main(["bench", "start", "--json"], {})
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["ready", "rss"]

"""`hanse conformance dsp` without Java: how it ends, what it shows, and that skipped is never passed."""

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from connector.cli.frame.call import OK, REFUSED, SKIPPED, WRONG_USAGE
from connector.cli.main import main
from connector.foundation.errors import Mistake
from tests.conformance import cases, official_kit, subject
from tests.conformance.stand_ins import AT, FETCHED, JAVA, NOTHING_RESOLVES, green, put

NOW = 1_790_000_000.0


def kit_that_says(folder: Path, lines: list[str]) -> dict[str, str]:
    """Programs in place of Java and Maven; the surroundings that know nothing else."""
    script = folder / "kit.py"
    script.write_text("\n".join(["import time", *(f"print({line!r}, flush=True)" for line in lines)]))
    put(folder, "java", f'case "$1" in -D*) exec {sys.executable} {script};; esac\n{JAVA}')
    put(folder, "mvn", f"{FETCHED}; echo j >$o/a.jar")
    return {"PATH": f"{folder}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache")}


@contextmanager
def noted(self: subject.Subject, folder: Path, environ: Mapping[str, str]) -> Iterator[official_kit.Address]:
    """In place of a connector: says where it is, and what it exchanged."""
    said = {"direction": "out", "method": "POST", "url": "http://localhost:8083/negotiations/1/offers", "status": 0}
    line = {"at": NOW, **said, "body": '{"@type":"ContractOfferMessage"}', "answer": "no answer"}
    (folder / "transcript-1.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({**line, "at": 1.0, "url": "/old"}))
    yield AT


@pytest.fixture
def no_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.dsp.free", lambda *ports: None)
    monkeypatch.setattr(subject.Subject, "started", noted)
    monkeypatch.setattr(official_kit, "time", SimpleNamespace(time=lambda: NOW))  # the kit starts as late as it likes


def test_a_green_run_ends_with_its_sum(programs: Path, no_connector: None, capsys: pytest.CaptureFixture[str]) -> None:
    environ = kit_that_says(programs, green())
    assert main(["conformance", "dsp", "--times", "2", "--lang", "en"], environ) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Test kit: dsp-tck 1.0.1"
    assert lines.count("  ok      CN:01-01") == 2
    assert [line for line in lines if "passed" in line] == [
        "run-1: 65 passed, 0 failed",
        "run-2: 65 passed, 0 failed",
        "130 passed, 0 failed",
    ]
    assert lines[-1] == "130 passed, 0 failed"


def test_a_red_run_shows_what_was_exchanged_and_keeps_it(
    programs: Path, no_connector: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = [line.replace("SUCCESSFUL: CN:01-01", "FAILED: CN:01-01") for line in green()[:-1]]
    failing += ["KIT FAILURE: CN:01-01: Verify it\tjava.lang.AssertionError: Timeout waiting for OFFERED"]
    failing += ["KIT RESULT: 64 passed, 1 failed, 2 skipped, 0 classes failed"]
    environ = kit_that_says(programs, failing)
    assert main(["conformance", "dsp", "--lang", "en", "--keep", str(tmp_path / "kept")], environ) == REFUSED
    said = capsys.readouterr().out
    assert "FAILED CN:01-01: java.lang.AssertionError: Timeout waiting for OFFERED" in said
    assert "→ POST http://localhost:8083/negotiations/1/offers: 0" in said
    assert '{"@type":"ContractOfferMessage"}' in said
    assert "/old" not in said
    assert said.splitlines()[-1] == "64 passed, 1 failed"
    kept = {path.name for path in (tmp_path / "kept" / "1").iterdir()}
    assert kept == {"kit.log", "transcript-1.jsonl", "dsp.tck.properties"}


def test_a_run_that_breaks_off_names_what_never_ran(
    programs: Path, no_connector: None, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = kit_that_says(programs, [*green()[:-5], "java.lang.OutOfMemoryError"])
    assert main(["conformance", "dsp", "--lang", "en"], environ) == REFUSED
    said = capsys.readouterr().out
    assert "Never ran: TP_C:03-06" in said
    assert "java.lang.OutOfMemoryError" in said
    assert said.splitlines()[-1] == "64 passed, 1 failed"


def test_a_red_run_in_json(programs: Path, no_connector: None, capsys: pytest.CaptureFixture[str]) -> None:
    environ = kit_that_says(programs, [])
    assert main(["conformance", "dsp", "--json"], environ) == REFUSED
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["passed"], said["failed"]) == (False, 0, 65)
    assert said["runs"][0]["missing"] == list(cases.EXECUTED)


@pytest.mark.parametrize(
    ("java", "mvn", "said"),
    [
        ("", "", "Java 17 or newer is missing"),
        (JAVA.replace("17.0.15", "11.0.2"), "", 'found: openjdk version "11.0.2"'),
        (JAVA.replace("17.0.15", "1.8.0_402"), "", "Java 17 or newer is needed"),
        ("exit 1", "", "Java 17 or newer is needed"),
        (JAVA.replace("jdk.compiler", "java.base"), "", "the module jdk.compiler is missing"),
        (JAVA, "", "Maven (mvn) is missing"),
        (JAVA, NOTHING_RESOLVES, "dsp-tck 1.0.0-RC6: Could not find artifact a:b:jar:1 in central"),
        (JAVA, "exit 0", "Maven cannot get the programs"),
    ],
    ids=["no java", "java 11", "java 8", "broken java", "no compiler", "no maven", "nothing resolves", "no jars"],
)
def test_skipped_is_said_and_has_its_own_exit_code(
    java: str,
    mvn: str,
    said: str,
    programs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tests.conformance.dsp.free", lambda *ports: None)
    for name, script in (("java", java), ("mvn", mvn)):
        if script:
            put(programs, name, script)
    environ = {"PATH": str(programs), "HOME": str(tmp_path)}
    assert main(["conformance", "dsp", "--lang", "en"], environ) == SKIPPED == 77
    written = capsys.readouterr()
    assert written.err.startswith("hanse: Skipped, nothing was tested: ")
    assert said in written.err
    assert "passed" not in written.out


def test_a_skip_is_not_ok_in_json_either(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["conformance", "dsp", "--self-test", "--json"], {"PATH": str(tmp_path)}) in (SKIPPED, REFUSED)
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_replicas_without_a_common_database_are_wrong_usage() -> None:
    assert main(["conformance", "dsp", "--replicas", "2"], {}) == WRONG_USAGE


@pytest.mark.parametrize("option", ["--times", "--replicas"])
def test_zero_runs_would_be_a_green_result_of_nothing(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["conformance", "dsp", option, "0"], {})
    assert left.value.code == WRONG_USAGE
    assert f"{option}: '0'" in capsys.readouterr().err


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Mistake, match="port-taken"):
            subject.free(taken.getsockname()[1])

"""Programs of others: fetched once, heard, bounded, and never left behind; and the connector that they test."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from connector.foundation.errors import Unavailable
from tests.conformance import cases, maven, subject
from tests.conformance.dsp import play
from tests.conformance.stand_ins import FETCHED, alive, green, put


def speaking(lines: list[str], then: str = "") -> list[str]:
    """A program in place of Java that says these lines."""
    return [sys.executable, "-c", f"print({chr(10).join(lines)!r}, flush=True); {then}"]


def test_what_the_program_says_is_heard_and_kept(tmp_path: Path) -> None:
    ended: list[tuple[str, bool]] = []
    heard = play(speaking(green()), tmp_path, lambda case, ok: ended.append((case, ok)))
    assert heard.failures == 0
    assert ended == [(case, True) for case in cases.EXECUTED]
    assert (tmp_path / "kit.log").read_text(encoding="utf-8").splitlines() == green()


def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Its grandchild as well, and the run counts as incomplete."""
    pid = tmp_path / "pid"
    then = (
        "import pathlib, subprocess, time; child = subprocess.Popen(['sleep', '60']);"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    heard = play(speaking(green()[:9], then), tmp_path, lambda case, ok: None, run_s=1.0)
    assert (len(heard.passed), heard.failures) == (2, 63)
    assert not alive(int(pid.read_text()))


def test_what_was_fetched_is_used_again_and_damage_is_mended(programs: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    put(programs, "mvn", f"echo x >>{count}; {FETCHED}; echo j >$o/a.jar")
    mvn = maven.maven({"PATH": str(programs)})
    ask = [maven.Artifact("g", "a", "1")]
    folder = maven.resolve("kit", ask, cache=tmp_path / "cache", mvn=mvn)
    assert maven.resolve("kit", ask, cache=tmp_path / "cache", mvn=mvn) == folder
    assert count.read_text().count("x") == 1
    (folder / "a.jar").write_text("cut off in the middle")
    assert maven.resolve("kit", ask, cache=tmp_path / "cache", mvn=mvn) == folder
    assert (folder / "a.jar").read_text() == "j\n"
    assert maven.resolve("kit", [maven.Artifact("g", "a", "2")], cache=tmp_path / "cache", mvn=mvn) != folder
    assert sorted(path.name[:4] for path in (tmp_path / "cache").iterdir()) == ["kit-", "kit-"]


def test_an_artifact_says_what_it_leaves_out() -> None:
    made = maven.Artifact("g", "a", "1", type="pom", without=("x:y",)).xml()
    assert "<type>pom</type><exclusions><exclusion><groupId>x</groupId><artifactId>y</artifactId></exclusion>" in made


def test_a_fetch_that_hangs_is_ended(programs: Path, tmp_path: Path) -> None:
    put(programs, "mvn", "sleep 60")
    with pytest.raises(Unavailable, match="unresolved"):
        maven.resolve("kit", [], cache=tmp_path, mvn=str(programs / "mvn"), timeout_s=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_no_setting_of_the_operator_reaches_the_connector_under_test(tmp_path: Path) -> None:
    """Least of all a production database."""
    outside = {"PATH": "/bin", "HANSE_DATABASE__URL": "postgresql://production", "HANSE_DATABASE__WORKER_URL": "w"}
    alone, shared = subject.Subject(tmp_path), subject.Subject(tmp_path, 2, "postgresql://test")
    assert (alone._environ(outside), alone._named(tmp_path, 1)) == ({"PATH": "/bin"}, [])
    assert shared._environ(outside) == {"PATH": "/bin", "HANSE_DATABASE__WORKER_URL": "w"}
    named = ["--database", "postgresql://test", "--reuse-port", "--socket", str(tmp_path / "2.sock")]
    assert shared._named(tmp_path, 2) == named


def test_a_connector_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.subject._MODULE", "connector.no_such_module")
    with pytest.raises(Unavailable) as raised, subject.Subject(tmp_path).started(tmp_path, os.environ):
        raise AssertionError("it started")
    assert "no_such_module" in str(raised.value.facts["log"])


def test_the_messages_of_all_replicas_are_put_in_order(tmp_path: Path) -> None:
    line = {"direction": "in", "method": "GET", "url": "/", "status": 200, "body": "", "answer": "{}"}
    (tmp_path / "transcript-1.jsonl").write_text(json.dumps({"at": 3.0, **line}) + '\n{"at": 4.0, "dire')
    (tmp_path / "transcript-2.jsonl").write_text(json.dumps({"at": 2.0, **line}) + "\n")
    assert [one.at for one in subject.messages(tmp_path)] == [2.0, 3.0]


WAITS = """
import sys, time
from tests.conformance.children import child, ended_politely
with ended_politely(), child([sys.executable, "-c", "import sys; sys.stdin.read()"]) as one:
    print(one.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_behind(number: int) -> None:
    """However the command ends; where it cannot clean up, its children read the end of their input."""
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        stop = threading.Timer(20, running.kill)
        stop.start()
        running.send_signal(number)
        running.wait()
        stop.cancel()
    assert not alive(pid)

"""The second operator of the handbook, played from its own lines: twelve commands from a new folder to the data."""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from connector.cli.frame.client import Api, Problem
from connector.cli.main import main
from connector.foundation.errors import HanseError
from tests.cli.playback import Terminal
from tests.testkit.patience import PATIENCE_S
from tests.testkit.places import ROOT

PAGE = (ROOT / "connector/docs/second-operator.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("```\n")[2].partition("```")[0]
LINES = [shlex.split(line, comments=True)[1:] for line in SECTION.splitlines()]


def test_it_takes_twelve_commands() -> None:
    """Found, invite, join, group, exchange."""
    assert len(LINES) == 12
    walked = " ".join(" ".join(line) for line in LINES)
    for word in ("space create", "space invite", "join", "space approve", "group agree", "request"):
        assert word in walked


@pytest.fixture
def serve() -> Iterator[Callable[[Path], None]]:
    """Starts the server of a folder and waits until it is ready; all end with the test."""
    with ExitStack() as stack:

        def started(folder: Path) -> None:
            command = [sys.executable, "-m", "connector.cli.main", "serve", "--until-eof", "--data", str(folder)]
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT)
            assert process.stdin is not None
            stack.callback(process.wait, PATIENCE_S)
            stack.callback(process.stdin.close)
            until = time.monotonic() + PATIENCE_S
            while not _ready(folder):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)

        yield started


def _ready(folder: Path) -> bool:
    try:
        Api(folder / "api.sock").health("ready")
    except (HanseError, Problem):
        return False
    return True


@pytest.mark.long
def test_the_lines_of_the_readme_lead_to_the_data(
    serve: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """>> each line as it stands, with what the one before has shown << the file that the county published; at each
    point `doctor` names the next step."""
    place = tmp_path_factory.mktemp("w")
    monkeypatch.chdir(place)
    content = "Art,Standort\nLinde,Marktplatz\n"
    (place / "trees.csv").write_text(content)
    environ = {"HANSE_DATA": str(place / "town"), "LANG": "en"}
    shown, link, advised = "", "", []

    def hanse(*words: str) -> str:
        nonlocal shown
        capsys.readouterr()
        if words[0] == "publish":  # refused while the rule means nobody: until the list names the town in the group
            _until(lambda: main(list(words), environ) == 0)
        else:
            assert main(list(words), environ) in ((0, 1) if words[0] == "doctor" else (0,)), words
        found = capsys.readouterr().out
        shown += found
        return found

    def asked(*words: str) -> bool:
        """Refused until the county's list names the town in the group, about a second later."""
        monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
        return main(list(words), environ) == 0

    hanse("dev", "init", "town")
    serve(place / "town")
    town = hanse("participant", "add", "musterstadt", "--name", "Musterstadt", "--kind", "municipality")
    known = {"DID": _first(r"did:web:\S+musterstadt", town)}
    for line in LINES:
        words = [re.sub(r"\b(DID|GROUP|DATASET)\b", lambda found: known[found[1]], word) for word in line]
        if words[0] == "serve":
            serve(place / "county")
            continue
        if words[0] == "join":
            monkeypatch.setattr(sys, "stdin", Terminal(f"{link}\ny\n"))
        elif words[0] == "request":
            _until(lambda: "member of" in hanse("doctor"))
            _until(lambda: hanse("find", "Waldkarte", "--as", "musterstadt", "--live").count("datasets/") > 0)
            _until(partial(asked, *words))
            continue
        elif words[:3] == ["space", "group", "agree"]:
            _until(lambda: "group agree" in hanse("doctor"))
        found = hanse(*words)
        link = _first(r"https://\S+/space#\S+", found) or link
        known["GROUP"] = _first(r"https://[^ )]+/groups/[a-z]+", found) or known.get("GROUP", "")
        known["DATASET"] = _first(r"https://\S+/datasets/[0-9a-f-]+", found) or known.get("DATASET", "")
        advised.append(_advice(hanse("doctor", "--data", "county") if (place / "county" / "api.sock").exists() else ""))
    assert (place / "map.csv").read_text() == content
    assert "Fingerprint of the key" in shown
    assert [one for one in advised if one] == [
        "hanse join --as kreis",
        "hanse person add",
        "hanse space applications",
    ]


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return "" if found is None else found[0].rstrip(",")


def _advice(told: str) -> str:
    """The first command that `doctor` names about spaces."""
    return _first(r"hanse (join --as kreis|person add|space applications)", told)


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.3)

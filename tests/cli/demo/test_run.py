"""`hanse demo` as a newcomer and as a machine run it: real processes, real files, and an end in every case.

The whole way is walked as the installed script goes it; what ends early, in processes that are forked (`light`).
"""

import errno
import io
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.cli.demo import trees
from connector.cli.demo.place import EXCHANGE, FEDERATION, Place
from connector.cli.demo.show import Show, hanse
from connector.cli.demo.steps import MEMBER, tampered
from connector.cli.main import main
from connector.cli.operate import dev
from connector.foundation.errors import Mistake
from connector.foundation.language import say
from tests.cli.demo import light
from tests.cli.demo.driven import PATIENCE_S, demo, gone, told, wait_until_gone
from tests.testkit.places import SHARED

NAMES = ["start", "publish", "find", "negotiate", "transfer", "refuse", "expire", "verify", "tamper", "figures"]
REAL = SHARED / "dcat/mdk/cities_1310_v5.csv"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a short path, wherever temporary files lie: there are sockets in it."""
    return tmp_path_factory.mktemp("p")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("k")


@pytest.fixture(scope="module")
def first(kept: Path) -> Mapping[str, Any]:
    """A whole run that leaves its folder."""
    code, steps, err = told("--keep", str(kept))
    assert code == 0, err
    return steps


def test_ten_steps_in_order_each_with_its_facts(first: Mapping[str, Any]) -> None:
    assert list(first) == NAMES
    assert all(step["ok"] is True and isinstance(step["ms"], int) for step in first.values())
    assert [one["slug"] for one in first["start"]["participants"]] == ["musterstadt", "nachbardorf", "stadtwerke"]
    assert len({one["pid"] for one in first["start"]["servers"]}) == 2
    assert first["negotiate"]["agreement"].startswith("urn:uuid:")
    assert first["transfer"]["sha256"] == first["publish"]["sha256"]
    assert first["figures"]["published"] == 2


def test_the_bytes_are_the_tree_register(first: Mapping[str, Any]) -> None:
    received = Path(first["transfer"]["file"]).read_bytes()
    assert received == trees.register()
    assert first["transfer"]["bytes"] == len(received)


def test_refusals_are_explained_in_german_whatever_the_locale(first: Mapping[str, Any]) -> None:
    assert "Teilnehmerart ist Kommune" in first["refuse"]["reason"]
    assert "Zeit seit Vertragsschluss höchstens 5 Sekunden" in first["expire"]["reason"]
    assert "text-de.html" in first["tamper"]["reason"]


def test_the_bundle_verifies_and_the_changed_one_does_not(first: Mapping[str, Any]) -> None:
    """>> the commands that the demonstration prints << 0 and 1."""
    trust = first["verify"]["trust"]
    assert main(["verify", first["verify"]["bundle"], "--trust", trust], {}) == 0
    assert main(["verify", first["tamper"]["bundle"], "--trust", trust], {}) == 1


def test_the_other_operators_witness_says_when(first: Mapping[str, Any]) -> None:
    """>> the step of the auditor << PASSED with a time of this hour that neither party could choose alone."""
    assert first["verify"]["verdict"] == "PASSED"
    witnessed = datetime.fromisoformat(first["verify"]["witnessed"])
    assert abs((datetime.now(UTC) - witnessed).total_seconds()) < 3600
    assert first["verify"]["time"]


@pytest.mark.long
def test_a_kept_folder_serves_again_under_the_same_names(first: Mapping[str, Any], kept: Path) -> None:
    code, again, err = told("--keep", str(kept), "--lang", "en")
    assert (code, list(again)) == (0, NAMES), err
    assert again["start"]["participants"] == first["start"]["participants"]
    assert "kind of participant" in again["refuse"]["reason"]


@pytest.mark.long
@pytest.mark.skipif(not REAL.exists(), reason=f"needs {REAL.name}: place the folder shared/ beside the checkout")
def test_a_real_file_is_exchanged() -> None:
    """Without --keep the results stay, databases and keys do not."""
    code, steps, err = told("--file", str(REAL))
    assert code == 0, err
    received = Path(steps["transfer"]["file"])
    assert received.name == REAL.name
    assert received.read_bytes() == REAL.read_bytes()
    assert [path.name for path in received.parents[1].iterdir()] == ["results"]
    for path in [*received.parent.iterdir(), received.parent, received.parents[1]]:
        path.rmdir() if path.is_dir() else path.unlink()


def test_a_failing_step_names_its_side_and_ends_with_1(tmp_path: Path) -> None:
    code, steps, err = light.told(tmp_path / "err", "--file", "/nowhere/trees.csv")
    assert code == 1
    assert (steps["publish"]["ok"], steps["publish"]["party"]) == (False, "Musterstadt")
    assert "/nowhere/trees.csv" in steps["publish"]["reason"]
    assert list(steps) == ["start", "publish"]
    assert "publish" in err
    wait_until_gone([one["pid"] for one in steps["start"]["servers"]])


def test_a_server_that_does_not_start_shows_its_last_words(place: Path, tmp_path: Path) -> None:
    """The kept settings of one server are broken: its side is named, and what it said."""
    (place / "stadtwerke").mkdir()
    listed = 'authority_key_file = "../space/trust/roots.pem"\nlist_file = "../space/trust/list.jws"\n'
    (place / "stadtwerke" / "hanse.toml").write_text(f"[peer]\nprot = 1\n[trust]\n{listed}")
    code, steps, err = light.told(tmp_path / "err", "--keep", str(place))
    assert code == 1
    assert (steps["start"]["ok"], steps["start"]["party"]) == (False, "Stadtwerke Beispiel GmbH")
    assert "peer.port" in err


@contextmanager
def installed(err: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """As the script starts it."""
    with err.open("w") as told_there, demo("--json", *words, stdout=subprocess.PIPE, stderr=told_there) as child:
        yield child
        child.kill()


@pytest.fixture(params=[light.demo, pytest.param(installed, marks=pytest.mark.long)], ids=["forked", "installed"])
def serving(place: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Any, list[int]]]:
    """A demonstration whose servers have started, and their process ids."""
    with request.param(place / "err", "--keep", str(place)) as child:
        start = json.loads(child.stdout.readline())
        yield child, [one["pid"] for one in start["servers"]]


def test_servers_end_when_the_driver_is_killed(serving: tuple[Any, list[int]]) -> None:
    """kill -9 leaves the driver no time to say anything."""
    child, servers = serving
    assert not any(map(gone, servers))
    child.kill()
    child.wait()
    wait_until_gone(servers)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupt_ends_everything_and_names_the_folder(
    number: signal.Signals, serving: tuple[Any, list[int]], place: Path
) -> None:
    child, servers = serving
    child.send_signal(number)
    assert child.wait(PATIENCE_S) == 130
    assert all(map(gone, servers))
    assert str(place) in (place / "err").read_text()


def test_a_path_too_long_for_a_socket_is_said_before_anything_is_made(tmp_path: Path) -> None:
    code, steps, _ = light.told(tmp_path / "err", "--keep", str(tmp_path / ("x" * 90)))
    assert (code, list(steps)) == (1, ["start"])
    assert "Unix-Socket" in steps["start"]["reason"]
    assert [one.name for one in tmp_path.iterdir()] == ["err"]


def test_bug_a_full_disk_ended_in_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the folder can be made, and nothing written there << said of the folder."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(dev, "prepare", full)
    with pytest.raises(Mistake, match=r"cli\.file .*kein Platz"):
        Place(tmp_path / "full", EXCHANGE).prepare()


@pytest.mark.parametrize(("first", "then"), [(EXCHANGE, FEDERATION), (FEDERATION, EXCHANGE)])
def test_a_folder_of_the_other_demonstration_is_refused_and_left_as_it_is(
    tmp_path: Path, first: Mapping[str, bool], then: Mapping[str, bool]
) -> None:
    Place(tmp_path, first).prepare()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Mistake, match=r"demo\.other-kept"):
        Place(tmp_path, then).prepare()
    assert sorted(tmp_path.rglob("*")) == before
    Place(tmp_path, first).prepare()


def test_a_changed_bundle_differs_in_one_byte_of_one_member() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.json", b"{}")
        archive.writestr(MEMBER, b"<p>Vertrag</p>")
    with zipfile.ZipFile(io.BytesIO(tampered(made.getvalue()))) as archive:
        assert archive.read("a.json") == b"{}"
        pairs = zip(archive.read(MEMBER), b"<p>Vertrag</p>", strict=True)
        assert sum(one != other for one, other in pairs) == 1


@pytest.mark.parametrize(("lang", "more"), [("de", []), ("en", ["--lang", "en"])])
def test_commands_to_paste_answer_in_the_language_of_the_demonstration(
    lang: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: `demo --lang en` printed commands that answered in German."""
    Show(lang, as_json=False)._command(hanse(), "verify", "b.zip")
    Show(lang, as_json=False)._command("curl", "--cacert", "ca.pem")
    assert capsys.readouterr().out.splitlines() == [
        f"  {' '.join([hanse(), *more, 'verify', 'b.zip'])}",
        "  curl --cacert ca.pem",
    ]


@pytest.mark.parametrize(("lang", "until"), [("de", "bis 31.12.2027"), ("en", "until 31 Dec 2027")])
def test_bug_an_english_demonstration_wrote_a_german_day(lang: str, until: str) -> None:
    facts = {"objects": 0, "bytes": 1, "title": "Bäume", "clauses": [], "until": "31.12.2027"}
    assert until in say("demo.publish.done", lang, **Show(lang, as_json=False)._words("publish", facts))

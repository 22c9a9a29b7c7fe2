"""A connector for tests never runs on what belongs to a real one, whatever the environment and the folders say."""

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.foundation.errors import Mistake
from connector.foundation.storage import upgrade
from tests.conformance.under_test import apart
from tests.conformance.under_test.run import services
from tests.testkit import processes
from tests.testkit.patience import PATIENCE_S

REAL = "https://daten.musterstadt.de/hanse"
OUTSIDE = {
    "PATH": "/bin",
    "HANSE_DATABASE__URL": "sqlite:///production",
    "HANSE_DATABASE__WORKER_URL": "w",
    "HANSE_TRUST__MASTER_KEY": "k",
    "HANSE_PEER__HOST": "0.0.0.0",
    "HANSE_OUTBOUND__ALLOW": "10.0.0.0/8",
}


def production(path: Path, slug: str, root: str) -> str:
    """The URL of a database in which a participant lives."""
    url = f"sqlite://{path}"
    upgrade(url)
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(
            "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
            " VALUES (?, 'did:web:x', ?, 'x', '/', 'x', 'x', 'x', 'active', 1)",
            (slug, root),
        )
    return url


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def started(module: str, folder: Path, *named: str, **environ: str) -> Ended:
    """The kit as a process of its own, forked where the product is loaded; it ends by itself, because nothing is on its
    standard input."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    theirs, stdin = processes._FORKS.Pipe(duplex=False)
    heard, ours = processes._FORKS.Pipe(duplex=False)
    told, words = folder.parent / "stderr", ("-m", module, str(folder), "--port", port, *named)
    surroundings = {**os.environ, **environ}
    process = processes._FORKS.Process(target=processes._run, args=(words, surroundings, told, theirs, ours))
    process.start()
    for each in (theirs, stdin, ours):
        each.close()
    with heard, os.fdopen(os.dup(heard.fileno()), encoding="utf-8") as said:
        stdout = said.read()
    process.join(PATIENCE_S)
    assert process.exitcode is not None
    return Ended(process.exitcode, stdout, told.read_text("utf-8"))


KITS = [
    ("tests.conformance.under_test", (), 2),
    ("tests.conformance.under_test.edc", ("--peer", "edc=http://localhost:1/protocol"), 1),
]
"""Module, what it is told, and how often it is started in one folder."""


@pytest.mark.parametrize(("module", "named", "times"), KITS, ids=["dsp", "edc"])
def test_the_kit_on_a_production_database_by_environment(
    module: str, named: tuple[str, ...], times: int, tmp_path: Path
) -> None:
    """>> the environment names the database of a real connector << not a byte of it is touched, and the kit takes one
    of its own, to which it comes back."""
    path = tmp_path / "production.db"
    url = production(path, "musterstadt", REAL)
    before = path.read_bytes()
    for _ in range(times):
        done = started(module, tmp_path / "kit", *named, HANSE_DATABASE__URL=url, HANSE_PEER__HOST="0.0.0.0")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("{")
        assert path.read_bytes() == before
        assert (tmp_path / "kit/data/hanse.db").is_file()


def test_the_kit_on_a_production_database_by_name(tmp_path: Path) -> None:
    """>> the command line names it << a sentence says whose it is, nothing is written anywhere."""
    path = tmp_path / "production.db"
    url = production(path, "musterstadt", REAL)
    before = path.read_bytes()
    done = started("tests.conformance.under_test", tmp_path / "kit", "--database", url)
    assert done.returncode == 1
    assert f"the participant musterstadt ({REAL}) lives in it" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == before
    assert list((tmp_path / "kit").rglob("*")) == []


@pytest.mark.parametrize("at", ["by url", "in its folder"])
@pytest.mark.parametrize(
    ("slug", "root"), [("musterstadt", REAL), ("tck", REAL), ("musterstadt", "http://localhost:8282/api/dsp")]
)
async def test_a_real_participant_is_never_taken_for_one_of_the_kit(
    slug: str, root: str, at: str, tmp_path: Path
) -> None:
    """>> another name, or the name of the kit's with a real address << refused before anything is written."""
    data = tmp_path / "kit/data"
    data.mkdir(parents=True)
    url = production(data / "hanse.db" if at == "in its folder" else tmp_path / "other.db", slug, root)
    environ = {} if at == "in its folder" else {"HANSE_DATABASE__URL": url}
    with pytest.raises(Mistake, match="real-database"):
        async with services(tmp_path / "kit", 1, "http://localhost:2", environ=environ):
            pytest.fail("it started")
    assert not (data / "hanse.toml").exists()


def test_what_of_the_surroundings_is_left() -> None:
    """>> everything set << nothing of it without a database named; with one only its other login."""
    assert apart.surroundings(OUTSIDE) == {"PATH": "/bin", "HANSE_PEER__HOST": "127.0.0.1"}
    assert apart.surroundings(OUTSIDE, database="u", socket="s", reuse_port=True, sinks="d") == {
        "PATH": "/bin",
        "HANSE_PEER__HOST": "127.0.0.1",
        "HANSE_DATABASE__URL": "u",
        "HANSE_DATABASE__WORKER_URL": "w",
        "HANSE_API__SOCKET": "s",
        "HANSE_PEER__REUSE_PORT": "true",
        "HANSE_DATA__DESTINATIONS": "d",
    }


def test_a_server_is_looked_at_as_well(cluster: object, tmp_path: Path) -> None:
    """PostgreSQL: empty and without tables << nothing to say; with a real participant << refused."""
    with cluster.empty() as urls:  # type: ignore[attr-defined]
        assert apart._participants(urls.app) == []
    with cluster.database() as urls:  # type: ignore[attr-defined]
        assert apart._participants(urls.app) == []
        import psycopg

        with psycopg.connect(urls.admin) as made:
            made.execute(
                "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
                " VALUES ('musterstadt', 'did:web:x', %s, 'x', '/', 'x', 'x', 'x', 'active', 1)",
                (REAL,),
            )
        environ = {"HANSE_DATABASE__URL": urls.app}
        with pytest.raises(Mistake, match="real-database"):
            apart.check(tmp_path, environ, {"tck"})

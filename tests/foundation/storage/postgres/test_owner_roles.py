"""`compose/roles.sql` by psql: in a new cluster, in one that has the roles already, and without its passwords."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.testkit.places import ROOT

ROLES = ROOT / "compose" / "roles.sql"
NAMES = ("hanse_owner", "hanse", "hanse_worker")


class Bare(postgres.Cluster):
    """A cluster as `initdb` made it, which asks for passwords."""

    authentication = "scram-sha-256"

    def _create_roles(self) -> None:
        """None of ours."""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    cluster = None

    def made(folder: Path) -> Bare:
        nonlocal cluster
        cluster = Bare(folder)
        return cluster

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(postgres, "Cluster", made)
        with postgres.running_cluster():
            assert cluster is not None
            yield cluster


def run(url: str, secrets: Path) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "HANSE_SECRETS": str(secrets)}
    return subprocess.run(["psql", "-X", "-d", url, "-f", ROLES], env=environ, capture_output=True, text=True)


def passwords(folder: Path, word: str) -> Path:
    folder.mkdir()
    for name in ("owner", "app", "worker"):
        (folder / f"{name}-password").write_text(f"{word}-{name}'\n" if name == "app" else f"{word}-{name}")
    return folder


def logs_in(cluster: Bare, role: str, password: str) -> bool:
    try:
        psycopg.connect(host="127.0.0.1", port=cluster.port, user=role, password=password, dbname="hanse").close()
    except psycopg.OperationalError:
        return False
    return True


def test_bug_without_password_files_it_cleared_passwords_and_ended_well(bare: Bare, tmp_path: Path) -> None:
    """>> no folder, an empty file << exit code, nothing made; with passwords all; again nothing lost."""
    admin = bare._url("postgres", "postgres")
    half = passwords(tmp_path / "half", "first")
    (half / "worker-password").write_text("\n")
    for secrets in (tmp_path / "nowhere", half):
        ended = run(admin, secrets)
        assert ended.returncode == 3, ended
        assert "hanse_worker" in ended.stderr
        with psycopg.connect(admin) as connection:
            assert connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'hanse%'").fetchall() == []
    assert run(admin, passwords(tmp_path / "first", "first")).returncode == 0
    assert logs_in(bare, "hanse_owner", "first-owner")
    assert logs_in(bare, "hanse", "first-app'")
    for again in (tmp_path / "nowhere", passwords(tmp_path / "second", "second")):
        ended = run(admin, again)
        assert ended.returncode == 0, ended
        assert "clearing password" not in ended.stderr
        assert logs_in(bare, "hanse_worker", "first-worker")
        assert not logs_in(bare, "hanse_worker", "second-worker")
    bare.admin("ALTER ROLE {} BYPASSRLS", "hanse")
    assert run(admin, tmp_path / "first").returncode == 3


def test_the_release_runs_on_what_it_made(bare: Bare) -> None:
    """What is made is what the migrations need: the owner may create tables, the others may not."""
    with psycopg.connect(bare._url("postgres", "hanse")) as connection:
        for role, may in zip(NAMES, (True, False, False), strict=True):
            asked = "SELECT has_database_privilege(%s, 'hanse', 'CREATE')"
            assert connection.execute(asked, (role,)).fetchone() == (may,)

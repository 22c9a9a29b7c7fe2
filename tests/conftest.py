"""Databases for every room: started, migrated, with the participants `musterstadt` and `nachbardorf` in them."""

import asyncio
import csv
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import uvloop

from connector.foundation.storage import Database, Tx, open_database
from connector.foundation.storage.postgres import database as postgres
from connector.foundation.storage.postgres import wakeups
from tests import forked, loopback, made_once
from tests.postgres import Cluster, running_cluster

if TYPE_CHECKING:
    from tests.testkit.cities import Space
    from tests.testkit.towns import Towns

pytest_plugins = ["tests.workers"]
TOWNS = ("musterstadt", "nachbardorf")
os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = os.devnull  # only loopback: no root of this machine counts
loopback.stay()
pytest.register_assert_rewrite("tests.testkit")  # what its checks compared is said when one fails
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")  # how fast this machine is says nothing about the product
postgres._WAIT_S = wakeups._START_S = 180.0  # a busy machine takes its time for a connection
wakeups._POLL_S = 0.02  # a listener ends when it next looks, and a thousand databases are closed in these tests


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that the product runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def field_size_limit() -> Iterator[None]:
    """Files are read in a process of their own; where tests read them in theirs, it stays as it was for others."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A private PostgreSQL cluster."""
    model = None if forked.shared is None else made_once.cluster(forked.shared)
    with running_cluster(model) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with this release's schema, to be copied: migrating takes longer than many a test."""
    from tests.testkit.cities import migrated_bytes

    file = tmp_path_factory.mktemp("migrated") / "hanse.db"
    file.write_bytes(migrated_bytes())
    return file


@pytest.fixture(scope="session")
def municipal_suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the municipal suite (`tests/suites/municipal`), written once."""
    from tests.suites.municipal.suite import write

    folder = tmp_path_factory.mktemp("municipal")
    write(folder)
    return folder


def _copy(migrated: Path, folder: Path) -> Database:
    return open_database(f"sqlite://{shutil.copy(migrated, folder / 'hanse.db')}")


def _add_town(tx: Tx) -> None:
    root = f"https://localhost:18443/{tx.scope}"
    tx.run(
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
        " VALUES (:id, :did, :root, 'localhost:18443', :path, :id, 'municipality', :id, 'active', :now)",
        id=tx.scope,
        did=f"did:web:localhost%3A18443:{tx.scope}",
        root=root,
        path=f"/{tx.scope}",
        now=tx.now,
    )


@asynccontextmanager
async def _started(database: Database) -> AsyncIterator[Database]:
    await database.start()
    try:
        for town in TOWNS:
            await database.write(town, _add_town)
        yield database
    finally:
        await database.close()


@pytest.fixture
async def sqlite_db(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database in `tmp_path / "hanse.db"`."""
    async with _started(_copy(migrated, tmp_path)) as database:
        yield database


@pytest.fixture
async def postgres_db(cluster) -> AsyncIterator[Database]:
    """A PostgreSQL database; skips by name if PostgreSQL is absent."""
    with cluster.opened() as database:
        async with _started(database):
            yield database


@pytest.fixture(params=["sqlite", "postgres"])
async def any_db(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """The port, once on each implementation."""
    if request.param == "sqlite":
        async with _started(_copy(migrated, tmp_path)) as database:
            yield database
        return
    with request.getfixturevalue("cluster").opened() as database:
        async with _started(database):
            yield database


@asynccontextmanager
async def _bare(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A started database without any participant."""
    if kind == "sqlite":
        database = _copy(request.getfixturevalue("migrated"), tmp_path)
        await database.start()
        yield database
        await database.close()
        return
    with request.getfixturevalue("cluster").opened() as database:
        await database.start()
        yield database
        await database.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`on_both` asks for towns on either database (decision 0114)."""
    if metafunc.definition.get_closest_marker("on_both") is not None:
        metafunc.parametrize("towns", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
async def towns(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator["Towns"]:
    """Musterstadt and Nachbardorf with keys and services but no sockets: on SQLite, or on what `towns` is parametrised
    with."""
    from tests.testkit.towns import Towns

    async with _bare(getattr(request, "param", "sqlite"), request, tmp_path) as database:
        towns = Towns(database, tmp_path)
        await towns.add(*TOWNS)
        yield towns


@pytest.fixture
async def space() -> AsyncIterator["Space"]:
    """An empty data space on loopback; its folder has a short path, because Unix sockets are limited to 100 bytes."""
    from tests.testkit.cities import data_space

    with tempfile.TemporaryDirectory(prefix="h") as folder:
        async with data_space(Path(folder), alike=True) as space:
            yield space

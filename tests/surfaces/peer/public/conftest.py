"""Two towns with keys, and the public doors of one of them."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.foundation.storage import open_database
from tests.surfaces.peer.public.portal import Portal, portal
from tests.testkit.towns import Towns


@asynccontextmanager
async def _towns(migrated: Path, folder: Path) -> AsyncIterator[Towns]:
    database = open_database(f"sqlite://{shutil.copy(migrated, folder / 'hanse.db')}")
    await database.start()
    try:
        towns = Towns(database, folder)
        await towns.add("musterstadt", "nachbardorf")
        yield towns
    finally:
        await database.close()


@pytest.fixture
async def town(migrated: Path, tmp_path: Path) -> AsyncIterator[Towns]:
    async with _towns(migrated, tmp_path) as towns:
        yield towns


@pytest.fixture
async def door(town: Towns) -> AsyncIterator[Portal]:
    async with portal(town) as replica:
        yield replica


@pytest.fixture(params=["sqlite", "postgres"])
async def replicas(
    request: pytest.FixtureRequest, migrated: Path, tmp_path: Path
) -> AsyncIterator[tuple[Towns, Portal, Portal]]:
    """Two replicas: on PostgreSQL each with its own connections, on SQLite side by side in the one process."""
    if request.param == "sqlite":
        async with _towns(migrated, tmp_path) as towns, portal(towns) as one, portal(towns) as other:
            yield towns, one, other
        return
    with request.getfixturevalue("cluster").database() as urls:
        first, second = (open_database(urls.app, worker_url=urls.worker) for _ in range(2))
        await first.start()
        await second.start()
        try:
            towns = Towns(first, tmp_path)
            await towns.add("musterstadt", "nachbardorf")
            async with portal(towns) as one, portal(towns, second) as other:
                yield towns, one, other
        finally:
            await second.close()
            await first.close()

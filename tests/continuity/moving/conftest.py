"""A town at its present operator, and one that it moves to on the other kind of database."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.foundation.storage import open_database
from tests.continuity.moving.sides import New, Old, new_side, old_side
from tests.testkit.towns import Towns


@pytest.fixture
def old(towns: Towns, tmp_path: Path) -> Old:
    return old_side(towns, tmp_path)


@pytest.fixture
async def new(request: pytest.FixtureRequest, towns: Towns, migrated: Path, tmp_path: Path) -> AsyncIterator[New]:
    """On the other kind of database: whoever comes from SQLite arrives on PostgreSQL, and back."""
    if towns.db.dialect == "postgres":
        with tempfile.TemporaryDirectory() as folder:
            file = shutil.copy(migrated, Path(folder) / "hanse.db")
            async with new_side(towns, open_database(f"sqlite://{file}"), tmp_path) as side:
                yield side
        return
    with request.getfixturevalue("cluster").database() as urls:
        async with new_side(towns, open_database(urls.app, worker_url=urls.worker), tmp_path) as side:
            yield side

"""Towns in the middle of their exchanges, and a door to one of them whose database is on trial."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.foundation.storage import open_database
from tests.fuzz.ground import Ground, ground_in
from tests.fuzz.trial import Trial
from tests.testkit.door import Door


@pytest.fixture
async def ground(migrated: Path, tmp_path: Path) -> AsyncIterator[Ground]:
    database = open_database(f"sqlite://{shutil.copy(migrated, tmp_path / 'hanse.db')}")
    await database.start()
    yield await ground_in(database, tmp_path)
    await database.close()


@pytest.fixture
async def trial(ground: Ground) -> Trial:
    trial = Trial(ground.towns.db)
    await trial.start()
    return trial


@pytest.fixture
def door(ground: Ground, trial: Trial) -> Door:
    return Door(ground.towns, trial)

"""A town at rest, with a published file, received data and keys; and its backup, to be bent or put back."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.backup import create
from connector.backup.create import Made, Wish
from connector.settings.load import load
from tests.testkit.cities import MUNICIPALITY, data_space

TOWN = "musterstadt"
PASSPHRASE = "zwölf Boxkämpfer jagen Viktor"
CONTENT = b"art;hoehe\nLinde;12\n" * 1000
DIES_AT = """
import os, signal, sys
left = [int(sys.argv[1])]
def step(call):
    def counted(*args, **kw):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kw)
    return counted
"""
"""Begins a program that kills itself at the step of that number (its first argument); `step` makes a call one."""


def quiet(*_: object) -> None:
    """Nobody reads of the progress."""


@pytest.fixture(scope="session")
def built() -> Iterator[Path]:
    """Made once: it is copied for each test."""
    place = Path(tempfile.mkdtemp(prefix="hanse-b"))

    async def build() -> None:
        async with data_space(place) as space, space.running("town", {TOWN: MUNICIPALITY}) as town:
            await town.publish(TOWN, CONTENT)
            await town.services.operation.maintenance.seal_logs()

    asyncio.run(build())
    received = place / "town" / "received" / TOWN / "flow"
    received.mkdir(parents=True)
    (received / "data.csv").write_bytes(b"received")
    (received / "half.csv.part").write_bytes(b"not yet")
    (place / "town" / "certs").mkdir()
    (place / "town" / "certs" / "old.key").write_text("-----BEGIN PRIVATE KEY-----\nsecret\n")
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def town(built: Path, tmp_path: Path) -> Path:
    """The data folder."""
    return Path(shutil.copytree(built / "town", tmp_path / "town", ignore=shutil.ignore_patterns("*.sock", "*.lock")))


def backed_up(town: Path, **wish: object) -> Made:
    settings = load(town, {})
    given = Wish(town.with_name("backups"), town.with_name("keys"), None)._replace(**wish)
    return create.make(settings, given, create.offline(settings), quiet)


@pytest.fixture
def made(town: Path) -> Made:
    return backed_up(town)

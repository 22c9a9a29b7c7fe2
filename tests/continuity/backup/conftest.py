"""A town at rest, with a published file, received data and keys; and its backup, to be bent or put back."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvloop

from connector.continuity.backup import create
from connector.continuity.backup.create import Made, Wish
from connector.foundation.settings.load import load
from tests.testkit.cities import MUNICIPALITY, data_space

TOWN = "musterstadt"
PASSPHRASE = "zwölf Boxkämpfer jagen Viktor"
Steps = Sequence[tuple[ModuleType, str]]
CONTENT = b"art;hoehe\nLinde;12\n" * 1000


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

    uvloop.run(build())
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


def killed(at: int, steps: Steps, work: Callable[[], object]) -> int:
    """How a process ended that began the work and killed itself at the step of that number; a call is a step."""

    def run() -> None:
        left = count(at, -1)

        def step(call: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: Any, **kw: Any) -> Any:
                if next(left) == 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kw)

            return counted

        for module, name in steps:
            setattr(module, name, step(getattr(module, name)))
        work()

    process = multiprocessing.get_context("fork").Process(target=run)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python 3.12 on: of the alarm's thread, which is none of ours
        process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def backed_up(town: Path, **wish: object) -> Made:
    settings = load(town, {})
    given = Wish(town.with_name("backups"), town.with_name("keys"), None)._replace(**wish)
    return create.make(settings, given, create.offline(settings), quiet)


@pytest.fixture
def made(town: Path) -> Made:
    return backed_up(town)

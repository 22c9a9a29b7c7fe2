"""Readiness asks whether the database can be written to: a full disk is not green (C5)."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Database
from connector.foundation.storage.probe import KEEP_MS, LEAST_FREE, Probe
from tests.testkit.cities import City, Space


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Bytes free on every disk."""
    left = {"bytes": 10 * LEAST_FREE}
    monkeypatch.setattr(shutil, "disk_usage", lambda place: _Usage(0, 0, left["bytes"]))
    return left


async def test_a_disk_without_room_is_not_ready(any_db: Database, tmp_path: Path, free: dict[str, int]) -> None:
    clock = FakeClock()
    probe = Probe(any_db, clock, tmp_path)
    assert await probe.writable()
    free["bytes"] = LEAST_FREE - 1
    assert await probe.writable()  # as it was found a moment ago
    clock.advance(KEEP_MS)
    assert not await probe.writable()


class _Full:
    """A database whose commits fail, as on a full disk; `tried` counts them."""

    def __init__(self) -> None:
        self.tried = 0

    async def write(self, *_: Any) -> None:
        self.tried += 1
        raise Unavailable("storage.full")


async def test_a_commit_that_fails_is_not_ready_and_is_not_tried_at_each_look(
    tmp_path: Path, free: dict[str, int]
) -> None:
    """>> a hundred looks at once << one write, not ready."""
    full, clock = _Full(), FakeClock()
    probe = Probe(full, clock, tmp_path)  # type: ignore[arg-type]
    assert {await probe.writable() for _ in range(100)} == {False}
    assert full.tried == 1


async def test_readiness_names_the_disk(space: Space, free: dict[str, int]) -> None:
    """Bug: readiness only read, which succeeds on a full disk."""
    it: City = await space.city("it", {})
    assert (await it.services.schedule.readiness.look())["disk"]
    free["bytes"] = 0
    it.services.schedule.readiness._probe._until = 0
    assert not (await it.services.schedule.readiness.look())["disk"]

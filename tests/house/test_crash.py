"""The process of the crash walks dies at the commit that it was armed for, and once it is disarmed at none."""

import asyncio
import os
from typing import Any, cast

import pytest

from connector.foundation.storage.database import Database
from tests.testkit import crash
from tests.testkit.power import Disk

TOWN = "musterstadt"


class Slow:
    """A database whose transactions end when they are let."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.let = asyncio.Event()

    async def write(self, scope: str, fn: object) -> None:
        await self.let.wait()


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []
    monkeypatch.setattr(crash.os, "kill", lambda pid, _signal: pids.append(pid))
    return pids


@pytest.mark.parametrize("disarms", [False, True])
async def test_bug_it_died_of_a_commit_under_way_when_it_was_disarmed(disarms: bool, killed: list[int]) -> None:
    """>> armed for the end of the next transaction, which is under way when it is disarmed << it lives.

    Its walk had seen the answer and went on: nobody started the dead process again.
    """
    slow = Slow()
    mortal = crash.Mortal(cast(Database, slow))
    mortal.arm("after", 1)
    writing = asyncio.create_task(mortal.write(TOWN, cast(Any, None)))
    await asyncio.sleep(0)
    if disarms:
        mortal.arm("after", 0)
    slow.let.set()
    await writing
    assert killed == ([] if disarms else [os.getpid()])


@pytest.mark.parametrize("disarms", [False, True])
async def test_bug_its_disk_took_it_along_after_it_was_disarmed(
    disarms: bool, killed: list[int], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> armed for the middle of the next transaction, disarmed before the disk works for it << it lives."""
    slow, disk = Slow(), Disk(tmp_path)
    mortal = crash.Mortal(cast(Database, slow), disk)
    mortal.arm("during", 1)
    writing = asyncio.create_task(mortal.write(TOWN, cast(Any, None)))
    await asyncio.sleep(0)
    if disarms:
        mortal.arm("after", 0)
    disk.heard("product")
    assert killed == ([] if disarms else [os.getpid()])
    slow.let.set()
    await writing

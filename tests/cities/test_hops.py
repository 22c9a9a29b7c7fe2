"""What a negotiation leaves the event loop for: the disk, and nothing else (decision 0081)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connector.foundation.storage.sqlite.batch import Outcome
from connector.foundation.storage.sqlite.log_sync import LogSync
from tests.testkit.cities import MUNICIPALITY, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
TIMES = 5
SYNCS = 10
"""Of both sides together for one negotiation; some seven are needed as things are."""


async def test_a_negotiation_hops_to_the_disk_alone(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> five negotiations, after one that has looked up addresses << the log is synced some seven times for each,
    on both sides together; no other thread is asked for anything."""
    town, village = await space.city("town", {TOWN: MUNICIPALITY}), await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, village)
    dataset = (await town.publish(TOWN))["dataset"]
    await village.negotiate(VILLAGE, town.did(TOWN), dataset)
    for city in (town, village):
        await city.services.schedule.jobs.stop()  # which have threads and rows of their own
        for aside in city.services.schedule.rounds:  # begun by them, and perhaps still on their way
            await aside.stop()
    hops, syncs = Counter[str](), Counter[str]()
    submit, committed = ThreadPoolExecutor.submit, LogSync.committed

    def noted_submit(self: ThreadPoolExecutor, work: Any, /, *facts: Any, **named: Any) -> Any:
        hops[repr(work)] += 1
        return submit(self, work, *facts, **named)

    def noted_committed(self: LogSync, outcomes: list[Outcome]) -> None:
        syncs["sync"] += 1
        committed(self, outcomes)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", noted_submit)
    monkeypatch.setattr(LogSync, "committed", noted_committed)
    for _ in range(TIMES):
        assert (await village.negotiate(VILLAGE, town.did(TOWN), dataset))["state"] == "FINALIZED"
    assert not hops
    assert 0 < syncs.total() <= SYNCS * TIMES

"""Whoever looks which answers have ended goes on whatever one look does."""

import asyncio
from typing import Any

import pytest

from connector.data.dataplane import streams as module
from connector.data.dataplane.streams import Streams
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from tests.testkit.patience import eventually


class Database:
    """Reads fail as it is told; what can be read has ended."""

    def __init__(self) -> None:
        self.fails: dict[str, Exception] = {}
        self.looked: list[str] = []

    def listen(self, *_: object) -> None:
        pass

    async def read(self, participant: str, _: object, *args: str) -> bool:
        self.looked.append(participant)
        if participant in self.fails:
            raise self.fails[participant]
        return False


async def test_a_defect_costs_one_look_at_one_answer(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """>> two answers are open, and the look at the first is a defect; then it is none << the second is cut, the defect
    is told with its trace, and with the next look the first is cut, too."""
    monkeypatch.setattr(module, "SWEEP_S", 0.01)
    database, streams, told = Database(), Streams(FakeClock(0)), list[tuple[str, dict[str, Any]]]()
    monkeypatch.setattr(module.log, "exception", lambda event, **more: told.append((event, more)), raising=False)
    database.fails["one"] = RuntimeError("defect")
    running = asyncio.create_task(streams.run(database))  # type: ignore[arg-type]
    ended = list[str]()

    async def answer(participant: str) -> None:
        try:
            async with streams.ticket(participant, "f"):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(participant)

    answers = [asyncio.create_task(answer(participant)) for participant in ("one", "two")]
    await eventually(lambda: ended == ["two"])
    assert not running.done()
    assert told[0] == ("streams.defect", {"participant": "one", "flow": "f"})
    database.fails.clear()
    await eventually(lambda: ended == ["two", "one"])
    running.cancel()
    await asyncio.gather(running, *answers, return_exceptions=True)


async def test_a_database_out_of_reach_cuts_nothing() -> None:
    """>> nobody answers << nothing is cut, and nobody else is asked."""
    database, streams = Database(), Streams(FakeClock(0))
    database.fails = dict.fromkeys(("one", "two"), Unavailable("storage.away"))
    async with streams.ticket("one", "f") as one, streams.ticket("two", "f") as two:
        await streams.sweep(database)  # type: ignore[arg-type]
        assert (one.cause(), two.cause(), database.looked) == (None, None, ["one"])

"""A town that publishes and a village that asks, each in a connector of its own, and a disk that is slow."""

import time
from collections.abc import Iterator

import pytest

from connector.data.dataplane.sinks.files import FileSink
from tests.cities.disk import HeldDisk
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"


@pytest.fixture
async def town(space: Space) -> City:
    return await space.city("town", {TOWN: MUNICIPALITY})


@pytest.fixture
async def village(space: Space, town: City) -> City:
    city = await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, city)
    return city


@pytest.fixture
def pace() -> float:
    """Seconds that a slow disk takes for a MiB."""
    return 0.1


@pytest.fixture
def slow(pace: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A sink that takes its time with each MiB; the list has the sizes written."""
    written: list[int] = []
    write = FileSink.write

    def slowly(sink: FileSink, piece: bytes | bytearray) -> None:
        time.sleep(pace)
        write(sink, piece)
        written.append(len(piece))

    monkeypatch.setattr(FileSink, "write", slowly)
    return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldDisk]:
    """What is received comes no further than the test lets it."""
    held = HeldDisk()
    monkeypatch.setattr(FileSink, "write", lambda sink, piece: held.write(sink, piece))
    yield held
    held.go()

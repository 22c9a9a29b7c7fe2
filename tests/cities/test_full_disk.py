"""The disk of a consumer is full while data come: the transfer waits, and is whole once there is room."""

import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.testkit.cities import Space
from tests.testkit.pair import VILLAGE, Pair, finished, two
from tests.testkit.patience import eventually_said

MIB = 1 << 20
BIG = b"0123456789abcdef" * (24 * MIB // 16)


@pytest.fixture
async def pair(space: Space) -> AsyncIterator[Pair]:
    async with two(space) as pair:
        yield pair


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_a_full_disk_at_the_consumer_loses_nothing(pair: Pair, mode: str) -> None:
    """>> room for 8 of 24 MiB << nothing under the file's name, and no end of the transfer; >> room << the whole file.

    Who fetches reads in the trace that there is no room. Without room all of it is sent again and again.
    """
    await pair.publish(BIG)
    agreement = (await pair.negotiate())["agreement"]
    _, hard = resource.prlimit(pair.consumer.pid, resource.RLIMIT_FSIZE)
    pair.consumer.limit(resource.RLIMIT_FSIZE, 8 * MIB)
    wish = {"agreement": agreement, "mode": mode}
    api, town = pair.consumer.api, f"/api/v1/participants/{VILLAGE}"
    made = await api.post(f"{town}/transfers", wish)

    async def tried() -> bool:
        """It has come to the end of the room, more than once where the other side tells us nothing."""
        if mode == "push":
            return any(row["bytes"] > 8 * MIB for row in pair.provider.rows("SELECT bytes FROM flow"))
        [found] = (await api.get(f"{town}/trace/{made['id']}"))["diagnosis"]
        return "no room left on the disk" in found["cause"]["en"]

    await eventually_said(tried)
    waits = await api.get(f"{town}/transfers/{made['id']}")
    assert (waits["state"], waits["outcome"], waits["file"]) == ("STARTED", None, None)
    pair.consumer.limit(resource.RLIMIT_FSIZE, hard)
    received = await finished(pair, made["id"])
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    assert Path(received["file"]).read_bytes() == BIG
    assert not list((pair.consumer.folder / "received").rglob("*.part"))

"""Processes that stop, stall, lose their peer or their disk: what was begun goes on where it ended."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.foundation.clock import SystemClock
from tests.testkit import crash
from tests.testkit.cities import MUNICIPALITY, Refused, Space, data_space
from tests.testkit.pair import TOWN, VILLAGE, Pair, finished, two
from tests.testkit.patience import PATIENCE_S, eventually, eventually_said

MIB = 1 << 20
BIG = bytes(range(256)) * (128 * MIB // 256)


@pytest.fixture
async def pair(space: Space) -> AsyncIterator[Pair]:
    async with two(space) as pair:
        yield pair


async def begun(pair: Pair, content: bytes) -> str:
    """The consumer's id of a transfer whose first bytes have come."""
    await pair.publish(content)
    agreement = (await pair.negotiate())["agreement"]
    made = await pair.consumer.api.post(f"/api/v1/participants/{VILLAGE}/transfers", {"agreement": agreement})
    return str(made["id"])


def partial(pair: Pair) -> int:
    """Bytes of the transfer that lie at the consumer."""
    return sum(path.stat().st_size for path in (pair.consumer.folder / "received").rglob("*.part"))


async def test_both_restart_while_data_flows_and_only_the_rest_is_fetched(pair: Pair) -> None:
    """128 MiB, both killed in the middle: the bytes are the same, and the provider sent no byte twice.

    Until it is killed the consumer has no room for all of them: whoever looks late finds it waiting, and not done.
    """
    pair.consumer.limit(resource.RLIMIT_FSIZE, 96 * MIB)
    transfer = await begun(pair, BIG)
    await eventually(lambda: partial(pair) > 16 * MIB)
    await asyncio.gather(pair.provider.kill(), pair.consumer.kill())
    there = partial(pair)
    [before] = pair.provider.rows("SELECT bytes FROM flow")
    await asyncio.gather(pair.provider.start(), pair.consumer.start())
    received = await finished(pair, transfer)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    assert Path(received["file"]).read_bytes() == BIG
    [flow] = pair.provider.rows("SELECT bytes FROM flow")
    assert flow["bytes"] - before["bytes"] == len(BIG) - there, "a Range from where the partial file ends"


@pytest.mark.alone
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_sigterm_while_data_flows_and_clients_wait_ends_within_ten_seconds(side: str, pair: Pair) -> None:
    """Exit code 0, leases handed back, the bytes there are kept; after a start the transfer completes."""
    transfer = await begun(pair, BIG)
    path = f"/api/v1/participants/{VILLAGE}/transfers/{transfer}"
    waiting = asyncio.create_task(pair.consumer.api.get(path, wait="60"))
    await eventually(lambda: partial(pair) > 8 * MIB)
    process = pair.provider if side == "provider" else pair.consumer
    begin = time.monotonic()
    assert await process.stop() == 0
    assert time.monotonic() - begin < 10
    assert not process.rows("SELECT id FROM outbox WHERE lease_owner <> '' AND done_at IS NULL")
    await process.start()
    received = await finished(pair, transfer)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_full_disk_at_the_consumer_waits_for_room(pair: Pair) -> None:
    """No byte beyond the room there is, no end of the transfer; with room again it completes by itself."""
    pair.consumer.limit(resource.RLIMIT_FSIZE, 8 * MIB)
    transfer = await begun(pair, BIG[: 32 * MIB])
    tries = (
        "SELECT attempts FROM outbox WHERE kind = 'pull' AND done_at IS NULL AND due_at > created_at AND attempts > 0"
    )
    await eventually(lambda: bool(pair.consumer.rows(tries)))
    found = await pair.consumer.api.get(f"/api/v1/participants/{VILLAGE}/transfers/{transfer}")
    assert (found["state"], found["outcome"]) == ("STARTED", None)
    assert 0 < partial(pair) <= 8 * MIB
    pair.consumer.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    received = await finished(pair, transfer)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
    assert Path(received["file"]).read_bytes() == pair.content


@pytest.mark.long
async def test_a_provider_that_was_down_is_found_again(space: Space) -> None:
    """It dies before it has seen the request: the circuit opens, half-opens, and the negotiation goes on by itself."""
    async with two(space, crash.PROGRAM) as pair:
        await pair.provider.say("before 2")
        negotiating = asyncio.create_task(pair.negotiate())
        assert await pair.provider.ended() == -9
        await eventually(
            lambda: bool(pair.consumer.rows("SELECT 1 FROM outbox WHERE attempts >= 5 AND done_at IS NULL"))
        )
        await pair.provider.start()
        assert (await negotiating)["state"] == "FINALIZED"
        assert len(pair.provider.rows("SELECT 1 FROM agreement")) == 1


class Shifted(SystemClock):
    """The system's clock, moved ahead by hand."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead

    def steady(self) -> int:
        return super().steady() + self.ahead


async def test_readiness_fails_while_the_worker_stalls(tmp_path_factory: pytest.TempPathFactory) -> None:
    """503 names the worker once it has not come round for 15 seconds, 200 when it does again; it lives all along."""
    clock = Shifted()
    async with data_space(tmp_path_factory.mktemp("h"), clock) as space:
        city = await space.city("t", {TOWN: MUNICIPALITY})
        sweep, stalls, stalled = city.services.schedule.worker._sweep, asyncio.Event(), asyncio.Event()

        async def stalling() -> None:
            stalls.set()
            await stalled.wait()

        city.services.schedule.worker._sweep = stalling  # type: ignore[method-assign]
        assert (await city.api.get("/health/ready"))["ready"]
        await asyncio.wait_for(stalls.wait(), PATIENCE_S)
        clock.ahead = 16_000
        with pytest.raises(Refused) as refused:
            await city.api.get("/health/ready")
        assert refused.value.status == 503
        assert refused.value.problem["checks"]["worker"] is False
        assert (await city.api.get("/health/live"))["live"]
        city.services.schedule.worker._sweep = sweep  # type: ignore[method-assign]
        stalled.set()

        async def ready() -> bool:
            try:
                return bool((await city.api.get("/health/ready"))["ready"])
            except Refused:
                return False

        await eventually_said(ready)

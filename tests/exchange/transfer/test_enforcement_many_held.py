"""Holds on several replicas, of many transfers at once, and beside late timers: the same end, in portions."""

import asyncio

import pytest

from connector.data.dataplane import flows
from connector.data.dataplane.streams import Streams
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.transfer import enforcement
from connector.foundation.errors import Unavailable, Unknown
from connector.foundation.storage.database import Database
from connector.kernel.policy.engine import Requester
from tests.exchange.transfer.holds import CONSUMER, DAY, ONLY_TOWNS, PROVIDER, RESTS, clock, delete_by, done, shown
from tests.testkit.cities import COMPANY
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns


async def serve(streams: Streams, flow: str) -> str | None:
    """An answer that would never end; why it did."""
    try:
        async with streams.ticket(PROVIDER, flow) as ticket:
            await asyncio.Event().wait()
    except TimeoutError:
        return ticket.cause()
    return None


async def test_a_hold_cuts_the_streams_of_every_replica(replicas: tuple[Towns, Database], agreed, started) -> None:
    """>> a stream is open at one replica, the change becomes known at the other << cut there, within seconds."""
    towns, other = replicas
    did = towns.did(CONSUMER)
    pair = await started(towns, await agreed(towns, **ONLY_TOWNS))
    streams = Streams(towns.clock)
    listening = asyncio.create_task(streams.run(other))
    try:
        serving = asyncio.create_task(serve(streams, pair[1].id))
        await asyncio.sleep(0)
        towns.requesters[did] = Requester(did=did, kind=COMPANY)
        await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {did})
        await towns.tick()
        assert await asyncio.wait_for(serving, PATIENCE_S) == "closed"
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_two_replicas_hold_it_once_between_them(replicas: tuple[Towns, Database], agreed, started) -> None:
    towns, other = replicas
    did = towns.did(CONSUMER)
    pair = await started(towns, await agreed(towns, **ONLY_TOWNS))
    towns.requesters[did] = Requester(did=did, kind=COMPANY)
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {did})
    await asyncio.gather(towns.tick(), towns.tick(other))
    assert await shown(towns, pair) == RESTS
    assert towns.wire.sent.count(f"{PROVIDER}: TransferSuspensionMessage") == 1


@pytest.mark.threat("T43")
async def test_many_transfers_are_reviewed_in_portions(timed: Towns, agreed, started, monkeypatch) -> None:
    """>> five transfers when the duty is missed, two fit into a portion << each transaction holds two, all are held."""
    monkeypatch.setattr(enforcement, "PORTION", 2)
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    for _ in range(5):
        await started(timed, agreement)
    clock(timed).at = due
    held = "SELECT id FROM transfer WHERE participant = :participant AND held IS NOT NULL"
    await timed.db.write(PROVIDER, timed.enforcement.review, PROVIDER, agreement.id)
    assert len(await timed.rows(PROVIDER, held)) == 2
    await timed.tick()
    assert len(await timed.rows(PROVIDER, held)) == 5


@pytest.mark.threat("T43")
async def test_one_that_cannot_be_released_keeps_no_other_running(timed: Towns, agreed, started, monkeypatch) -> None:
    """>> a held transfer whose data are gone << its release stays undone, the review itself is done."""
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    pair = await started(timed, agreement)
    clock(timed).at = due
    await timed.tick()

    def gone(*_: object) -> str:
        raise Unknown("catalogue.unknown", id="x")

    monkeypatch.setattr(Agreements, "source", gone)
    clock(timed).advance(1000)
    await done(timed, agreement.id)
    assert await shown(timed, pair) == RESTS


async def test_a_late_timer_opens_nothing_that_is_held(timed: Towns, agreed) -> None:
    """>> a push that is held before the peer could be told, then the timer for its address << stays closed."""
    due = clock(timed).now() + 1000
    agreement = await agreed(timed, **delete_by(due))
    await timed.fetch(CONSUMER, PROVIDER, agreement, "push")
    await timed.run(1)
    timed.wire.answers = [Unavailable("peer.busy", status=503)]
    await timed.run()
    [row] = await timed.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant")
    clock(timed).at = due
    await timed.tick()
    await timed.db.write(PROVIDER, timed.transfers.unaddressed, PROVIDER, row["id"])
    flow = await timed.db.read(PROVIDER, flows.find, PROVIDER, row["id"])
    assert flow is not None
    assert (flow.state, (await timed.process(PROVIDER, row["id"])).held) == ("SUSPENDED", "duty")

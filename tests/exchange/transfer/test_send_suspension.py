"""Suspended and resumed by either side, for data that is fetched and for data that is sent (spec/data-plane.md 3.3)."""

import json
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from connector.data.dataplane import flows
from connector.exchange.delivery.messages import TRIES_4XX
from connector.exchange.transfer.model import Mode, TransferRow
from connector.exchange.transfer.send import ADDRESS
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.kernel.policy.engine import Requester
from connector.kernel.protocol import messages as m
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = SIDES = "nachbardorf", "musterstadt"
WHY = {"de": ["Pause."], "en": ["Break."]}
OWNER: dict[Mode, str] = {"pull": PROVIDER, "push": CONSUMER}
MOVER: dict[Mode, str] = {"pull": CONSUMER, "push": PROVIDER}
START = "TransferStartMessage"


async def started(towns: Towns, mode: Mode, **wish: Any) -> tuple[TransferRow, TransferRow]:
    """(consumer's, provider's) transfer, running."""
    agreement = await towns.concluded(CONSUMER, PROVIDER, **wish)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement, mode)
    await towns.run()
    return await both(towns, asked.id)


async def both(towns: Towns, process_id: str) -> tuple[TransferRow, TransferRow]:
    mine = await towns.process(CONSUMER, process_id)
    return mine, await towns.process(PROVIDER, mine.kernel.peer_pid)


def of(pair: tuple[TransferRow, TransferRow], slug: str) -> TransferRow:
    return pair[0] if slug == CONSUMER else pair[1]


async def flow(towns: Towns, process: TransferRow) -> flows.Flow:
    found = await towns.db.read(process.participant, flows.find, process.participant, process.id)
    assert found is not None
    return found


async def suspend(towns: Towns, process: TransferRow) -> None:
    await towns.db.write(process.participant, towns.transfers.suspend, process.participant, process.id, "operator", WHY)
    await towns.run()


async def resume(towns: Towns, process: TransferRow) -> None:
    await towns.db.write(process.participant, towns.transfers.resume, process.participant, process.id)
    await towns.run()


def usual(cases: Iterable[tuple[str, ...]], usual: set[tuple[str, ...]]) -> list[Any]:
    """Every case; all but the usual ones are `long`."""
    return [one if one in usual else pytest.param(*one, marks=pytest.mark.long) for one in cases]


def moved(towns: Towns, mode: Mode) -> list[str]:
    return towns.pulls if mode == "pull" else towns.pushes


RESTS = usual(
    product(("pull", "push"), SIDES, SIDES),
    usual={
        ("pull", CONSUMER, CONSUMER),
        ("pull", PROVIDER, PROVIDER),
        ("push", CONSUMER, PROVIDER),
        ("push", PROVIDER, CONSUMER),
    },
)


@pytest.mark.parametrize(("mode", "suspender", "resumer"), RESTS)
async def test_either_side_suspends_and_resumes(towns: Towns, mode: Mode, suspender: str, resumer: str) -> None:
    """>> suspend << both rest, no data >> resume << the owner gives a fresh address, the bytes are moved again."""
    pair = await started(towns, mode)
    assert moved(towns, mode) == [MOVER[mode]]
    before = (await flow(towns, of(pair, MOVER[mode]))).address
    await suspend(towns, of(pair, suspender))
    pair = await both(towns, pair[0].id)
    assert [process.shown for process in pair] == ["SUSPENDED", "SUSPENDED"]
    assert [process.reason for process in pair] == [WHY, WHY]
    assert [(await flow(towns, process)).state for process in pair] == ["SUSPENDED", "SUSPENDED"]
    said = len(towns.wire.sent)
    await resume(towns, of(pair, resumer))
    asked = [] if resumer == OWNER[mode] else [f"{resumer}: {START}"]
    assert towns.wire.sent[said:] == [*asked, f"{OWNER[mode]}: {START}"]
    pair = await both(towns, pair[0].id)
    assert [process.shown for process in pair] == ["STARTED", "STARTED"]
    assert [process.reason for process in pair] == [None, None]
    assert [(await flow(towns, process)).state for process in pair] == ["STARTED", "STARTED"]
    assert moved(towns, mode) == [MOVER[mode]] * 2
    after = (await flow(towns, of(pair, MOVER[mode]))).address
    assert (before is None, after is None, before != after) == (False, False, True)


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_the_owner_renews_a_running_address(towns: Towns, mode: Mode) -> None:
    """>> START in STARTED from the owner << 200, the state is as it was, the new address is kept."""
    pair = await started(towns, mode)
    before = (await flow(towns, of(pair, MOVER[mode]))).address
    await resume(towns, of(pair, OWNER[mode]))
    pair = await both(towns, pair[0].id)
    assert [process.shown for process in pair] == ["STARTED", "STARTED"]
    assert (await flow(towns, of(pair, MOVER[mode]))).address != before


@pytest.mark.threat("T36")
@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_each_refreshing_start_queues_no_more_errands(towns: Towns, mode: Mode) -> None:
    """>> START in STARTED, again and again, while the bytes cannot be moved << one errand is open, not one for each."""

    async def away(row: OutboxRow) -> None:
        raise Unavailable("peer.busy", status=503)

    towns.handlers[mode] = away
    pair = await started(towns, mode)
    for _ in range(20):
        await resume(towns, of(pair, OWNER[mode]))
    left = "SELECT kind FROM outbox WHERE participant = :participant AND done_at IS NULL"
    assert await towns.rows(MOVER[mode], left) == [{"kind": mode}]


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_who_does_not_own_the_address_cannot_renew_it(towns: Towns, mode: Mode) -> None:
    pair = await started(towns, mode)
    with pytest.raises(Mistake, match=r"transfer\.not-now"):
        await resume(towns, of(pair, MOVER[mode]))


@pytest.mark.on_both
@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_an_owner_that_gives_no_fresh_address_is_not_waited_for_long(towns: Towns, mode: Mode) -> None:
    """>> bare START, and the owner never answers with its own << after the timer the old address is used."""
    pair = await started(towns, mode)
    mover = of(pair, MOVER[mode])
    await suspend(towns, mover)
    before = (await flow(towns, mover)).address
    towns.wire.answers = [Answer(200, {}, b"")]
    await resume(towns, mover)
    assert moved(towns, mode) == [MOVER[mode]]
    timers = await towns.rows(
        mover.participant, "SELECT subject, kind FROM timer WHERE participant = :participant AND kind = 'address'"
    )
    assert timers == [{"subject": mover.id, "kind": ADDRESS}]
    await towns.db.write(mover.participant, towns.transfers.unaddressed, mover.participant, mover.id)
    await towns.run()
    assert moved(towns, mode) == [MOVER[mode]] * 2
    assert (await flow(towns, mover)).address == before
    await towns.db.write(mover.participant, towns.transfers.unaddressed, mover.participant, mover.id)
    await towns.run()
    assert moved(towns, mode) == [MOVER[mode]] * 2


async def test_a_bare_start_from_the_owner_means_as_before(towns: Towns) -> None:
    """<< START without an address after a suspension >> the bytes are fetched with the address from before."""
    pair = await started(towns, "pull")
    await suspend(towns, pair[1])
    before = (await flow(towns, pair[0])).address

    def bare(message: dict[str, Any]) -> None:
        del message["dataAddress"]

    towns.wire.bend[START] = bare
    await resume(towns, pair[1])
    assert towns.pulls == [CONSUMER] * 2
    assert (await flow(towns, pair[0])).address == before


async def test_a_start_without_any_address_asks_a_person(towns: Towns) -> None:
    """<< the first START names no address >> nothing can be fetched; a question says so."""

    def bare(message: dict[str, Any]) -> None:
        del message["dataAddress"]

    towns.wire.bend[START] = bare
    mine, _ = await started(towns, "pull")
    assert (mine.shown, towns.pulls) == ("STARTED", [])
    asked = await towns.rows(CONSUMER, "SELECT subject, kind FROM question WHERE participant = :participant")
    assert asked == [{"subject": mine.id, "kind": "no-address"}]


async def test_a_resumption_asks_the_policy_of_now(towns: Towns) -> None:
    """>> START after the consumer's kind has changed << TERMINATED code policy; the flow never opens again."""
    mine, theirs = await started(towns, "pull")
    await suspend(towns, mine)
    did = towns.did(CONSUMER)
    towns.requesters[did] = Requester(did=did, kind=COMPANY)
    await resume(towns, mine)
    mine, theirs = await both(towns, mine.id)
    assert (mine.shown, theirs.shown) == ("TERMINATED", "TERMINATED")
    assert (await flow(towns, theirs)).state == "TERMINATED"
    assert mine.reason is not None
    assert "Kommune" in mine.reason["de"][0]


async def test_a_refused_suspension_leaves_everything_running(towns: Towns) -> None:
    """<< suspension refused for good >> STARTED, the flow open again and the bytes fetched on."""
    mine, _ = await started(towns, "pull")
    refusal = Answer(400, {}, b"{}")
    seen = Answer(200, {}, json.dumps({"state": "STARTED"}).encode())
    towns.wire.answers = [*[refusal] * TRIES_4XX, seen]
    await suspend(towns, mine)
    for _ in range(5):
        await towns.hurry()
    mine = await towns.process(CONSUMER, mine.id)
    assert (mine.shown, (await flow(towns, mine)).state) == ("STARTED", "STARTED")
    assert towns.pulls == [CONSUMER] * 2


async def test_all_bytes_before_the_suspension_are_said_after_it(towns: Towns) -> None:
    """>> received while the suspension is under way << SUSPENDED; >> resume << COMPLETED at once, nothing fetched."""
    mine, theirs = await started(towns, "pull")
    await towns.db.write(CONSUMER, towns.transfers.suspend, CONSUMER, mine.id, "operator", WHY)
    await towns.db.write(CONSUMER, towns.reports.received, CONSUMER, mine.id, 8, "0" * 64)
    await towns.run()
    mine, theirs = await both(towns, mine.id)
    assert (mine.shown, theirs.shown, mine.outcome) == ("SUSPENDED", "SUSPENDED", "received")
    await resume(towns, mine)
    mine, theirs = await both(towns, mine.id)
    assert (mine.shown, theirs.shown) == ("COMPLETED", "COMPLETED")
    assert towns.pulls == [CONSUMER]


ENDS = usual(
    product(("pull", "push"), ("REQUESTED", "STARTED", "SUSPENDED"), SIDES),
    usual={
        ("pull", "REQUESTED", CONSUMER),
        ("push", "REQUESTED", PROVIDER),
        ("pull", "STARTED", PROVIDER),
        ("push", "STARTED", CONSUMER),
        ("pull", "SUSPENDED", CONSUMER),
        ("push", "SUSPENDED", PROVIDER),
    },
)


@pytest.mark.parametrize(("mode", "state", "slug"), ENDS)
async def test_either_side_terminates_in_every_state(towns: Towns, mode: Mode, state: str, slug: str) -> None:
    """>> terminate << TERMINATED on both sides, and neither flow can be used any more."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement, mode)
    if state == "REQUESTED":
        await towns.run(1)
    else:
        await towns.run()
    pair = await both(towns, asked.id)
    if state == "SUSPENDED":
        await suspend(towns, of(pair, slug))
    await towns.db.write(slug, towns.transfers.terminate, slug, of(pair, slug).id, "operator", WHY)
    await towns.run()
    pair = await both(towns, asked.id)
    assert [process.shown for process in pair] == ["TERMINATED", "TERMINATED"]
    assert of(pair, PROVIDER if slug == CONSUMER else CONSUMER).reason == WHY
    for process in pair:
        found = await towns.db.read(process.participant, flows.find, process.participant, process.id)
        assert found is None or found.state == "TERMINATED"


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_what_cannot_be_said_now_is_a_mistake(towns: Towns, mode: Mode) -> None:
    """>> suspend or resume before the start, or after the end << transfer.not-now, and nothing is sent."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement, mode)
    said = len(towns.wire.sent)

    async def refused() -> None:
        with pytest.raises(Mistake, match=r"transfer\.not-now"):
            await towns.db.write(CONSUMER, towns.transfers.suspend, CONSUMER, asked.id, "operator", WHY)
        with pytest.raises(Mistake, match=r"transfer\.not-now"):
            await towns.db.write(CONSUMER, towns.transfers.resume, CONSUMER, asked.id)

    await refused()
    assert len(towns.wire.sent) == said
    await towns.db.write(CONSUMER, towns.transfers.terminate, CONSUMER, asked.id, "operator", WHY)
    await towns.run()
    await refused()


@pytest.mark.parametrize("slug", [CONSUMER, PROVIDER])
async def test_a_completion_in_suspended_is_refused(towns: Towns, slug: str) -> None:
    """<< completion in SUSPENDED >> transfer.illegal; still SUSPENDED (TP:03-03, TP_C:03-03)."""
    pair = await started(towns, "pull")
    await suspend(towns, pair[0])
    mine, theirs = pair
    done = m.TransferCompletionMessage(provider_pid=theirs.id, consumer_pid=mine.id, id="urn:uuid:1")
    other = PROVIDER if slug == CONSUMER else CONSUMER
    with pytest.raises(PeerError, match=r"transfer\.illegal"):
        await towns.db.write(slug, towns.transfers.receive, slug, towns.partner(other), of(pair, slug).id, done, "0")
    assert (await towns.process(slug, of(pair, slug).id)).shown == "SUSPENDED"


async def test_expiry_ends_a_suspended_transfer_too(towns: Towns) -> None:
    """>> the agreement runs out while it rests << TERMINATED on both sides."""
    mine, theirs = await started(towns, "push")
    await suspend(towns, mine)

    def past(tx: Tx) -> None:
        tx.run("UPDATE agreement SET expires_at = 1 WHERE participant = :p", p=PROVIDER)

    await towns.db.write(PROVIDER, past)
    await towns.db.write(PROVIDER, towns.transfers.expire, PROVIDER, theirs.id)
    await towns.run()
    assert [process.shown for process in await both(towns, mine.id)] == ["TERMINATED", "TERMINATED"]

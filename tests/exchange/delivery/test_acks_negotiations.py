"""Whole negotiations whose answers are booked late: how many commits they take, and what a crash leaves of them."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.exchange.delivery.worker import Worker
from connector.foundation.clock import SystemClock
from connector.foundation.errors import PeerError
from connector.foundation.http.outbound import Answer
from connector.foundation.ids import new_id
from connector.foundation.language.reasons import because
from connector.foundation.settings.load import Worker as Settings
from connector.foundation.storage import open_database, outbox
from connector.foundation.storage.database import WORKER
from connector.kernel.protocol.messages import CONTEXT
from tests.exchange.delivery.late import NEVER, TOWN, VILLAGE, Counting, until
from tests.testkit.towns import Towns


@pytest.fixture
async def counted(migrated: Path, tmp_path: Path) -> AsyncIterator[tuple[Towns, Counting]]:
    """Both towns over a database that counts."""
    counting = Counting(open_database(f"sqlite://{shutil.copy(migrated, tmp_path / 'hanse.db')}"))
    await counting.start()
    towns = Towns(counting, tmp_path)
    await towns.add(TOWN, VILLAGE)
    yield towns, counting
    await counting.close()


async def test_a_negotiation_takes_five_commits_one_after_the_other(counted: tuple[Towns, Counting]) -> None:
    """>> request, agreement, verification, finalized << one unit to send each and to take the last, and no read."""
    towns, counting = counted
    made = await towns.publish(TOWN)
    settings = Settings(sweep_s=NEVER, lease_s=4 * NEVER)
    worker = Worker(counting, SystemClock(), towns.handlers, "me", settings, acks=towns.acks)
    await worker.start()
    counting.written.clear()
    counting.read_by.clear()
    asked = await towns.ask(VILLAGE, TOWN, made)
    reached = "SELECT 1 AS one FROM negotiation WHERE participant = :participant AND state = 'FINALIZED'"
    while not await _quietly(counting, VILLAGE, reached):
        await asyncio.sleep(0)
    critical = counting.written[: counting.written.index(VILLAGE, counting.written.index(TOWN, 2) + 1) + 1]
    assert critical == [VILLAGE, TOWN, VILLAGE, TOWN, VILLAGE]
    assert counting.read_by == []
    await worker.stop()
    both = "SELECT state FROM negotiation"
    assert [row["state"] for row in await _quietly(counting, TOWN, both)] == ["FINALIZED"] * 2
    assert asked.id
    # What comes behind it: the answer to FINALIZED, and the lines of those that the next message had settled; each
    # side sent two, which are booked together if nothing took long in between.
    behind = counting.written[len(critical) : -1]  # the last unit hands leases back
    assert set(behind) == {TOWN, VILLAGE}
    assert max(behind.count(TOWN), behind.count(VILLAGE)) <= 2


async def _quietly(counting: Counting, scope: str, sql: str) -> list[dict[str, object]]:
    return await counting._database.read(
        scope, lambda tx: [dict(row) for row in tx.all(sql, **({"participant": scope} if ":p" in sql else {}))]
    )


@pytest.mark.on_both
async def test_every_answer_but_the_last_is_settled_by_a_message(towns: Towns) -> None:
    """>> a negotiation in which nobody books an answer << both are FINALIZED, the answer to that alone is."""
    towns.late_acks = True
    agreement = await towns.concluded(VILLAGE, TOWN)
    assert agreement.state == "finalized"
    open_rows = "SELECT body FROM outbox WHERE participant = :participant AND done_at IS NULL"
    assert await towns.rows(VILLAGE, open_rows) == []
    assert all(b'"kind":"FINALIZE"' in bytes(row["body"]) for row in await towns.rows(TOWN, open_rows))
    await towns.acks.booked()
    assert await towns.rows(TOWN, open_rows) == []
    for slug, kinds in ((VILLAGE, ["REQUEST", "VERIFY"]), (TOWN, ["AGREE", "FINALIZE"])):
        lines = await towns.rows(
            slug, "SELECT kind, status FROM transcript WHERE participant = :participant AND direction = 'out'"
        )
        assert sorted(line["kind"] for line in lines) == kinds
        assert all(200 <= line["status"] < 300 for line in lines)


async def test_an_end_leaves_with_the_pid_that_the_answer_named(counted: tuple[Towns, Counting]) -> None:
    """>> request << 201 with a pid, and no word more >> an end, before that was booked: it knows the pid."""
    towns, counting = counted
    made = await towns.publish(TOWN)
    said = {"@type": "ContractNegotiation", "providerPid": "urn:uuid:theirs", "state": "REQUESTED"}
    towns.wire.answers = [Answer(201, {}, json.dumps(said).encode()), Answer(200, {}, b"")]
    worker = Worker(counting, SystemClock(), towns.handlers, "me", Settings(sweep_s=0.02), acks=towns.acks)
    await worker.start()
    asked = await towns.ask(VILLAGE, TOWN, made)
    stream = f"negotiation:{VILLAGE}:{asked.id}"
    await until(lambda: towns.acks.holds(stream))
    await towns.db.write(VILLAGE, towns.contracts.terminate, VILLAGE, asked.id, "operator", because("reason.none"))
    await until(lambda: len(towns.wire.sent) == 2)
    await worker.stop()
    ended = await towns.case(VILLAGE, asked.id)
    assert (ended.shown, ended.kernel.peer_pid) == ("TERMINATED", "urn:uuid:theirs")
    assert towns.wire.sent[-1] == f"{VILLAGE}: ContractNegotiationTerminationMessage"


async def test_a_peer_is_held_to_the_pid_of_an_answer_that_nobody_has_booked(counted: tuple[Towns, Counting]) -> None:
    """>> request << 201 with a pid; booking it fails << an end under another pid is refused, under that one taken."""
    towns, counting = counted
    made = await towns.publish(TOWN)
    said = {"@type": "ContractNegotiation", "providerPid": "urn:uuid:theirs", "state": "REQUESTED"}
    towns.wire.answers = [Answer(201, {}, json.dumps(said).encode())]
    worker = Worker(counting, SystemClock(), towns.handlers, "me", Settings(sweep_s=NEVER), acks=towns.acks)
    await worker.start()
    asked = await towns.ask(VILLAGE, TOWN, made)
    stream = f"negotiation:{VILLAGE}:{asked.id}"
    await until(lambda: towns.acks.holds(stream))

    async def ended(pid: str) -> None:
        end = {
            "@context": [CONTEXT],
            "@type": "ContractNegotiationTerminationMessage",
            "@id": new_id(),
            "providerPid": pid,
            "consumerPid": asked.id,
        }
        address = f"https://x.example/2025-1/negotiations/{asked.id}/termination"
        await towns.receive(TOWN, towns.partner(VILLAGE).did, address, end)

    with pytest.raises(PeerError, match=r"contracts\.illegal.*pid"):
        await ended("urn:uuid:other")
    counting.full = True
    await towns.acks.booked()
    counting.full = False
    assert not towns.acks.holds(stream)
    with pytest.raises(PeerError, match=r"contracts\.illegal.*pid"):
        await ended("urn:uuid:other")
    await ended("urn:uuid:theirs")
    assert (await towns.case(VILLAGE, asked.id)).kernel.peer_pid == "urn:uuid:theirs"
    await worker.stop()


@pytest.mark.on_both
@pytest.mark.threat("T57")
@pytest.mark.parametrize("dies", range(1, 6))
async def test_a_crash_at_any_commit_with_answers_unbooked_ends_in_one_contract(towns: Towns, dies: int) -> None:
    """>> the process dies after any commit, with every answer forgotten << sent again, and taken as repeated."""
    towns.late_acks = True
    made = await towns.publish(TOWN)
    asked = await towns.ask(VILLAGE, TOWN, made)
    await towns.run(rows=dies - 1)
    towns.acks._open.clear()
    towns.acks._lingering.clear()
    towns.acks._due.clear()
    await towns.db.write(WORKER, outbox.hand_back, "towns")
    towns.late_acks = False
    for _ in range(3):
        await towns.hurry()
    for slug in (TOWN, VILLAGE):
        rows = await towns.rows(slug, "SELECT state FROM agreement WHERE participant = :participant")
        assert [row["state"] for row in rows] == ["finalized"]
        told = "SELECT 1 AS one FROM audit_entry WHERE participant = :participant AND type = 'agreement'"
        assert len(await towns.rows(slug, told)) == 1
    assert (await towns.case(VILLAGE, asked.id)).shown == "FINALIZED"

"""One jump of the clock holds nothing for longer than it is long, and is noticed, said and mended (T70)."""

import pytest

from connector.exchange.contracts.document.second_seal import DUE, SELDOM_MS
from connector.exchange.delivery.circuit import LONGEST_MS, THRESHOLD, Circuits
from connector.exchange.transfer.send import ADDRESS, ADDRESS_MS, EXPIRY
from connector.foundation.clock import FakeClock
from connector.foundation.storage import lease, open_database, outbox
from connector.foundation.storage.database import PROCESS, WORKER, Database, Tx
from connector.foundation.storage.work import review, timer
from connector.foundation.telemetry import Metrics
from connector.identity.jobs.clock_watch import DOUBT_MS, ClockWatch
from connector.identity.jobs.scheduler import Jobs

TOWN = "musterstadt"
YEAR = 400 * 86_400_000
LEASE_MS = 10_000

pytestmark = pytest.mark.threat("T70")


def ahead(tx: Tx) -> None:
    """The transaction sees the time as a clock shows it that is 400 days ahead."""
    tx.now += YEAR


def put(tx: Tx, stream: str = "s") -> int:
    return outbox.put(tx, participant=TOWN, stream=stream, kind="message", body=b"{}")


def watch(db: Database, clock: FakeClock | None = None, metrics: Metrics | None = None) -> ClockWatch:
    return ClockWatch(db, clock or FakeClock(), metrics or Metrics(), {ADDRESS: ADDRESS_MS, DUE: SELDOM_MS})


async def claimed(db: Database, me: str = "me") -> int:
    return len(await db.write(WORKER, outbox.claim, me, 10, LEASE_MS))


async def test_a_row_leased_by_a_clock_that_was_ahead_is_free(any_db: Database) -> None:
    """>> claimed at +400 days by a process that died, the clock back << claimed by the next one at once."""
    await any_db.write(TOWN, put)

    def taken(tx: Tx) -> int:
        ahead(tx)
        return len(outbox.claim(tx, "dead", 10, LEASE_MS))

    assert await any_db.write(WORKER, taken) == 1
    assert await claimed(any_db) == 1
    assert await claimed(any_db, "third") == 0


async def test_a_lease_taken_by_a_clock_that_was_ahead_is_free(any_db: Database) -> None:
    """>> the sealer's lease at +400 days << another replica takes it with a higher fence; a true one stays held."""

    def taken(tx: Tx) -> int | None:
        ahead(tx)
        return lease.take(tx, "seal", "dead", LEASE_MS)

    assert await any_db.write(PROCESS, taken) == 1
    assert await any_db.write(PROCESS, lease.take, "seal", "me", LEASE_MS) == 2
    assert await any_db.write(PROCESS, lease.take, "seal", "third", LEASE_MS) is None


async def test_a_row_put_off_by_a_clock_that_is_ahead_waits_an_hour_at_most(any_db: Database) -> None:
    """>> postponed by a process whose own clock is 400 days ahead << due within the hour by the database's time."""
    await any_db.write(TOWN, put)
    (row,) = await any_db.write(WORKER, outbox.claim, "me", 1, LEASE_MS)

    def postponed(tx: Tx) -> int:
        assert outbox.postpone(tx, row, tx.now + YEAR)
        found = tx.one("SELECT due_at FROM outbox WHERE id = :id", id=row.id)
        assert found is not None
        return int(found["due_at"]) - tx.now

    assert await any_db.write(TOWN, postponed) == outbox.LONGEST_WAIT_MS


async def test_a_start_after_the_clock_went_back_mends_what_waits(any_db: Database) -> None:
    """>> rows, reviews and pauses of +400 days, a restart with the right time << due now; true deadlines stay."""

    def written(tx: Tx) -> None:
        ahead(tx)
        outbox.put(tx, participant=TOWN, stream="s", kind="message", body=b"{}", due_at=tx.now + 300_000)
        timer(tx, TOWN, ADDRESS, "paused", tx.now + ADDRESS_MS)
        timer(tx, TOWN, EXPIRY, "agreed", tx.now + ADDRESS_MS)
        review(tx, TOWN, "agreement", tx.now + 60_000)

    def noted(tx: Tx) -> None:
        tx.run("INSERT INTO clock_note (id, at) VALUES (1, :at)", at=tx.now + YEAR)

    await any_db.write(TOWN, written)
    await any_db.write(PROCESS, noted)
    assert await claimed(any_db) == 0
    looking = watch(any_db)
    await looking.start()
    assert looking.last is not None
    assert looking.last.ms < 0
    assert await claimed(any_db) == 1

    def due(tx: Tx) -> set[str]:
        return {str(row["kind"]) for row in tx.all("SELECT kind FROM timer WHERE due_at <= :now", now=tx.now)}

    assert await any_db.read(TOWN, due) == {ADDRESS, "review"}


async def test_a_jump_while_it_runs_is_said_counted_and_doubted(sqlite_db: Database) -> None:
    """>> +400 days << a jump, a counter, doubt for ten minutes; back again << no doubt, all as before."""
    clock, metrics = FakeClock(), Metrics()
    looking = watch(sqlite_db, clock, metrics)
    await looking.start()
    clock.advance(60_000)
    await looking.look()
    assert not looking.doubt()
    clock.jump(YEAR)
    await looking.look()
    assert looking.doubt()
    assert looking.last is not None
    assert looking.last.ms == YEAR
    assert 'hanse_clock_jumps_total{way="on"} 1' in metrics.text()
    assert "hanse_clock_in_doubt 1" in metrics.text()
    clock.jump(-YEAR)
    await looking.look()
    assert not looking.doubt()


async def test_doubt_ends_by_itself(sqlite_db: Database) -> None:
    """A clock that was mended is believed ten minutes later."""
    clock = FakeClock()
    looking = watch(sqlite_db, clock)
    await looking.start()
    clock.jump(YEAR)
    await looking.look()
    clock.advance(DOUBT_MS - 1)
    await looking.look()
    assert looking.doubt()
    clock.advance(1)
    assert not looking.doubt()


async def test_nothing_is_ended_by_a_jump_that_is_taken_back(migrated, tmp_path) -> None:
    """>> +400 days and back within ten minutes << no timer fired, no job ran; then both do as before."""
    clock, fired, ran = FakeClock(), list[str](), list[str]()
    db = open_database(f"sqlite://{_copied(migrated, tmp_path)}", clock=clock)
    await db.start()
    try:

        async def job() -> None:
            ran.append("forget")

        def fire(tx: Tx, participant: str, subject: str) -> None:
            fired.append(subject)

        looking = watch(db, clock)
        await looking.start()
        jobs = Jobs(db, clock, "me", {EXPIRY: fire}, {"forget": (60.0, job)}, {}, looking)
        await db.write(TOWN, lambda tx: timer(tx, TOWN, EXPIRY, "agreed", tx.now + 1_000))
        clock.jump(YEAR)
        await jobs.tick()
        assert (fired, ran) == ([], [])
        clock.jump(-YEAR)
        await jobs.tick()
        assert (fired, ran) == ([], ["forget"])
        clock.advance(1_000)
        await jobs.tick()
        assert fired == ["agreed"]
    finally:
        await db.close()


async def test_bug_a_restart_ended_the_doubt(migrated, tmp_path) -> None:
    """>> +400 days, killed and started again while in doubt << no timer fires until the ten minutes are over."""
    clock, fired = FakeClock(), list[str]()
    db = open_database(f"sqlite://{_copied(migrated, tmp_path)}", clock=clock)
    await db.start()

    async def started() -> Jobs:
        looking = watch(db, clock)
        await looking.start()
        return Jobs(db, clock, "me", {EXPIRY: lambda tx, who, subject: fired.append(subject)}, {}, {}, looking)

    try:
        jobs = await started()
        await db.write(TOWN, lambda tx: timer(tx, TOWN, EXPIRY, "agreed", tx.now + 60_000))
        clock.jump(YEAR)
        await jobs.tick()
        for _ in range(3):
            clock.advance(DOUBT_MS // 4)
            jobs = await started()
            await jobs.tick()
            assert fired == []
        clock.advance(DOUBT_MS // 4)
        await jobs.tick()
        assert fired == ["agreed"]
        clock.jump(-YEAR)
        jobs = await started()
        clock.advance(DOUBT_MS)
        await db.write(TOWN, lambda tx: timer(tx, TOWN, EXPIRY, "after", tx.now))
        await jobs.tick()
        assert fired == ["agreed", "after"]
    finally:
        await db.close()


def _copied(migrated, folder):
    place = folder / "hanse.db"
    place.write_bytes(migrated.read_bytes())
    return place


def test_a_circuit_knows_no_jumps() -> None:
    """Its instants are of the clock that never jumps: 400 days ahead and back it is open for two minutes at most."""
    clock, circuits = FakeClock(), Circuits()
    clock.jump(YEAR)
    for _ in range(THRESHOLD + 10):
        circuits.failed(TOWN, "did:web:peer.example", clock.steady())
    clock.jump(-YEAR)
    assert circuits.blocked_until(TOWN, "did:web:peer.example", clock.steady()) <= clock.steady() + LONGEST_MS
    clock.advance(LONGEST_MS)
    assert circuits.blocked_until(TOWN, "did:web:peer.example", clock.steady()) == 0


async def test_an_hour_of_the_database_counts_for_timers_not_that_of_a_replica(postgres_db: Database) -> None:
    """Bug: a replica whose own clock was ahead booked timers done before their time, and nobody acted on them."""
    fired = list[str]()

    def fire(tx: Tx, participant: str, subject: str) -> None:
        fired.append(subject)

    await postgres_db.write(TOWN, lambda tx: timer(tx, TOWN, EXPIRY, "agreed", tx.now + 3_600_000))
    await Jobs(postgres_db, FakeClock(at=4_000_000_000_000), "me", {EXPIRY: fire}, {}, {}).tick()
    assert fired == []

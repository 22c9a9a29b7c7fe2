"""Timers fire once whoever is running; jobs for one replica run in one; nothing that breaks stops the rest."""

import asyncio

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.storage import lease
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.foundation.storage.work import review, timer
from connector.identity.jobs.scheduler import TOKENS_KEPT_MS, Jobs, forget_tokens
from tests.testkit.patience import PATIENCE_S

TOWN = "musterstadt"


class Fired:
    """Notes what fired; fails for the subjects in `broken`."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.broken: dict[str, Exception] = {}

    def __call__(self, tx: Tx, participant: str, subject: str) -> None:
        if subject in self.broken:
            raise self.broken[subject]
        self.subjects.append(subject)


def jobs(db: Database, fired: Fired, me: str = "me", **every: object) -> Jobs:
    return Jobs(db, SystemClock(), me, {"expiry": fired}, every, {})  # type: ignore[arg-type]


def past(tx: Tx, subject: str, kind: str = "expiry") -> None:
    timer(tx, TOWN, kind, subject, tx.now - 1)


async def test_a_timer_fires_once_and_not_before_its_time(any_db: Database) -> None:
    fired = Fired()

    def future(tx: Tx) -> None:
        timer(tx, TOWN, "expiry", "later", tx.now + 60_000)

    await any_db.write(TOWN, past, "now")
    await any_db.write(TOWN, future)
    for _ in range(3):
        await jobs(any_db, fired).tick()
    assert fired.subjects == ["now"]


async def test_two_replicas_fire_it_once_between_them(any_db: Database) -> None:
    """>> twenty timers, four replicas at once << twenty firings."""
    fired = Fired()
    for n in range(20):
        await any_db.write(TOWN, past, str(n))
    await asyncio.gather(*(jobs(any_db, fired, me=str(n)).tick() for n in range(4)))
    assert sorted(fired.subjects, key=int) == [str(n) for n in range(20)]


async def test_a_timer_that_could_not_act_fires_again(any_db: Database) -> None:
    """>> the action fails << the timer is not booked; the next tick does it."""
    fired = Fired()
    fired.broken["x"] = Unavailable("storage.unreachable", reason="test")
    await any_db.write(TOWN, past, "x")
    await jobs(any_db, fired).tick()
    fired.broken.clear()
    await jobs(any_db, fired).tick()
    assert fired.subjects == ["x"]


@pytest.mark.parametrize("failure", [Defect("defect"), ZeroDivisionError()], ids=["ours", "nobody's"])
async def test_one_broken_timer_stops_neither_the_others_nor_the_jobs(any_db: Database, failure: Exception) -> None:
    """>> a timer that always fails, before another << the other fires, and the jobs run."""
    fired, ran = Fired(), list[str]()
    fired.broken["bad"] = failure
    await any_db.write(TOWN, past, "bad")
    await any_db.write(TOWN, past, "good")

    async def job() -> None:
        ran.append("job")

    await jobs(any_db, fired, sweep=(1.0, job)).tick()
    assert (fired.subjects, ran) == (["good"], ["job"])


async def test_a_job_for_one_replica_runs_in_one(postgres_db: Database) -> None:
    """>> three replicas tick << one of them runs the job; each runs what is its own."""
    ran: list[str] = []

    def named(me: str) -> Jobs:
        async def leased() -> None:
            ran.append("leased")

        async def own() -> None:
            ran.append(me)

        return Jobs(postgres_db, SystemClock(), me, {}, {"seal": (60.0, leased)}, {"list": (60.0, own)})

    for replica in [named("a"), named("b"), named("c")]:
        await replica.tick()
    assert sorted(ran) == ["a", "b", "c", "leased"]


def leases(tx: Tx) -> list[str]:
    return [str(row["name"]) for row in tx.all("SELECT name FROM lease")]


async def test_the_only_process_asks_nobody_for_leave(sqlite_db: Database) -> None:
    """>> a job of five seconds, for a minute << it ran twelve times and wrote nothing; one that a dead process began an
    hour ago is not waited for."""
    clock, ran = FakeClock(), list[int]()

    async def job() -> None:
        ran.append(clock.now())

    await sqlite_db.write(PROCESS, lease.take, "look", "a dead process", 3_600_000)
    one = Jobs(sqlite_db, clock, "me", {}, {"look": (5.0, job)}, {})
    for _ in range(12):
        await one.tick()
        clock.advance(5_000)
    assert len(ran) == 12
    assert await sqlite_db.read(PROCESS, lambda tx: tx.all("SELECT owner FROM lease")) == [{"owner": "a dead process"}]


async def test_a_job_that_is_not_wanted_asks_the_database_for_nothing(postgres_db: Database) -> None:
    """>> nothing to do for a while, then something << no lease in the meantime, then the job."""
    clock, ran, work = FakeClock(), list[int](), list[str]()

    async def job() -> None:
        ran.append(clock.now())

    one = Jobs(postgres_db, clock, "me", {}, {"lists": (1.0, job)}, {}, wanted={"lists": lambda: bool(work)})
    for _ in range(3):
        await one.tick()
        clock.advance(1000)
    assert (ran, await postgres_db.read(PROCESS, leases)) == ([], [])
    work.append("a space")
    await one.tick()
    assert (len(ran), await postgres_db.read(PROCESS, leases)) == (1, ["lists"])


async def test_a_job_runs_at_its_period(sqlite_db: Database) -> None:
    clock, ran = FakeClock(), list[int]()

    async def job() -> None:
        ran.append(clock.now())

    one = Jobs(sqlite_db, clock, "me", {}, {}, {"look": (10.0, job)})
    for _ in range(25):
        await one.tick()
        clock.advance(1000)
    assert [at - ran[0] for at in ran] == [0, 10_000, 20_000]


async def test_the_loop_survives_what_its_jobs_do(sqlite_db: Database) -> None:
    """>> a job that breaks in every tick << the loop is still there; stop ends it."""
    broke = asyncio.Event()

    async def job() -> None:
        broke.set()
        raise ZeroDivisionError

    one = Jobs(sqlite_db, SystemClock(), "me", {}, {}, {"bad": (0.0, job)})
    one.start()
    async with asyncio.timeout(PATIENCE_S):
        await broke.wait()
    await asyncio.sleep(0)
    assert one.alive()
    await one.stop()
    assert not one.alive()


async def test_only_tokens_past_their_time_are_forgotten(any_db: Database) -> None:
    """A token id is kept a minute beyond its expiry, for clocks that differ; other participants' rows stay."""

    def seen(tx: Tx, participant: str) -> None:
        for jti, age in (("old", TOKENS_KEPT_MS + 1000), ("just", TOKENS_KEPT_MS - 10_000), ("fresh", -60_000)):
            tx.run(
                "INSERT INTO seen_token (participant, issuer, jti, expires_at) VALUES (:p, 'did:web:a', :jti, :at)",
                p=participant,
                jti=jti,
                at=tx.now - age,
            )

    def kept(tx: Tx, participant: str) -> list[str]:
        rows = tx.all("SELECT jti FROM seen_token WHERE participant = :p ORDER BY jti", p=participant)
        return [row["jti"] for row in rows]

    for town in (TOWN, "nachbardorf"):
        await any_db.write(town, seen, town)
    await any_db.write(TOWN, forget_tokens, TOWN)
    assert await any_db.read(TOWN, kept, TOWN) == ["fresh", "just"]
    assert await any_db.read("nachbardorf", kept, "nachbardorf") == ["fresh", "just", "old"]


async def test_very_many_timers_are_due_at_once(sqlite_db: Database) -> None:
    """>> five hundred at once << one tick fires them all, though they are read in portions."""
    fired = Fired()

    def many(tx: Tx) -> None:
        for n in range(500):
            past(tx, str(n))

    await sqlite_db.write(TOWN, many)
    await jobs(sqlite_db, fired).tick()
    assert len(set(fired.subjects)) == len(fired.subjects) == 500


async def test_of_reviews_of_one_agreement_the_earliest_waits(any_db: Database) -> None:
    """>> reviews at 3, 1 and 2 << one row, due at 1; once it has fired another may wait; expiries are not counted."""
    rows = "SELECT due_at FROM timer WHERE participant = :participant AND kind = 'review' AND done_at IS NULL"
    for due_at in (3, 1, 2):
        await any_db.write(TOWN, review, TOWN, "urn:a", due_at)
    await any_db.write(TOWN, past, "urn:a")
    await any_db.write(TOWN, past, "urn:a")
    assert await any_db.read(TOWN, lambda tx: [row["due_at"] for row in tx.all(rows, participant=TOWN)]) == [1]
    fired = Fired()
    await Jobs(any_db, SystemClock(), "me", {"review": fired, "expiry": fired}, {}, {}).tick()
    assert fired.subjects.count("urn:a") == 3
    await any_db.write(TOWN, review, TOWN, "urn:a", 9)
    assert await any_db.read(TOWN, lambda tx: [row["due_at"] for row in tx.all(rows, participant=TOWN)]) == [9]


async def test_a_review_that_is_booked_while_one_fires_is_not_lost(any_db: Database) -> None:
    """>> the review books the next one in the transaction that marks it done << that one waits."""

    def again(tx: Tx, participant: str, subject: str) -> None:
        review(tx, participant, subject, tx.now + 60_000)

    await any_db.write(TOWN, review, TOWN, "urn:a", 1)
    for _ in range(2):
        await Jobs(any_db, SystemClock(), "me", {"review": again}, {}, {}).tick()
    left = await any_db.read(TOWN, lambda tx: tx.all("SELECT done_at FROM timer ORDER BY id"))
    assert [row["done_at"] is None for row in left] == [False, True]


async def test_what_always_fails_keeps_nothing_waiting(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more timers that fail than are read at once, and one behind them << that one fires in the same tick."""
    monkeypatch.setattr("connector.identity.jobs.scheduler.AT_ONCE", 2)
    fired = Fired()
    for n in range(5):
        fired.broken[f"broken {n}"] = Unavailable("peer.busy", status=503)
        await any_db.write(TOWN, past, f"broken {n}")
    await any_db.write(TOWN, past, "good")
    await jobs(any_db, fired).tick()
    assert fired.subjects == ["good"]

"""What has served its time is forgotten, of every participant; what changed about a peer is told to all of them."""

from typing import Any

import pytest

from connector.continuity.privacy import holds
from connector.exchange.trace import store as transcript
from connector.exchange.trace.store import MOST_LINES, Line
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.decision.decision_store import MOST_REFUSALS, KeptDecision
from connector.foundation.errors import Unavailable
from connector.foundation.storage.at_rest import at_rest
from connector.foundation.storage.database import Tx
from connector.oversight.operation.maintenance import Maintenance
from tests.exchange.transfer.conftest import agreed, started
from tests.exchange.transfer.holds import RESTS, RUNS, shown
from tests.testkit.towns import Towns

__all__ = ["agreed", "started"]

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
DAY = 86_400_000
DECISIONS = "SELECT id FROM decision WHERE participant = :participant AND at = :at"
LINES = "SELECT process FROM transcript WHERE participant = :participant"


class NoEvidence:
    """Counts the logs that were to be sealed; the keys of those that are `away` do not answer."""

    def __init__(self) -> None:
        self.sealed: list[str] = []
        self.away: set[str] = set()

    async def seal_log(self, hosted: Any) -> None:
        self.sealed.append(hosted.participant.id)
        if hosted.participant.id in self.away:
            raise Unavailable("signer.away", host=hosted.participant.id)


def maintenance(towns: Towns, evidence: NoEvidence, days: int = 30) -> Maintenance:
    return Maintenance(towns.db, towns.clock, towns.participants, evidence, towns.enforcement, days)  # type: ignore[arg-type]


async def test_decisions_are_kept_as_long_as_transcripts(towns: Towns) -> None:
    """>> decisions of today and of 31 days ago, at both towns << those of today are left."""

    def keep(tx: Tx, slug: str, name: str, at: int) -> None:
        ruled = KeptDecision(
            id=name, agreement="urn:a", process="urn:p", phase="access", permit=True, at=at, record="{}", world="{}"
        )
        decision_store.insert_decision(tx, slug, ruled)

    now = towns.clock.now()
    for slug in (CONSUMER, PROVIDER):
        await towns.db.write(slug, keep, slug, "old", now - 31 * DAY)
        await towns.db.write(slug, keep, slug, "new", now)
    await maintenance(towns, NoEvidence()).forget()
    for slug in (CONSUMER, PROVIDER):
        left = await towns.db.read(slug, decision_store.decisions, slug, "urn:p")
        assert [ruled.id for ruled in left] == ["new"]


@pytest.mark.on_both
@pytest.mark.threat("T53")
@pytest.mark.parametrize(("about", "left"), [("agreement", {"its"}), ("everything", {"its", "other"})])
async def test_what_a_hold_covers_does_not_age_away(towns: Towns, about: str, left: set[str]) -> None:
    """Bug: >> a hold, then old decisions and what peers said << the files that a lawsuit needs went by themselves."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    process = await towns.fetch(CONSUMER, PROVIDER, agreement)
    old = towns.clock.now() - 31 * DAY
    spoken = {"its": (agreement.negotiation, process.id, agreement.id), "other": ("urn:b", "~did:web:x")}

    def keep(tx: Tx) -> None:
        tx.run("DELETE FROM transcript WHERE participant = :p", p=CONSUMER)
        for name, of in (("its", agreement.id), ("other", "urn:b")):
            ruled = KeptDecision(
                id=name, agreement=of, process=name, phase="access", permit=True, at=old, record="{}", world="{}"
            )
            decision_store.insert_decision(tx, CONSUMER, ruled)
        for one in (one for places in spoken.values() for one in places):
            transcript.write(tx, CONSUMER, Line(process=one, slot="1", direction="in", kind="x"))
        tx.run("UPDATE transcript SET last_at = :old WHERE participant = :p", old=old, p=CONSUMER)

    async def kept() -> set[str]:
        rows = await towns.rows(CONSUMER, DECISIONS, at=old)
        lines = {row["process"] for row in await towns.rows(CONSUMER, LINES)}
        assert lines == {one for row in rows for one in spoken[row["id"]]}
        return {row["id"] for row in rows}

    await towns.db.write(CONSUMER, keep)
    named = agreement.id if about == "agreement" else None
    put = await towns.db.write(CONSUMER, lambda tx: holds.put(tx, CONSUMER, named, "r", "g", did=towns.did(CONSUMER)))
    await maintenance(towns, NoEvidence()).forget()
    assert await kept() == left
    await towns.db.write(CONSUMER, lambda tx: holds.lift(tx, CONSUMER, put.id, "r", "g", did=towns.did(CONSUMER)))
    await maintenance(towns, NoEvidence()).forget()
    assert await kept() == set()


@pytest.mark.on_both
@pytest.mark.threat("T53")
@pytest.mark.parametrize("about", ["agreement", "everything"])
async def test_bug_a_partner_pushed_what_a_hold_covers_out(towns: Towns, about: str) -> None:
    """>> ten lines and decisions, a hold, then far more than are kept << those ten and the newest; lifted: these."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    process = await towns.fetch(CONSUMER, PROVIDER, agreement)

    def say(tx: Tx, numbers: range, since: int) -> None:
        for n in numbers:
            at = tx.now + since + n
            transcript.write(tx, CONSUMER, Line(process=process.id, slot=f"{n:04}", direction="in", kind="x"))
            ruled = KeptDecision(
                id=f"{n:04}",
                agreement=agreement.id,
                process=process.id,
                phase="access",
                permit=False,
                at=at,
                record="{}",
                world="{}",
            )
            decision_store.insert_decision(tx, CONSUMER, ruled)
            tx.run("UPDATE transcript SET at = :at, last_at = :at WHERE slot = :slot", at=at, slot=f"{n:04}")
        transcript.trim(tx, CONSUMER, process.id)
        decision_store.trim(tx, CONSUMER, ruled)

    async def kept() -> tuple[int, int]:
        rows = await towns.rows(CONSUMER, LINES)
        decisions = await towns.rows(
            CONSUMER, "SELECT id FROM decision WHERE participant = :participant AND permit = 0"
        )
        return len([row for row in rows if row["process"] == process.id]), len(decisions)

    await towns.db.write(CONSUMER, say, range(10), -1000)
    named = agreement.id if about == "agreement" else None
    before = (await kept())[0] - 10
    put = await towns.db.write(CONSUMER, lambda tx: holds.put(tx, CONSUMER, named, "r", "g", did=towns.did(CONSUMER)))
    await towns.db.write(CONSUMER, say, range(10, MOST_LINES + 30), 1000)
    assert await kept() == (before + 10 + MOST_LINES, 10 + MOST_REFUSALS)
    await towns.db.write(CONSUMER, lambda tx: holds.lift(tx, CONSUMER, put.id, "r", "g", did=towns.did(CONSUMER)))
    await towns.db.write(CONSUMER, say, range(MOST_LINES + 30, MOST_LINES + 31), 1000)
    assert await kept() == (MOST_LINES, MOST_REFUSALS)


async def test_each_log_is_sealed(towns: Towns) -> None:
    evidence = NoEvidence()
    await maintenance(towns, evidence).seal_logs()
    assert sorted(evidence.sealed) == [PROVIDER, CONSUMER]


async def test_one_log_that_cannot_be_sealed_does_not_stop_the_others(towns: Towns) -> None:
    """Past bug: the key of one participant was away, and whoever came after it had no seal."""
    evidence = NoEvidence()
    evidence.away = {PROVIDER, CONSUMER}
    with pytest.raises(Unavailable, match=rf"{CONSUMER}|{PROVIDER}"):
        await maintenance(towns, evidence).seal_logs()
    assert sorted(evidence.sealed) == [PROVIDER, CONSUMER]


@pytest.mark.on_both
async def test_a_key_in_doubt_is_logged_by_all_and_holds_what_runs(towns: Towns) -> None:
    """>> the consumer's key changed << an alarm in both logs, and a review of what musterstadt provides to it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    await maintenance(towns, NoEvidence()).key_changed(towns.did(CONSUMER), frozenset({"a"}), frozenset({"b"}))
    alarms = "SELECT id FROM audit_entry WHERE participant = :participant AND type = 'alarm'"
    for slug in (CONSUMER, PROVIDER):
        assert len(await towns.rows(slug, alarms)) == 1
    due = "SELECT subject FROM timer WHERE participant = :participant AND kind = 'review' AND due_at <= :now"
    waiting = await towns.rows(PROVIDER, due, now=towns.clock.now() + 5000)
    assert [row["subject"] for row in waiting] == [agreement.id]
    assert await towns.rows(CONSUMER, due, now=towns.clock.now() + 5000) == []


@at_rest
def moved_with(tx: Tx, rows: dict[str, dict[str, Any]]) -> None:
    """The town of this unit had such a transfer, and has moved."""
    for table, row in rows.items():
        whole = {**row, "participant": tx.scope}
        names = ", ".join(f'"{name}"' for name in whole)
        tx.run(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in whole)})", **whole)
    for state in ("moving", "moved"):
        tx.run("UPDATE participant SET state = :state WHERE id = :id", id=tx.scope, state=state)


@pytest.mark.on_both
@pytest.mark.threat("T110")
async def test_who_has_moved_from_here_holds_up_nobody_else(towns: Towns, agreed: Any, started: Any) -> None:
    """>> a town before it in the alphabet has moved in the middle of a transfer; the list suspends the consumer
    << the flow of the one that works here is held at once."""
    pair = await started(towns, await agreed(towns))
    await towns.participants.add("altstadt", "Altstadt", "municipality", "", None)
    rows = {
        table: dict((await towns.rows(PROVIDER, f"SELECT * FROM {table} WHERE participant = :participant"))[0])
        for table in ("negotiation", "agreement", "transfer")
    }
    await towns.db.write("altstadt", moved_with, rows)
    del towns.requesters[towns.did(CONSUMER)]
    await maintenance(towns, NoEvidence()).members_changed(frozenset((towns.did(CONSUMER),)))
    await towns.tick()
    await towns.run()
    assert await shown(towns, pair) == RESTS


@pytest.mark.threat("T101")
@pytest.mark.parametrize("who", [PROVIDER, CONSUMER])
async def test_what_the_list_says_of_either_side_is_judged_at_once(
    towns: Towns, agreed: Any, started: Any, who: str
) -> None:
    """>> data flow; the list suspends the consumer, or the provider itself, which then shares no space with anybody
    << held at once."""
    pair = await started(towns, await agreed(towns))
    assert await shown(towns, pair) == RUNS
    del towns.requesters[towns.did(CONSUMER)]  # as the provider sees it, in both cases
    await maintenance(towns, NoEvidence()).members_changed(frozenset((towns.did(who),)))
    await towns.tick()
    await towns.run()
    assert await shown(towns, pair) == RESTS
